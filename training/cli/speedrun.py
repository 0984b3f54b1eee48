"""`dann experiment speedrun`."""

import argparse
import sys
from pathlib import Path
from typing import Any

from rich.console import Console

from model.errors import DannError
from training.cli.shared import (
    EXIT_INTERRUPTED,
    add_command,
    interruptible,
    print_json,
    print_line,
    setting_overrides,
)
from training.config.tables import Settings
from training.lab import preset, report
from training.lab.sweep_table import MOST_SEEDS


def add_speedrun(named: Any) -> None:
    """Add `speedrun` to the subparsers of `dann experiment`."""
    racing = add_command(
        named, "speedrun", run_speedrun, "time a recipe from the start of its process, beside the record's"
    )
    racing.add_argument(
        "name", metavar="NAME", nargs="?", default="speedrun", help="the recipe (experiments/speedrun.toml)"
    )
    racing.add_argument(
        "--record",
        metavar="NAME",
        default="",
        help="the recipe that holds the record (the last of experiments/speedrun-N.toml)",
    )
    racing.add_argument("--text", metavar="FILE", required=True, help="Tiny Shakespeare")
    racing.add_argument("--seeds", metavar="N", type=int, default=5, help="how many runs of each")


def run_speedrun(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 (loaded again, under the presets)
    """`dann experiment speedrun`."""
    from training.data.text_file import read_text  # noqa: PLC0415
    from training.lab import speedrun  # noqa: PLC0415

    if not 1 <= args.seeds <= MOST_SEEDS:
        raise DannError(f"--seeds {args.seeds}: must be from 1 to {MOST_SEEDS}")
    record, challenger = (
        speedrun.Recipe(preset.preset_path(name).stem, preset.load_preset(name, args.config, setting_overrides(args)))
        for name in (args.record or speedrun.last_record(preset.preset_names()), args.name)
    )
    read_text(Path(args.text), record.settings.experiment.train_fraction)
    output = Console(stderr=True, quiet=args.quiet)
    with interruptible("ending the run under way; what both have run is shown") as stopping:
        run = speedrun.race(record, challenger, args.text, args.seeds, lambda line: print_line(line, output), stopping)
    if not run.record:
        return EXIT_INTERRUPTED
    if args.json:
        rows = {"record": run.record, "challenger": run.challenger}
        print_json({part: report.row_json(report.Row(of[0].experiment, of)) for part, of in rows.items()})
    else:
        sys.stdout.write(speedrun.markdown(run) + "\n")
    return 0 if len(run.record) == args.seeds else EXIT_INTERRUPTED
