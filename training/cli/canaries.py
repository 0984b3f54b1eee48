"""`dann eval --canaries`: plant secrets in a copy of the posts, train, and measure which are recited."""

import argparse
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn
from rich.table import Table

from model.errors import DannError
from training.cli.shared import add_setting, print_json, print_line
from training.config.tables import Settings

if TYPE_CHECKING:
    from training.evaluation.exposure import RecitedShares
    from training.runs.canary_run import CanaryReport

LEGEND = """\
exposure: by how many bits a planted secret is easier to guess with the network
than without; never planted it is 1.4, and more than {most:.0f} cannot be seen.
recited: the share of replies with the secret in them; and of those where it
stands after the same words as when it was planted."""


def add_canaries(parser: argparse.ArgumentParser) -> None:
    """Add `--canaries` and its options."""
    about = "train anew on a copy of your posts with secrets planted, and measure which are recited"
    parser.add_argument("--canaries", action="store_true", help=about)
    add_setting(parser, "minutes", "train.minutes", "M", "with --canaries: how long to train")
    add_setting(parser, "steps", "train.steps", "N", "with --canaries: train so many steps instead")


def refuse_without_canaries(args: argparse.Namespace) -> None:
    """Raise DannError for an option that only `--canaries` has a use for."""
    for option in ("minutes", "steps"):
        if getattr(args, option) is not None:
            raise DannError(f"--{option}: `dann eval` trains nothing; with --canaries it does")


def run_canaries(args: argparse.Namespace, settings: Settings) -> int:
    """`dann eval --canaries`."""
    if args.checkpoint is not None:
        raise DannError("--checkpoint: --canaries trains a network of its own; leave one of the two out")
    from training.loop import devices  # noqa: PLC0415 (JAX takes seconds to import)

    devices.prepare(settings.train)
    from training.posts.learnable import learnable_posts  # noqa: PLC0415
    from training.runs.canary_run import measure_canaries  # noqa: PLC0415
    from training.runs.terminal import UnrecordedConsole  # noqa: PLC0415

    console = Console(stderr=True, quiet=args.quiet)
    columns = (TextColumn("{task.description}"), BarColumn(bar_width=24), TextColumn("{task.percentage:3.0f} %"))
    bar = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
    tasks: dict[str, TaskID] = {}

    def progress(stage: str, share: float) -> None:
        if stage not in tasks:
            bar.start()  # only now: the training's own bar is over
            tasks[stage] = bar.add_task(stage, total=1.0)
        bar.update(tasks[stage], completed=share)

    try:
        report = measure_canaries(settings, learnable_posts(settings), UnrecordedConsole(console), progress)
    finally:
        bar.stop()
    if args.json:
        print_json(report.as_json())
    else:
        print_report(report)
    return 0


def print_report(report: "CanaryReport") -> None:
    """Print what was planted, and what came of it."""
    console = Console()
    if report.masked:
        kinds = ", ".join(report.masked)
        print_line(f"{kinds}: not planted, as [privacy] masks them before they are learned", console)
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("planted", no_wrap=True)
    counts = list(report.exposure["all"]) if report.exposure else []
    headers = ["never" if not count else "once" if count == 1 else f"{count} times" for count in counts]
    for header in (*headers, "all"):
        table.add_column(header, justify="right", no_wrap=True)
    for kind, by_count in report.exposure.items():
        table.add_row(f"exposure of {kind}, bits", *(f"{bits:.1f}" for bits in by_count.values()))
    for name, shares in (("unguarded", report.unguarded), ("guarded", report.guarded)):
        if shares is not None:
            _add_shares(table, name, shares, counts[1:])
    console.print(table, highlight=False)
    print_line(LEGEND.format(most=report.most), console, style="dim")


def _add_shares(table: Table, name: str, shares: "RecitedShares", counts: Sequence[int]) -> None:
    times = [shares.times.get(count) for count in counts]
    nothing = ["" for _ in ("never", *times)]
    table.add_row(f"recited when begun, {name}", "", *(f"{one.share:.1%}" if one else "-" for one in times))
    table.add_row("  after the same words", "", *(f"{one.whole:.1%}" if one else "-" for one in times))
    table.add_row(
        "  secrets that came out", "", *(f"{one.came_out} of {one.canaries}" if one else "-" for one in times)
    )
    for kind, recited in shares.kinds.items():
        table.add_row(f"  {kind}, in every reply", *nothing, f"{recited.share:.1%}")
    table.add_row("  in replies to what people said", *nothing, f"{shares.others.share:.1%}")
