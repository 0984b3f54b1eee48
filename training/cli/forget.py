"""`dann forget`: posts out of the store for good."""

import argparse
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model.errors import DannError
from training.cli.shared import add_command, print_json, print_table, terminal
from training.config.tables import DataConfig, Settings
from training.exports.common import iso_time

if TYPE_CHECKING:
    from training.posts.forgetting import Forgotten
    from training.store.posts import PostStore
    from training.store.selector import Found, Selector

LONGEST_ID = 200
"""Characters: longer ids are kept as their digest (importer.py)."""


def add_forget(commands: Any) -> None:
    """Add the command to a parser's subparsers."""
    about = "take posts out for good, so that no import brings them back"
    parser = add_command(commands, "forget", run_forget, about)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--contains", metavar="TEXT", help="posts that contain this, in upper or lower case")
    which.add_argument("--id", metavar="ID", help="one post, such as discord:901 or telegram:77:12")
    which.add_argument("--source", metavar="NAME", help="all posts of this source (`dann posts` lists them)")
    which.add_argument("--before", metavar="DATE", help="posts written before this day (UTC), such as 2023-05-01")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.add_argument(
        "--purge",
        action="store_true",
        help="also remove what was made of them: samples now, and after the next retrain the checkpoints that may have "
        "learned from them, which is all but those made a day or more before the first of them was written",
    )


def run_forget(args: argparse.Namespace, settings: Settings) -> int:
    """`dann forget`."""
    from training.posts.forgetting import forget  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    selector = _selector(args)
    told = terminal(quiet=args.quiet)
    with open_store(settings.data.store_url) as store:
        found = _found(store, selector)
        if found.ids and not args.yes and not _agreed(found):
            told.print("nothing was forgotten")
            return 1
        done = forget(store, settings.data, selector, purge=args.purge)
        _tell(args, done, told, settings.data)
        try:
            store.scrub()
        except DannError as error:
            raise DannError(
                f"{error}; the posts are forgotten; do the same again later to clear the file too"
            ) from error
    return 0


def _selector(args: argparse.Namespace) -> "Selector":
    """What was given, checked; argparse sees to there being exactly one."""
    from training.store.selector import Selector  # noqa: PLC0415

    for option in ("contains", "id", "source", "before"):
        value = getattr(args, option)
        if value is not None and not value.strip():
            raise DannError(f"--{option} '': is empty; give something to look for")
    if args.id is not None and len(args.id) > LONGEST_ID:
        raise DannError(f"--id: no id is longer than {LONGEST_ID} characters; this has {len(args.id):,}")
    before = iso_time.seconds(args.before)
    if args.before is not None and before is None:
        raise DannError(f"--before {args.before}: is no date; write it as in --before 2023-05-01")
    return Selector(contains=args.contains, id=args.id, source=args.source, before=before)


def _found(store: "PostStore", selector: "Selector") -> "Found":
    """Raises DannError for an id and a source that never were."""
    found = store.find(selector)
    if found.ids:
        return found
    if selector.id is not None and not store.has_forgotten(selector.id):
        raise DannError(f"--id {selector.id}: there is no such post; ids look like discord:901 or telegram:77:12")
    if selector.source is not None:
        known = ", ".join(sorted(store.summary().sources)) or "none: the store is empty"
        raise DannError(f"--source {selector.source}: no posts are from there; there are {known}")
    return found


def _agreed(found: "Found") -> bool:
    """Ask. Raises DannError where nobody can be asked."""
    plural = "" if len(found.ids) == 1 else "s"
    about = f"{len(found.ids):,} post{plural} ({found.mine:,} of yours{_span(found)})"
    if not sys.stdin.isatty():
        raise DannError(f"this would forget {about} for good; say --yes to do so without being asked")
    Console(stderr=True).print(f"forget {about} for good? \\[y/N] ", end="", highlight=False)
    return sys.stdin.readline().strip().lower() in {"y", "yes"}


def _span(found: "Found") -> str:
    if found.oldest is None or found.newest is None:
        return ""
    first, last = (datetime.fromtimestamp(time, UTC).date().isoformat() for time in (found.oldest, found.newest))
    return f", {first} to {last}"


def _tell(args: argparse.Namespace, done: "Forgotten", told: Console, data: DataConfig) -> None:
    count, mine = len(done.found.ids), done.found.mine
    if args.json:
        counts = {"forgotten": count, "mine": mine, "context": count - mine}
        print_json({**counts, "checkpoints": done.checkpoints, "retired": done.retired, "runs": done.runs})
    else:
        print_table([("forgotten", f"{count:,}"), ("  yours", f"{mine:,}"), ("  others'", f"{count - mine:,}")])
    if count:
        for line in _notes(done, data, purged=args.purge):
            told.print(line, markup=False, highlight=False, soft_wrap=True)


def _notes(done: "Forgotten", data: DataConfig, *, purged: bool) -> list[str]:
    """What else holds something of the posts, and what becomes of it."""
    notes = []
    if done.checkpoints:
        fate = "they go once another is published" if done.retired else "`dann rm ID` removes one that does not serve"
        notes.append(f"checkpoints that may have learned from them: {', '.join(done.checkpoints)}; {fate}")
    if done.runs:
        notes.append(f"unfinished runs that may have, and can no longer be gone on with: {', '.join(done.runs)}")
    if not purged and any(data.runs.glob("*/samples.txt")):
        notes.append(f"{data.runs}: samples of experiments may quote them; --purge removes those")
    done_folder = data.inbox_folder / "done" if data.inbox_folder else None
    if done_folder and done_folder.is_dir() and any(done_folder.iterdir()):
        notes.append(f"{done_folder}: exports that were imported still hold what they held; remove them yourself")
    return notes
