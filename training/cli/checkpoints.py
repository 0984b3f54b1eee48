"""`dann checkpoints | rollback | pin | rm`: manage checkpoints. Makes no decisions itself."""

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
from training.cli.shared import add_command, print_json, print_line
from training.config.tables import Settings

WAIT_SECONDS = 5.0
"""How long a listing waits for the store; without the store it only lacks reasons."""

ID_HELP = "a checkpoint, as `dann checkpoints` lists them"


def add_checkpoints(commands: Any) -> None:
    """Add the commands to a parser's subparsers."""
    add_command(commands, "checkpoints", run_checkpoints, "list the checkpoints, and which one serves")
    rolling = add_command(commands, "rollback", run_rollback, "put an earlier checkpoint back in service")
    rolling.add_argument("id", metavar="ID", nargs="?", default="", help="default: the one that served before")
    pinning = add_command(commands, "pin", run_pin, "keep a checkpoint, however old it is")
    pinning.add_argument("id", metavar="ID", help=ID_HELP)
    pinning.add_argument("--off", action="store_true", help="no longer keep it")
    removing = add_command(commands, "rm", run_rm, "remove a checkpoint for good")
    removing.add_argument("id", metavar="ID", help=ID_HELP)


def run_checkpoints(args: argparse.Namespace, settings: Settings) -> int:
    """`dann checkpoints`."""
    checkpoints = list_checkpoints(settings.data.checkpoints, _refusals(settings))
    if args.json:
        print_json({"checkpoints": [asdict(checkpoint) for checkpoint in checkpoints]})
    elif checkpoints:
        Console().print(as_table(checkpoints), highlight=False)
    else:
        print_line("no checkpoint yet; `dann train` makes one")
    return 0


def _refusals(settings: Settings) -> dict[str, str]:
    """Return why candidates were refused, by id; nothing if the store is missing or unreadable."""
    if not (settings.data.url or settings.data.store_file.exists()):  # opening it would create it
        return {}
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    try:
        with open_runs(settings.data.store_url, WAIT_SECONDS) as runs:
            rows = runs.last()
    except DannError as error:
        print_line(f"the reasons for refusals are not known: {error}", Console(stderr=True), "dim")
        return {}
    return {run.candidate: run.reason for run in rows if run.candidate and run.verdict == "refused"}


def run_rollback(args: argparse.Namespace, settings: Settings) -> int:
    """`dann rollback`."""
    result = rollback(settings.data.checkpoints, args.id)
    same = f"{result.now} serves already"
    changed = f"{result.now} serves now, instead of {result.before or 'none'}"
    _print_result(args, same if result.now == result.before else changed, current=result.now, before=result.before)
    return 0


def run_pin(args: argparse.Namespace, settings: Settings) -> int:
    """`dann pin`."""
    (unpin if args.off else pin)(settings.data.checkpoints, args.id)
    message = f"{args.id} is no longer pinned" if args.off else f"{args.id} is pinned: it stays, however old it is"
    _print_result(args, message, id=args.id, pinned=not args.off)
    return 0


def run_rm(args: argparse.Namespace, settings: Settings) -> int:
    """`dann rm`."""
    remove(settings.data.checkpoints, args.id)
    _print_result(args, f"{args.id} is removed", removed=args.id)
    return 0


def as_table(checkpoints: Sequence[CheckpointInfo]) -> Table:
    """Return one row per checkpoint, with notes such as damage or why it was refused."""
    table = Table(box=None, pad_edge=False)
    for head in ("checkpoint", "made"):
        table.add_column(head, no_wrap=True)
    for head in ("posts", "bits per byte", "size"):
        table.add_column(head, justify="right", no_wrap=True)
    table.add_column("", overflow="fold")
    for checkpoint in checkpoints:
        table.add_row(
            checkpoint.id,
            (checkpoint.created or "-")[:16].replace("T", " "),
            "-" if checkpoint.posts is None else f"{checkpoint.posts:,}",
            "-" if checkpoint.val_bpb is None else f"{checkpoint.val_bpb:.3f}",
            decimal(checkpoint.bytes),
            "; ".join(_notes(checkpoint)),
        )
    return table


def _notes(checkpoint: CheckpointInfo) -> list[str]:
    """Return a checkpoint's states and problems."""
    notes = ["serves"] if checkpoint.current else []
    notes += ["pinned"] if checkpoint.pinned else []
    notes += ["removed after the next publish"] if checkpoint.retired else []
    notes += ["withdrawn: it learned what was forgotten"] if checkpoint.withdrawn else []
    notes += [f"refused: {checkpoint.refused}"] if checkpoint.refused else []
    return notes + ([checkpoint.damaged] if checkpoint.damaged else [])


def _print_result(args: argparse.Namespace, line: str, **fields: Any) -> None:
    if args.json:
        print_json(fields)
    else:
        print_line(line)
