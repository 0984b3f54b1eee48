"""`dann checkpoints | rollback | pin | rm`: the folder of checkpoints at the terminal. Decides nothing itself."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from model.checkpoints.retention import CheckpointInfo, list_checkpoints, pin, remove, unpin
from model.checkpoints.rollback import rollback
from model.errors import DannError
from training.cli.shared import add_command, print_json, terminal
from training.config.tables import Settings

WAIT_SECONDS = 5.0
"""How long a list waits for the store; it is a list without it, too."""

ONE = "a checkpoint, as `dann checkpoints` lists them"


def add_checkpoints(commands: Any) -> None:
    """Add these commands to a parser's subparsers."""
    add_command(commands, "checkpoints", run_checkpoints, "list the checkpoints, and which one serves")
    rolling = add_command(commands, "rollback", run_rollback, "let an earlier checkpoint serve again")
    rolling.add_argument("id", metavar="ID", nargs="?", default="", help="default: the one that served before")
    pinning = add_command(commands, "pin", run_pin, "keep a checkpoint, however old it is")
    pinning.add_argument("id", metavar="ID", help=ONE)
    pinning.add_argument("--off", action="store_true", help="no longer keep it")
    removing = add_command(commands, "rm", run_rm, "remove a checkpoint for good")
    removing.add_argument("id", metavar="ID", help=ONE)


def run_checkpoints(args: argparse.Namespace, settings: Settings) -> int:
    """`dann checkpoints`."""
    found = list_checkpoints(settings.data.checkpoints, _refused(settings))
    if args.json:
        print_json({"checkpoints": [asdict(one) for one in found]})
    elif found:
        Console().print(as_table(found), highlight=False)
    else:
        Console().print("no checkpoint yet; `dann train` makes one", highlight=False)
    return 0


def _refused(settings: Settings) -> dict[str, str]:
    """Why candidates were refused, by id. A store that is not there, or cannot be read, hides no checkpoint."""
    if not (settings.data.url or settings.data.store_file.exists()):  # opening it would make it
        return {}
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    try:
        with open_runs(settings.data.store_url, WAIT_SECONDS) as runs:
            rows = runs.last()
    except DannError as error:
        terminal().print(
            f"why candidates were refused is not known: {error}", style="dim", markup=False, soft_wrap=True
        )
        return {}
    return {run.candidate: run.reason for run in rows if run.candidate and run.verdict == "refused"}


def run_rollback(args: argparse.Namespace, settings: Settings) -> int:
    """`dann rollback`."""
    done = rollback(settings.data.checkpoints, args.id)
    same = f"{done.now} serves already"
    changed = f"{done.now} serves now, instead of {done.before or 'none'}"
    _tell(args, same if done.now == done.before else changed, current=done.now, before=done.before)
    return 0


def run_pin(args: argparse.Namespace, settings: Settings) -> int:
    """`dann pin`."""
    (unpin if args.off else pin)(settings.data.checkpoints, args.id)
    told = f"{args.id} is no longer pinned" if args.off else f"{args.id} is pinned: it stays, however old it is"
    _tell(args, told, id=args.id, pinned=not args.off)
    return 0


def run_rm(args: argparse.Namespace, settings: Settings) -> int:
    """`dann rm`."""
    remove(settings.data.checkpoints, args.id)
    _tell(args, f"{args.id} is removed", removed=args.id)
    return 0


def as_table(found: Sequence[CheckpointInfo]) -> Table:
    """A line each, oldest first; under it, what is wrong with one or why it was refused."""
    table = Table(box=None, pad_edge=False)
    for head in ("checkpoint", "made"):
        table.add_column(head, no_wrap=True)
    for head in ("posts", "bits per byte", "size"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for one in found:
        table.add_row(
            one.id,
            (one.created or "-")[:16].replace("T", " "),
            "-" if one.posts is None else f"{one.posts:,}",
            "-" if one.val_bpb is None else f"{one.val_bpb:.3f}",
            decimal(one.bytes),
            "; ".join(_notes(one)),
        )
    return table


def _notes(one: CheckpointInfo) -> list[str]:
    """What there is to say of a checkpoint besides its figures."""
    states = {"serves": one.current, "pinned": one.pinned, "goes after the next publish": one.retired}
    notes = [state for state, holds in states.items() if holds]
    notes += [f"refused: {one.refused}"] if one.refused else []
    return notes + ([one.damaged] if one.damaged else [])


def _tell(args: argparse.Namespace, line: str, **told: Any) -> None:
    if args.json:
        print_json(told)
    else:
        Console().print(line, markup=False, highlight=False, soft_wrap=True)
