"""The `dann` command: training's commands, and those of the bot."""

import argparse
import asyncio
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING

from rich.console import Console

from bot import platforms
from bot.config import BotSettings, Tokens
from bot.process import memory_tuning
from model.checkpoints.folder import refuse_withdrawn
from model.config import MAX_SEED, SAMPLING_OPTIONS, SEED_HELP
from model.errors import DannError
from training.cli.main import add_commands
from training.cli.shared import add_command, add_setting, print_json, print_line, root_parser, run_command

if TYPE_CHECKING:
    from model.engine.engine import Engine

MAX_REPLIES = 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of the console script."""
    parser = root_parser("dann", "Learns how you post, and answers in your voice.")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    add_commands(commands)
    saying = add_command(commands, "say", run_say, "answer once")
    saying.add_argument(
        "prompt", metavar="PROMPT", nargs="?", default="", help="what to answer; without it, dann just talks"
    )
    saying.add_argument("--count", metavar="N", type=int, default=1, help="how many answers, from consecutive seeds")
    add_sampling(saying)
    chatting = add_command(commands, "chat", run_chat, "talk with dann at the terminal")
    add_sampling(chatting)
    add_command(commands, "serve", run_serve, "answer on Discord, on Telegram and on the web: a page and an API")
    add_command(commands, "doctor", run_doctor, "find what would keep dann from serving, and say what to do about it")
    add_command(commands, "demo", run_demo, "see all of it work on a made-up person, in two minutes")
    return run_command(parser, argv, platforms.settings_class())


def add_sampling(parser: argparse.ArgumentParser) -> None:
    """Add the options of a reply: sampling, random seed and checkpoint."""
    for option in SAMPLING_OPTIONS.values():
        add_setting(parser, option.typed_name, f"sample.{option.field}", "X", option.help)
    parser.add_argument("--seed", dest="reply_seed", metavar="S", type=int, help=SEED_HELP)
    parser.add_argument("--checkpoint", metavar="ID", help="default: the one that serves")


def load_engine(args: argparse.Namespace, settings: BotSettings) -> "Engine":
    """Load the checkpoint that serves, or the one of --checkpoint."""
    from model.engine.engine import Engine  # noqa: PLC0415 (JAX takes seconds to import)
    from training.posts.guarding import load_guarded  # noqa: PLC0415

    return Engine(load_guarded(settings, settings.data.checkpoints, getattr(args, "checkpoint", None)))


def run_say(args: argparse.Namespace, settings: BotSettings) -> int:
    """`dann say`."""
    if not 1 <= args.count <= MAX_REPLIES:
        raise DannError(f"--count {args.count}: must be from 1 to {MAX_REPLIES}")
    engine = load_engine(args, settings)
    from bot.chat import in_words  # noqa: PLC0415
    from model.engine.engine import Turn  # noqa: PLC0415

    first = chosen_seed(args.reply_seed)
    conversation = [Turn(mine=False, text=args.prompt)] if args.prompt else []
    seeds = range(first, first + args.count)
    replies = engine.replies([(conversation, settings.sample, seed) for seed in seeds])
    refuse_withdrawn(settings.data.checkpoints, engine.snapshot.id)  # it may have been forgotten meanwhile
    if args.json:
        keys = ("text", "seed", "tokens", "finish_reason")
        shown = [{key: getattr(reply, key) for key in keys} for reply in replies]
        print_json({"checkpoint": engine.snapshot.id, "replies": shown})
    else:
        sys.stdout.writelines(f"{in_words(reply)}\n" for reply in replies)
        sys.stdout.flush()  # a closed pipe shows here, not while Python is shutting down
    return 0


def chosen_seed(requested: int | None) -> int:
    """The requested seed, or a random one. Raises DannError for one out of range."""
    if requested is None:
        return secrets.randbelow(2**31)
    if not 0 <= requested <= MAX_SEED:
        raise DannError(f"--seed {requested}: must be from 0 to {MAX_SEED}")
    return requested


def run_chat(args: argparse.Namespace, settings: BotSettings) -> int:
    """`dann chat`."""
    from bot.chat import Chat  # noqa: PLC0415

    engine = load_engine(args, settings)
    check = partial(refuse_withdrawn, settings.data.checkpoints, engine.snapshot.id)
    chat = Chat(engine, settings.sample, settings.persona.name, args.reply_seed, check)
    chat.run(sys.stdin, Console())
    return 0


def run_serve(args: argparse.Namespace, settings: BotSettings) -> int:
    """`dann serve`."""
    memory_tuning.share_arenas()
    with memory_tuning.without_collecting():
        from bot.app import serve  # noqa: PLC0415

    tell = partial(print_line, console=Console(stderr=True, quiet=args.quiet))
    return asyncio.run(serve(settings, load_tokens(), tell))


def load_tokens() -> Tokens:
    """Read every platform's token and the web's secrets from the environment."""
    return Tokens.from_environment(
        {platform.name: platform.table.environment_variable for platform in platforms.PLATFORMS}
    )


def run_doctor(args: argparse.Namespace, settings: BotSettings) -> int:
    """`dann doctor`."""
    from bot.doctor import examine, print_findings  # noqa: PLC0415

    findings = asyncio.run(examine(settings, load_tokens()))
    if args.json:
        print_json({"findings": [asdict(finding) for finding in findings]})
    else:
        print_findings(findings)
    return int(any(finding.trouble for finding in findings))


def run_demo(args: argparse.Namespace, settings: BotSettings) -> int:
    """`dann demo`."""
    from bot.demo import demo  # noqa: PLC0415

    return demo(settings, Console(stderr=True, quiet=args.quiet))
