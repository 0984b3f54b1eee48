"""`dann forget --author | --requests` and `dann export-data`: what one person may ask for."""

import argparse
import json
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model.checkpoints.atomic_files import explain_disk_errors
from model.checkpoints.folder import current_or_none
from model.errors import DannError
from training.cli.retrain import retrain_for
from training.cli.shared import add_command, iso, print_json, print_line, print_table
from training.config.tables import Settings

if TYPE_CHECKING:
    from training.posts.exports_holding import ExportsHolding
    from training.posts.leaving import Leaver, LeavingResult
    from training.store.selector import SelectedPosts

WHY = "somebody was forgotten"
"""What `dann runs` says of the retraining after `--now`."""


def add_export_data(commands: Any) -> None:
    """Add `export-data` to a parser's subparsers."""
    about = "write all that is stored of one person to a file"
    parser = add_command(commands, "export-data", run_export_data, about)
    parser.add_argument(
        "--author", metavar="NAME", required=True, help="a name or an id of the exports, or person:… as dann shows it"
    )
    parser.add_argument("--to", metavar="FILE", type=Path, default=Path("stored.json"), help="the file (./stored.json)")


def run_forget_author(
    args: argparse.Namespace, settings: Settings, confirmed: "Callable[[SelectedPosts], bool]"
) -> int:
    """`dann forget --author`."""
    from training.posts.exports_holding import exports_holding  # noqa: PLC0415 (thirty readers)
    from training.posts.leaving import find_person, finish_leaving, forget_person  # noqa: PLC0415
    from training.posts.secret_file import author_key  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    if not args.author.strip():
        raise DannError("--author '': is empty; give a name, an id, or person:… as dann shows it")
    console, data = Console(stderr=True, quiet=args.quiet), settings.data
    with open_store(data.store_url) as store:
        key = author_key(data, store)
        leaver = find_person(store, key, args.author)
        if not args.yes and leaver.posts.ids and not confirmed(leaver.posts):
            console.print("nothing was forgotten")
            return 1
        result = forget_person(store, data, leaver, now=args.now, purge=args.purge)
        finish_leaving(store, data)  # of others, that was cut off before
        holding = exports_holding(data, key, leaver.authors)
        unknown = store.count_without_author()
    told = _told(leaver, result, holding, unknown)
    if not args.json:
        _print_result(result)
    for line in _notes(result, holding, unknown, now=args.now):
        print_line(line, console)
    if args.now:
        print_line("retraining without them; from now on nothing answers that learned from them", console)
        told["retrained"] = retrain_for(WHY, settings, quiet=args.quiet)
        if not args.json:
            print_line(f"retraining: {told['retrained']['verdict']}: {told['retrained']['reason']}")
    if args.json:
        print_json(told)
    return 0


def _told(leaver: "Leaver", result: "LeavingResult", holding: "ExportsHolding", unknown: int) -> dict[str, Any]:
    """Return the object of `--json`."""
    count, mine = len(result.posts.ids), result.posts.mine
    counts = {"forgotten": count, "mine": mine, "context": count - mine, "checkpoints": result.checkpoints}
    became = {"retired": result.retired, "runs": result.runs, "withdrawn": result.withdrawn, "serves": result.serves}
    exports = {"exports": list(map(str, holding.found)), "unread_exports": list(map(str, holding.unread))}
    return {"author": leaver.shown, **counts, **became, **exports, "without_author": unknown, "servers": result.servers}


def _print_result(result: "LeavingResult") -> None:
    count, mine = len(result.posts.ids), result.posts.mine
    print_table([("forgotten", f"{count:,}"), ("  yours", f"{mine:,}"), ("  others'", f"{count - mine:,}")])


def _notes(result: "LeavingResult", holding: "ExportsHolding", unknown: int, *, now: bool) -> list[str]:
    """Return what may still hold the posts, and what became of the rest."""
    notes = []
    if result.withdrawn:
        serves = f"{result.serves} serves now" if result.serves else "none serves now"
        notes.append(f"checkpoints that learned from them, removed: {', '.join(result.withdrawn)}; {serves}")
    elif result.checkpoints and not now:
        end = "removed once another is published" if result.retired else "--now withdraws them at once"
        notes.append(f"checkpoints that may have learned from them: {', '.join(result.checkpoints)}; {end}")
    if result.runs:
        notes.append(f"unfinished runs that may have learned from them, no longer resumable: {', '.join(result.runs)}")
    if holding.found:
        notes.append(f"these files still hold it, remove them yourself: {', '.join(map(str, holding.found))}")
    if holding.unread:
        notes.append(f"these files may hold it, and could not be read: {', '.join(map(str, holding.unread))}")
    if unknown:
        notes.append(
            f"{unknown:,} of others' posts have no author, so theirs may be among them: import those exports again, which "
            "leaves theirs out"
        )
    return notes


def run_requests(args: argparse.Namespace, settings: Settings) -> int:
    """`dann forget --requests`."""
    from training.posts.author_key import shown  # noqa: PLC0415
    from training.posts.leaving import requests  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415
    from training.store.selector import Selector  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        found = [
            {
                "author": shown(one.author),
                "platform": one.platform,
                "requested": iso(one.requested),
                "posts": len(store.find(Selector(authors=frozenset({one.author}))).ids),
            }
            for one in requests(store)
        ]
    if args.json:
        print_json({"requests": found})
    for one in () if args.json else found:
        when = str(one["requested"])[:10]
        command = f"dann forget --author {one['author']} --now"
        print_line(f"{when}  {one['platform']}, {one['posts']:,} stored posts: {command}")
    if not found and not args.json:
        print_line("nobody asks to be forgotten")
    return 0


def run_export_data(args: argparse.Namespace, settings: Settings) -> int:
    """`dann export-data`."""
    from training.posts.leaving import find_person, learned_by  # noqa: PLC0415
    from training.posts.secret_file import author_key  # noqa: PLC0415
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        leaver = find_person(store, author_key(settings.data, store), args.author)
        posts = [asdict(post) for post in store.posts_of(leaver.authors)]
    kept = ("id", "channel", "mine", "time", "text", "reply_to", "edited", "source")
    root = settings.data.checkpoints
    whole = {
        "person": leaver.shown,
        "posts": [{key: post[key] for key in kept} | {"written": iso(post["time"])} for post in posts],
        "requests": [
            {key: iso(getattr(one, key)) for key in ("ignored", "requested", "forgotten")} for one in leaver.people
        ],
        "checkpoints_that_may_have_learned_them": learned_by(root, leaver),
        "checkpoint_that_serves": current_or_none(root),
    }
    _write(args.to, json.dumps(whole, ensure_ascii=False, indent=2))
    if args.json:
        print_json({"file": str(args.to), "posts": len(posts)})
    else:
        print_line(f"{len(posts):,} posts written to {args.to}, which others on this machine cannot read")
    return 0


def _write(file: Path, text: str) -> None:
    """Write a new file for its owner alone. Raises DannError where there is one, or none can be written."""
    with explain_disk_errors(file):
        try:
            file.touch(0o600, exist_ok=False)
        except FileExistsError:
            raise DannError(f"--to {file}: is there already; give another name") from None
        try:
            with file.open("w", encoding="utf-8") as opened:
                opened.write(f"{text}\n")
                opened.flush()
                os.fsync(opened.fileno())
        except BaseException:
            file.unlink(missing_ok=True)
            raise
