"""`dann import`: read exports into the store, or show what would be read."""

import argparse
import shlex
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.status import Status

from model.errors import DannError
from training.cli.import_views import guess_lines, print_chats, print_preview, print_report, report_json
from training.cli.question import ask
from training.cli.shared import add_command, print_json, print_line
from training.config.tables import Settings
from training.exports.common.record import OWNER
from training.exports.common.stream_errors import one_line

if TYPE_CHECKING:
    from training.posts.chat_selection import ChatSelection
    from training.posts.importer import Exports, ImportReport
    from training.posts.owner import Authors, UnknownOwnerError
    from training.store.posts import Remembered

SKIPPED_SHOWN = 5
GUESSES_SHOWN = 5
LINES_SHOWN = 3


class _Names(argparse.Action):
    """Collects what is given; where older versions took the last alone, all count."""

    def __call__(
        self, _parser: argparse.ArgumentParser, namespace: argparse.Namespace, value: object, _option: str | None = None
    ) -> None:
        setattr(namespace, self.dest, [*(getattr(namespace, self.dest) or []), value])


def add_import(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    parser = add_command(commands, "import", run_import, "read exports of your posts into the store")
    parser.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file, folder or zip")
    parser.add_argument(
        "--me",
        metavar="NAME|ID",
        action=_Names,
        help="who you are in the export; remembered; may be given several times",
    )
    parser.add_argument(
        "--all-mine", action="store_true", help="every line of text, tables and JSON lines that name nobody is yours"
    )
    parser.add_argument(
        "--only",
        metavar="CHAT",
        action=_Names,
        help="read only chats of this name, id or pattern; remembered; may be given several times; '*' takes it back",
    )
    parser.add_argument(
        "--except",
        dest="excepted",
        metavar="CHAT",
        action=_Names,
        help="never read chats of this name, id or pattern, whatever --only says; remembered; may be given several times",
    )
    parser.add_argument("--clear-chats", action="store_true", help="forget which chats were named before")
    parser.add_argument("--dry-run", action="store_true", help="show what would be kept, and store nothing")
    parser.add_argument("--list-chats", action="store_true", help="show the chats in it, and store nothing")
    parser.add_argument(
        "--new-secret",
        action="store_true",
        help="where data/secret is lost: begin with another, and drop who wrote what, who you are and who was forgotten",
    )
    parser.add_argument("--yes", action="store_true", help="do not ask whether what it takes for yours is yours")


def run_import(args: argparse.Namespace, settings: Settings) -> int:
    """`dann import`."""
    from training.posts.importer import read_exports, settle_owner, store_exports  # noqa: PLC0415
    from training.posts.owner import NAMELESS, UnknownOwnerError  # noqa: PLC0415
    from training.posts.secret_file import author_key, give_up_secret, known_owners  # noqa: PLC0415
    from training.store.posts import open_store, remembered  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    console = Console(stderr=True, quiet=args.quiet)
    url, me = settings.data.store_url, args.me or settings.data.me
    all_mine = NAMELESS if args.all_mine else settings.data.all_mine
    known = remembered(url)
    owners = {} if args.new_secret else known_owners(settings.data, known)
    unclear: UnknownOwnerError | None = None
    with console.status("reading") as status:  # first, so that a bad export creates no data folder
        progress = partial(_show_progress, status)
        choice = _choice(args, settings, known)
        exports = read_exports(args.paths, me, progress, lambda: owners, all_mine, choice)
        try:
            settle_owner(exports, me, owners, all_mine)
        except UnknownOwnerError as error:
            unclear = error
    if args.list_chats or args.dry_run:
        return _show(args, settings, exports, unclear, console)
    if unclear:
        raise unclear
    if not _confirmed(args, exports):
        return 1
    with console.status("storing") as status, open_store(url) as store:
        left = give_up_secret(settings.data, store) if args.new_secret else 0
        key = author_key(settings.data, store)
        report = store_exports(store, exports, partial(_show_progress, status), key, settings.privacy)
    if left:
        print_line(
            f"{left:,} who were forgotten or ignored are no longer known: keep out their chats (--except)", console
        )
    if args.json:
        print_json(report_json(report))
    else:
        print_report(report)
    _print_notes(report, console)
    return 0


def _show(
    args: argparse.Namespace,
    settings: Settings,
    exports: "Exports",
    unclear: "UnknownOwnerError | None",
    console: Console,
) -> int:
    """Show the chats, or what would be kept. Raises UnknownOwnerError after that, where an import would be refused."""
    from training.posts.importer import store_exports  # noqa: PLC0415
    from training.store.preview import preview_store  # noqa: PLC0415

    if args.list_chats:
        print_chats(args, exports, unclear)
        if unclear:
            print_line(f"who you are is not clear, so nothing is counted as yours: {unclear}", console, "dim")
        return 0
    with console.status("reading again") as status, preview_store(settings.data.store_url) as store:
        report = store_exports(store, exports, partial(_show_progress, status), privacy=settings.privacy)
    print_preview(args, exports, report, unclear)
    _print_notes(report, console)
    if unclear:
        raise unclear
    return 0


def _show_progress(status: Status, stage: str, read: int) -> None:
    status.update(f"{stage}, {read:,} messages so far")


def _choice(args: argparse.Namespace, settings: Settings, known: "Remembered") -> "ChatSelection":
    """Return which chats to read: by the options, config.toml, and what is remembered."""
    from training.posts.chat_selection import ChatSelection  # noqa: PLC0415

    only, excepted = tuple(args.only or ()), tuple(args.excepted or ())
    for option, patterns in (("--only", only), ("--except", excepted)):
        if not all(pattern.strip() for pattern in patterns):
            raise DannError(f"{option} '': is empty; give a chat's name, id or pattern (--list-chats shows them)")
    data = settings.data
    settled = tuple(data.only_chats), tuple(data.except_chats)
    return ChatSelection(only, excepted, *settled, known.choices, clear=args.clear_chats)


def _confirmed(args: argparse.Namespace, exports: "Exports") -> bool:
    """Ask at a terminal whether words are the owner's that nobody said are; elsewhere they count as theirs."""
    asks = not (args.yes or args.quiet or args.json) and sys.stdin.isatty() and sys.stderr.isatty()
    if not (asks and exports.guessed):
        return True
    console = Console(stderr=True)
    for guess in exports.guessed[:GUESSES_SHOWN]:
        (_, count), *_ = guess.counts.most_common(1)
        print_line(_guess_line(guess, count), console)
        for line in guess_lines(exports, guess, LINES_SHOWN):
            print_line(f"  {line}", console)
    if len(exports.guessed) > GUESSES_SHOWN:
        print_line(f"and {len(exports.guessed) - GUESSES_SHOWN:,} more files", console)
    if ask("are these yours?", default=True):
        return True
    named = any(OWNER not in guess.counts for guess in exports.guessed)
    line = "say who you are with --me NAME or --me ID" if named else "give it a column author, or leave the file out"
    print_line(f"nothing was stored; {line} (--dry-run shows who wrote)", console)
    return False


def _guess_line(guess: "Authors", count: int) -> str:
    """Return what is taken for the owner's, and why."""
    author = next(iter(guess.counts))
    if author == OWNER:
        return f"{guess.label} does not say who wrote it, so all {count:,} lines count as yours:"
    return f"{guess.label}: nobody but {guess.shown(author)} wrote here, so their {count:,} messages count as yours:"


def _print_notes(report: "ImportReport", console: Console) -> None:
    """Print what was not understood and what was passed over."""
    for line in report.notes():
        print_line(line, console, "dim")
    if report.skipped:
        names = ", ".join(report.skipped[:SKIPPED_SHOWN]) + (", ..." if len(report.skipped) > SKIPPED_SHOWN else "")
        line = f"{len(report.skipped):,} not read, of no known format: {names}"
        print_line(line, console, "dim")
    for channel, count in report.stored_before.items():
        command = f"dann forget --source {shlex.quote(one_line(channel))}"
        line = f"{count:,} posts of a chat that is kept out now are in the store: {command}"
        print_line(line, console)
