"""`dann experiment run | compare | list`."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model.errors import DannError
from training.cli.shared import EXIT_INTERRUPTED, add_command, interruptible, print_json, print_table, setting_overrides
from training.config.tables import Settings
from training.lab import preset, report, results

if TYPE_CHECKING:
    from training.lab.source import Source

MOST_SEEDS = 1000


def add_experiment(commands: Any) -> None:
    """Add `experiment` and its commands to a parser's subparsers."""
    about = "run experiments, and compare their results"
    nested = commands.add_parser("experiment", help=about, description=about)
    named = nested.add_subparsers(metavar="COMMAND", required=True)
    running = add_command(named, "run", run_experiment, "train what an experiment's file says, once for each seed")
    running.add_argument("name", metavar="NAME", help="a file in experiments/ without .toml, or a path with it")
    running.add_argument(
        "--seeds", metavar="N", type=int, default=1, help="how many runs, with random seeds 0 to N - 1"
    )
    running.add_argument("--text", metavar="FILE", default="", help="learn this text, not your posts (experiment.text)")
    comparing = add_command(
        named, "compare", compare_experiments, "put finished experiments into one table, best first"
    )
    comparing.add_argument("names", metavar="NAME", nargs="+", help="an experiment; its newest run counts")
    comparing.add_argument("--plot", metavar="FILE", type=Path, help="draw the learning curves: a .png or .svg file")
    add_command(named, "list", list_experiments, "list the experiments there are, and those that were run")


def run_experiment(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 (loaded again, under the preset)
    """`dann experiment run`."""
    if not 1 <= args.seeds <= MOST_SEEDS:
        raise DannError(f"--seeds {args.seeds}: must be from 1 to {MOST_SEEDS}")
    chosen = preset.load_preset(args.name, args.config, setting_overrides(args))
    from training.loop import devices, multihost  # noqa: PLC0415 (JAX takes seconds to import)

    devices.prepare(chosen.train)
    from training.lab.run import run_seeds  # noqa: PLC0415
    from training.runs.terminal import TrainingConsole  # noqa: PLC0415

    name, source = preset.preset_path(args.name).stem, _source(chosen, args.text)
    with multihost.join_hosts(chosen) as here, interruptible() as stopping:
        output = Console(stderr=True, quiet=args.quiet or not multihost.is_first())
        finished = run_seeds(here, name, source, args.seeds, lambda: TrainingConsole(output), stopping)
    if not finished:
        raise DannError("stopped before the first seed was finished; there is no result")
    if multihost.is_first():
        row = report.Row(name, finished)
        if args.json:
            print_json(report.row_json(row))
        else:
            sys.stdout.write(report.markdown([(row, "")]) + "\n")
    return 0 if len(finished) == args.seeds else EXIT_INTERRUPTED


def _source(settings: preset.ExperimentSettings, text: str) -> "Source":
    from training.lab.source import PostSource, TextSource  # noqa: PLC0415

    path = text or settings.experiment.text
    if path:
        return TextSource(Path(path), settings.experiment.train_fraction)
    from training.posts.learnable import learnable_posts  # noqa: PLC0415

    return PostSource(list(learnable_posts(settings)), settings.data, settings.experiment)


def compare_experiments(args: argparse.Namespace, settings: Settings) -> int:
    """`dann experiment compare`."""
    runs = settings.data.runs
    rows = report.ranked([report.Row(name, results.newest(runs, name)) for name in args.names])
    if args.plot:
        _draw(args.plot, runs, [row for row, _ in rows])
    if args.json:
        print_json({"rows": [{**report.row_json(row), "verdict": verdict} for row, verdict in rows]})
    else:
        sys.stdout.write(report.markdown(rows) + "\n")
    return 0


def _draw(path: Path, runs: Path, rows: list[report.Row]) -> None:
    from training.lab.plot import PlottedCurve, draw_curves  # noqa: PLC0415 (matplotlib takes a second to import)

    def of_seed(result: results.Result) -> list[tuple[float, float]]:
        return results.curve(results.folder_of(runs, result.group, result.seed))

    draw_curves(path, [PlottedCurve(row.name, [of_seed(result) for result in row.results]) for row in rows])


def list_experiments(args: argparse.Namespace, settings: Settings) -> int:
    """`dann experiment list`."""
    questions = [(name, preset.question_of(preset.preset_path(name))) for name in preset.preset_names()]
    rows = [report.Row(group, finished) for group, finished in results.groups(settings.data.runs).items()]
    if args.json:
        experiments = [{"name": name, "question": question} for name, question in questions]
        print_json({"experiments": experiments, "runs": [report.row_json(row) for row in rows]})
    else:
        print_table([*questions, *((row.name, f"{row.figure} {_unit(row)}") for row in rows)] or [("none", "")])
    return 0


def _unit(row: report.Row) -> str:
    return "nats per character, val@256-reset" if row.spread("val_reset_nats_per_char") else "bits per byte"
