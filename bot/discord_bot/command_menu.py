"""`/dann` and `/dann-admin` as Discord's commands: names, options, ranges."""

import inspect
import re
from collections.abc import Awaitable, Callable
from operator import itemgetter
from typing import Any

import discord
from discord import app_commands

from bot.replies.options import OPTIONS, PRIVACY_COMMANDS, CommandOption

ADMIN_COMMANDS = {
    "status": "what serves, since when, and how busy it is",
    "retrain": "learn from what is new, now",
    "rollback": "serve an earlier checkpoint",
    "pause": "answer nobody until resumed",
    "resume": "answer again",
    "reload": "serve what was published last",
}
"""Owners' commands and their descriptions."""

LONGEST_NAME = 32
"""Characters that Discord allows."""
MAX_NAME = LONGEST_NAME - len("-admin")
PRIVACY_SUFFIX = "-privacy"
DEFAULT_NAME = "dann"

Interaction = discord.Interaction[discord.Client]
OnDann = Callable[[Interaction, dict[str, Any]], Awaitable[None]]
"""Answers `/dann` with the given options, by name."""
OnAdmin = Callable[[Interaction, str, str], Awaitable[None]]
"""Answers `/dann-admin command argument`."""
OnPrivacy = Callable[[Interaction, str], Awaitable[None]]
"""Answers `/dann-privacy command`."""


def command_name(persona: str) -> str:
    """Return the persona's name as a command, "dann" where no letter is left that Discord knows in lower case."""
    name = re.sub(r"[^\w-]", "", re.sub(r"\s+", "-", persona.strip())).lower()[:MAX_NAME].strip("-")
    return name if name and name == name.lower() else DEFAULT_NAME


def add_commands(
    tree: "app_commands.CommandTree[Any]",
    persona: str,
    on_dann: OnDann,
    on_admin: OnAdmin,
    on_privacy: OnPrivacy,
    *,
    in_private: bool,
) -> None:
    """Add the commands to the tree; `in_private`: `/dann` also in private messages."""
    name = command_name(persona)
    tree.add_command(_dann(name, persona, on_dann, in_private=in_private))
    tree.add_command(_admin(name, on_admin))
    tree.add_command(_privacy(name, on_privacy))


def _dann(name: str, persona: str, on_dann: OnDann, *, in_private: bool) -> "app_commands.Command[Any, ..., None]":
    async def answer(interaction: Interaction, **options: Any) -> None:
        await on_dann(interaction, {option: value for option, value in options.items() if value is not None})

    descriptions = {option.name: option.description[:100] for option in OPTIONS}
    signed: Any = answer
    signed.__signature__ = _signature()  # discord.py reads a command's options from there
    command: app_commands.Command[Any, ..., None] = app_commands.Command(
        name=name,
        description=f"talk to {persona}",
        callback=app_commands.describe(**descriptions)(signed),
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=in_private, private_channel=False),
    )
    return command


def _signature() -> inspect.Signature:
    """Build the signature of a function with OPTIONS as optional parameters."""
    keyword = inspect.Parameter.KEYWORD_ONLY
    first = inspect.Parameter("interaction", inspect.Parameter.POSITIONAL_OR_KEYWORD)
    options = [inspect.Parameter(o.name, keyword, default=None, annotation=_annotation(o)) for o in OPTIONS]
    return inspect.Signature([first, *options])


def _annotation(option: CommandOption) -> Any:
    """Return an option's type for discord.py, with the range that Discord shows."""
    ranged: Any = app_commands.Range
    return ranged[option.kind, option.minimum, option.maximum] if option.minimum is not None else option.kind


def signature_problem(interaction: Interaction) -> str:
    """Say which option of `/dann` is wrong, as from an app with the former commands; "" where none is."""
    known = {option.name: option for option in OPTIONS}
    data: Any = interaction.data or {}
    for given in data.get("options", ()):
        if given["type"] == discord.AppCommandOptionType.subcommand.value:  # of the owners' command
            return ""
        if (option := known.get(given["name"])) is None:
            return f"{given['name'][:20]} is no option here; there are {', '.join(known)}"
        if not isinstance(given["value"], str if option.kind is str else int | float):
            return f"{option.name} takes {option.allowed}"
    return ""


def _admin(name: str, on_admin: OnAdmin) -> app_commands.Group:
    """Build `/dann-admin`, offered to administrators and in private: Discord knows no owners, who are checked later."""
    group = app_commands.Group(
        name=f"{name}-admin", description="for owners alone", default_permissions=discord.Permissions.none()
    )
    for command, about in ADMIN_COMMANDS.items():
        special = {"rollback": _rollback_command, "retrain": _retrain_command}
        callback = special[command](on_admin) if command in special else _plain_command(command, on_admin)
        group.add_command(app_commands.Command(name=command, description=about, callback=callback))
    return group


def _privacy(name: str, on_privacy: OnPrivacy) -> app_commands.Group:
    """Build `/dann-privacy`, for everybody and everywhere, also where dann answers no private messages."""
    group = app_commands.Group(
        name=f"{name[: LONGEST_NAME - len(PRIVACY_SUFFIX)].rstrip('-')}{PRIVACY_SUFFIX}",
        description="what is kept of you, and how to leave",
        allowed_contexts=app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False),
    )
    for command, about in PRIVACY_COMMANDS.items():
        callback = _privacy_command(command, on_privacy)
        group.add_command(app_commands.Command(name=command, description=about, callback=callback))
    return group


def _privacy_command(command: str, on_privacy: OnPrivacy) -> Any:
    async def run(interaction: Interaction) -> None:
        await on_privacy(interaction, command)

    return run


def _plain_command(command: str, on_admin: OnAdmin) -> Any:
    async def run(interaction: Interaction) -> None:
        await on_admin(interaction, command, "")

    return run


def _rollback_command(on_admin: OnAdmin) -> Any:
    async def run(interaction: Interaction, checkpoint: str = "") -> None:
        await on_admin(interaction, "rollback", checkpoint)

    return app_commands.describe(checkpoint="which one; nothing: the one before")(run)


def _retrain_command(on_admin: OnAdmin) -> Any:
    async def run(interaction: Interaction, force: bool = False) -> None:
        await on_admin(interaction, "retrain", "force" if force else "")

    return app_commands.describe(force="even where there is little new")(run)


async def is_synced(tree: "app_commands.CommandTree[Any]") -> bool:
    """Whether Discord lists exactly these, by raw JSON: discord.py 2.7.1 misreads where a command is offered."""
    http, application = tree.client.http, tree.client.application_id
    listed = _comparable(await http.get_global_commands(application or 0))
    own = _comparable([command.to_dict(tree) for command in tree.get_commands()])
    return sorted(own, key=itemgetter("name")) == sorted(listed, key=itemgetter("name"))


_COMPARED = frozenset(
    {"name", "description", "type", "options", "required", "choices", "min_value", "max_value"}
    | {"contexts", "default_member_permissions"}
)


def _comparable(command: Any) -> Any:
    """Reduce a command or option to what may differ; 0 is significant."""
    if isinstance(command, list):
        return [_comparable(item) for item in command]
    if not isinstance(command, dict):
        return command
    comparable = {
        key: _comparable(value)
        for key, value in command.items()
        if key in _COMPARED and value is not None and value is not False and value != []
    }
    if "default_member_permissions" in comparable:  # sent as a number, listed as a string
        comparable["default_member_permissions"] = str(comparable["default_member_permissions"])
    return comparable
