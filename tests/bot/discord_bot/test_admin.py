"""What owners order on Discord, what the commands are called there, and when they are registered."""

from typing import Any

import pytest

from bot.discord_bot.command_menu import ADMIN_COMMANDS, command_name
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import Flag


@pytest.mark.parametrize("command", ADMIN_COMMANDS)
@with_discord()
async def test_owners_orders_are_passed_on_and_seen_by_them_alone(discord: DiscordHarness, command: str) -> None:
    await discord.registered()
    given: dict[str, dict[str, Any]] = {"rollback": {"checkpoint": "20260101-abc"}, "retrain": {"force": True}}
    options = given.get(command, {})
    argument = {"rollback": "20260101-abc", "retrain": "force"}.get(command, "")
    discord.guild.members[discord.ann.id].administrator = True
    for channel in (discord.room, discord.simulation.dm(discord.ann)):
        answer = await discord.simulation.first_reply(
            discord.simulation.use_command(discord.ann, channel, f"dann-admin {command}", **options)
        )
        assert answer.content == f"did {command} {argument}".strip()
        assert answer.flags & Flag.EPHEMERAL
    place, author, *order = discord.replier.orders[0]
    assert (author.id, place.chat, order) == (
        str(discord.ann.id),
        str(discord.room.id),
        [command, argument],
    )


@with_discord()
async def test_members_are_not_offered_what_is_for_owners(discord: DiscordHarness) -> None:
    await discord.registered()
    with pytest.raises(ValueError, match="administrators alone"):
        discord.simulation.use_command(discord.ann, discord.room, "dann-admin status")


@pytest.mark.parametrize(
    ("persona", "name"),
    [
        ("dann", "dann"),
        ("Mia Lou", "mia-lou"),
        ("J.R. O'Neil!", "jr-oneil"),
        ("Анна", "анна"),
        ("a" * 32, "a" * 26),
        ("☃ ✨", "dann"),
        ("  __x__ ", "__x__"),
    ],
)
def test_the_personas_name_is_made_a_name_that_discord_takes(persona: str, name: str) -> None:
    assert command_name(persona) == name


@with_discord(persona="Mia Lou")
async def test_the_personas_name_names_the_command(discord: DiscordHarness) -> None:
    await discord.registered()
    names = [command["name"] for command in discord.simulation.commands.listed()]
    assert names == ["mia-lou", "mia-lou-admin", "mia-lou-privacy"]
    await discord.simulation.first_reply(
        discord.simulation.use_command(discord.ann, discord.room, "mia-lou", prompt="hi")
    )


@with_discord()
async def test_commands_are_written_only_where_they_changed(discord: DiscordHarness) -> None:
    await discord.registered()
    assert await started_again(discord, "dann") == 1
    assert await started_again(discord, "mia") == 2
    assert await started_again(discord, "mia") == 2


async def started_again(discord: DiscordHarness, persona: str) -> int:
    """Start dann anew; returns how often commands have been written when it has looked at them."""
    await discord.stop()
    looks, names = discord.server.count("GET /applications"), {persona, f"{persona}-admin", f"{persona}-privacy"}
    discord.start(persona=persona)
    await discord.connected()
    await discord.simulation.until(lambda: discord.server.count("GET /applications") > looks)
    await discord.simulation.until(
        lambda: {command["name"] for command in discord.simulation.commands.listed()} == names
    )
    await discord.ask()
    return discord.simulation.commands.writes


@with_discord(connected=False)
async def test_without_its_commands_it_answers_all_the_same(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    discord.server.faults.order(Fault("PUT", "/commands", status=403))
    discord.start()
    await discord.connected()
    await discord.ask()
    await discord.simulation.until(lambda: "could not be registered" in caplog.text)
    assert discord.simulation.commands.listed() == []
