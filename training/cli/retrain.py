"""`dann retrain` and `dann runs`."""

import argparse
import sys
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.table import Table

from model.errors import DannError
from training.cli.shared import add_command, interruptible, print_json, print_line
from training.config.tables import Settings
from training.store.retrain_outcome import RetrainOutcome

if TYPE_CHECKING:
    from training.runs.callbacks import RetrainConsole
    from training.store.runs import RetrainRun

ACCEPTED = {"published", "skipped"}
FIGURES = {
    "bpb": ("held-out posts, bits per byte", "{:.3f}"),
    "old_bpb": ("  that the incumbent held out", "{:.3f}"),
    "new_bpb": ("  that arrived later", "{:.3f}"),
    "longest_copy": ("longest copy, words", "{:,}"),
    "copied": ("share 8 words with a post", "{:.1%}"),
    "near_copies": ("nearly repeat a post", "{:.1%}"),
    "recited": ("recited when begun", "{:.1%}"),
    "words": ("different words", "{:.1%}"),
    "pairs": ("different word pairs", "{:.1%}"),
    "replies": ("different answers", "{:.1%}"),
    "commonest": ("the commonest answer", "{:.1%}"),
}
"""Rows of the table, by GateFigures' fields."""
INCUMBENT_ONLY = {"old_bpb", "new_bpb"}
"""Rows without a meaning where there is no incumbent."""


def add_retrain(commands: Any) -> None:
    """Add `retrain` and `runs` to a parser's subparsers."""
    about = "learn from new posts, and put the result in service if it is no worse than what serves"
    retraining = add_command(commands, "retrain", run_retrain, about)
    retraining.add_argument("--force", action="store_true", help="even where there are few new posts")
    retraining.add_argument("--why", metavar="WHY", default="by hand", help="what `dann runs` will say it was for")
    retraining.add_argument("--events", action="store_true", help="print progress and verdict, one JSON object a line")
    listing = add_command(commands, "runs", run_runs, "show the outcome of each retraining, the newest last")
    listing.add_argument("--last", metavar="N", type=int, default=20, help="how many (20); 0: all")


def run_retrain(args: argparse.Namespace, settings: Settings) -> int:
    """`dann retrain`: 0 if it published or had nothing to do, 1 if it refused or failed."""
    from training.loop import devices  # noqa: PLC0415

    devices.prepare(settings.train)
    if args.events:
        return _retrain_with_events(args, settings)
    from training.runs.terminal import RetrainingConsole  # noqa: PLC0415 (JAX takes seconds to import)

    run = _retrain(args, settings, RetrainingConsole(Console(stderr=True, quiet=args.quiet)))
    if args.json:
        print_json(asdict(run.outcome))
    else:
        _print_verdict(run)
    return 0 if run.verdict in ACCEPTED else 1


def _retrain_with_events(args: argparse.Namespace, settings: Settings) -> int:
    from training.retrain.events import EventConsole, Events  # noqa: PLC0415

    events = Events()
    outcome = RetrainOutcome("failed", "interrupted by an error; see the log")
    try:
        outcome = _retrain(args, settings, EventConsole(events)).outcome
    except DannError as error:
        outcome = RetrainOutcome("failed", str(error))
        raise
    finally:
        events.write(outcome)
    return 0 if outcome.verdict in ACCEPTED else 1


def _retrain(args: argparse.Namespace, settings: Settings, console: "RetrainConsole") -> "RetrainRun":
    from training.retrain.run import retrain  # noqa: PLC0415

    with interruptible("stopping; nothing will be published") as stopping:
        return retrain(settings, console, stopping, why=args.why, force=args.force)


def retrain_for(why: str, settings: Settings, *, quiet: bool) -> dict[str, Any]:
    """Retrain even with few new posts, as a part of another command; return the verdict, also of a retraining that failed."""
    from training.loop import devices  # noqa: PLC0415

    devices.prepare(settings.train)
    from training.runs.terminal import RetrainingConsole  # noqa: PLC0415 (JAX takes seconds to import)

    args = argparse.Namespace(why=why, force=True)
    try:
        return asdict(_retrain(args, settings, RetrainingConsole(Console(stderr=True, quiet=quiet))).outcome)
    except DannError as error:
        return asdict(RetrainOutcome("failed", str(error)))


def _print_verdict(run: "RetrainRun") -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column(run.verdict, no_wrap=True)
    both = [run.figures.get(who, {}) for who in ("candidate", "incumbent")]
    for id_ in (run.candidate, run.incumbent)[: sum(map(bool, both))]:
        table.add_column(id_ or "", justify="right", no_wrap=True)
    for key, (name, spec) in FIGURES.items():
        if key in INCUMBENT_ONLY and not both[1]:
            continue
        if any(figures.get(key) is not None for figures in both):
            table.add_row(name, *(_format(figures.get(key), spec) for figures in both if figures))
    Console().print(table)
    print_line(run.reason.replace("; ", "\n"))


def run_runs(args: argparse.Namespace, settings: Settings) -> int:
    """`dann runs`."""
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    if args.last < 0:
        raise DannError(f"--last {args.last}: must be 0 (all) or more")
    with open_runs(settings.data.store_url) as store:
        runs = store.last(args.last or None)
    if args.json:
        print_json({"runs": [asdict(run) for run in runs]})
    else:
        _print_runs(runs)
    return 0


def _print_runs(runs: list["RetrainRun"]) -> None:
    """Print two lines per run: its outcome, and the reason."""
    for run in runs:
        started = datetime.fromtimestamp(run.started, UTC).astimezone().strftime("%Y-%m-%d %H:%M")
        minutes = _format(None if run.seconds is None else run.seconds / 60, "{:.1f} minutes")
        bpb = f"{_format(run.candidate_bpb, '{:.3f}')} ({_format(run.incumbent_bpb, '{:.3f}')}) bits per byte"
        new = _format(run.new_posts, "{:,} new posts")
        line = f"{run.id:>4}  {started}  {run.verdict:<9}  {new}, {bpb}, {minutes}, {run.why}"
        sys.stdout.write(f"{line}\n{f'      {run.reason}' if run.reason else ''}".rstrip() + "\n")
    if not runs:
        sys.stdout.write("nothing yet; `dann retrain` trains on what is new\n")


def _format(figure: float | None, spec: str) -> str:
    return "-" if figure is None else spec.format(figure)
