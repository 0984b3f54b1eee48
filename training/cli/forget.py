"""`dann forget`: delete posts for good."""

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model.errors import DannError
from training.cli.leaving import run_forget_author, run_requests
from training.cli.question import ask
from training.cli.shared import add_command, print_json, print_line, print_table
from training.config.tables import DataConfig, Settings
from training.exports.common import iso_time

if TYPE_CHECKING:
    from training.posts.forgetting import ForgetResult
    from training.store.posts import PostStore
    from training.store.selector import SelectedPosts, Selector

LONGEST_ID = 200
"""Characters: longer ids are stored as digests (posts/importer.py)."""


def add_forget(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    about = "delete posts for good; no import restores them"
    parser = add_command(commands, "forget", run_forget, about)
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--contains", metavar="TEXT", help="posts that contain this, in upper or lower case")
    which.add_argument("--id", metavar="ID", help="one post, such as discord:901 or telegram:77:12")
    which.add_argument(
        "--source",
        metavar="NAME",
        help="all posts of this source (`dann posts` lists them), or of one chat, such as telegram:77",
    )
    which.add_argument("--before", metavar="DATE", help="posts written before this day (UTC), such as 2023-05-01")
    parser.add_argument(
        "--author",
        metavar="NAME",
        help="everything of one person, by a name or an id of the exports, or by person:… as dann shows it",
    )
    parser.add_argument(
        "--now",
        action="store_true",
        help="with --author: withdraw every checkpoint that learned from them at once, then retrain",
    )
    parser.add_argument("--requests", action="store_true", help="list who asks to be forgotten, and delete nothing")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--purge",
        action="store_true",
        help="also delete samples now and, after the next retrain, the checkpoints that may have learned from the posts",
    )


def run_forget(args: argparse.Namespace, settings: Settings) -> int:
    """`dann forget`."""
    _check_choice(args)
    if args.requests:
        return run_requests(args, settings)
    if args.author is not None:
        return run_forget_author(args, settings, _confirmed)
    from training.posts.forgetting import forget  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    selector = _selector(args)
    console = Console(stderr=True, quiet=args.quiet)
    with open_store(settings.data.store_url) as store:
        posts = _select(store, selector)
        if posts.ids and not args.yes and not _confirmed(posts):
            console.print("nothing was forgotten")
            return 1
        result = forget(store, settings.data, selector, purge=args.purge)
        _print_result(args, result, console, settings.data)
        try:
            store.scrub()
        except DannError as error:
            done = "the posts are forgotten; run this command again later to clear the file too"
            raise DannError(f"{error}; {done}") from error
    return 0


class WrongOptionsError(DannError):
    """The options do not go together, as argparse would say."""

    exit_code = 2


def _check_choice(args: argparse.Namespace) -> None:
    """Refuse none or several of the options that say what to delete."""
    options = ("contains", "id", "source", "before", "author")
    given = [f"--{option}" for option in options if getattr(args, option) is not None]
    given += ["--requests"] if args.requests else []
    if len(given) != 1:
        found = " and ".join(given) or "none"
        raise WrongOptionsError(
            f"forget: one of --contains, --id, --source, --before, --author and --requests is needed; found {found}"
        )
    if args.now and args.author is None:
        raise WrongOptionsError(
            "--now: goes with --author; elsewhere --purge removes checkpoints once another is published"
        )


def _selector(args: argparse.Namespace) -> "Selector":
    """Return the validated selection; argparse allows exactly one option."""
    from training.store.selector import Selector  # noqa: PLC0415

    for option in ("contains", "id", "source", "before"):
        value = getattr(args, option)
        if value is not None and not value.strip():
            raise DannError(f"--{option} '': is empty; give something to look for")
    if args.id is not None and len(args.id) > LONGEST_ID:
        raise DannError(f"--id: no id is longer than {LONGEST_ID} characters; this has {len(args.id):,}")
    before = iso_time.seconds(args.before)
    if args.before is not None and before is None:
        raise DannError(f"--before {args.before}: is not a date; write it as in --before 2023-05-01")
    source, channel = (None, args.source) if ":" in (args.source or "") else (args.source, None)
    return Selector(contains=args.contains, id=args.id, source=source, before=before, channel=channel)


def _select(store: "PostStore", selector: "Selector") -> "SelectedPosts":
    """Return the selected posts. Raises DannError for an unknown id or source."""
    posts = store.find(selector)
    if posts.ids:
        return posts
    if selector.id is not None and not store.has_forgotten(selector.id):
        raise DannError(f"--id {selector.id}: there is no such post; ids look like discord:901 or telegram:77:12")
    if selector.source is not None:
        known = ", ".join(sorted(store.summary().sources)) or "none: the store is empty"
        raise DannError(f"--source {selector.source}: no posts are from there; there are {known}")
    if selector.channel is not None:
        raise DannError(
            f"--source {selector.channel}: no posts are from that chat; ids look like telegram:77 or discord:5"
        )
    return posts


def _confirmed(posts: "SelectedPosts") -> bool:
    """Ask for confirmation. Raises DannError without a terminal."""
    plural = "" if len(posts.ids) == 1 else "s"
    count = f"{len(posts.ids):,} post{plural} ({posts.mine:,} of yours{_time_span(posts)})"
    if not sys.stdin.isatty():
        raise DannError(f"this would forget {count} for good; give --yes to confirm")
    return ask(f"forget {count} for good?", default=False)


def _time_span(posts: "SelectedPosts") -> str:
    if posts.oldest is None or posts.newest is None:
        return ""
    first, last = (datetime.fromtimestamp(time, UTC).date().isoformat() for time in (posts.oldest, posts.newest))
    return f", {first} to {last}"


def _print_result(args: argparse.Namespace, result: "ForgetResult", console: Console, data: DataConfig) -> None:
    count, mine = len(result.posts.ids), result.posts.mine
    if args.json:
        counts = {"forgotten": count, "mine": mine, "context": count - mine}
        print_json({**counts, "checkpoints": result.checkpoints, "retired": result.retired, "runs": result.runs})
    else:
        print_table([("forgotten", f"{count:,}"), ("  yours", f"{mine:,}"), ("  others'", f"{count - mine:,}")])
    if count:
        for line in _notes(result, data, purged=args.purge):
            print_line(line, console)


def _notes(result: "ForgetResult", data: DataConfig, *, purged: bool) -> list[str]:
    """Return what may still contain the posts, and when that is removed."""
    notes = []
    if result.checkpoints:
        end = "removed once another is published" if result.retired else "`dann rm ID` removes one that does not serve"
        notes.append(f"checkpoints that may have learned from them: {', '.join(result.checkpoints)}; {end}")
    if result.runs:
        notes.append(f"unfinished runs that may have learned from them, no longer resumable: {', '.join(result.runs)}")
    if not purged and any(data.runs.glob("*/samples.txt")):
        notes.append(f"{data.runs}: samples of experiments may contain them; --purge removes those")
    imported = data.inbox_folder / "done" if data.inbox_folder else None
    if imported and imported.is_dir() and any(imported.iterdir()):
        notes.append(f"{imported}: imported exports may still contain them; remove those files yourself")
    return notes
