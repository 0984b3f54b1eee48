"""`dann experiment run | compare | log | speedrun | list`."""

import argparse
import sys
from dataclasses import replace
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
    print_table,
    setting_overrides,
)
from training.cli.speedrun import add_speedrun
from training.config.tables import Settings
from training.lab import comparison, preset, report, results
from training.lab.sweep_table import MOST_SEEDS


class _NotGiven(int):
    """A default that is told apart from the same number on the command line."""


ONE_SEED = _NotGiven(1)


def add_experiment(commands: Any) -> None:
    """Add `experiment` and its commands to a parser's subparsers."""
    about = "run experiments, and compare their results"
    nested = commands.add_parser("experiment", help=about, description=about)
    named = nested.add_subparsers(metavar="COMMAND", required=True)
    running = add_command(
        named, "run", run_experiment, "train what an experiment's file says, once for each seed, or its whole sweep"
    )
    running.add_argument("name", metavar="NAME", help="a file in experiments/ without .toml, or a path with it")
    running.add_argument(
        "--seeds",
        metavar="N",
        type=int,
        default=ONE_SEED,
        help="how many runs, with random seeds 0 to N - 1 (sweep.seeds, else 1)",
    )
    running.add_argument("--text", metavar="FILE", default="", help="learn this text, not your posts (experiment.text)")
    running.add_argument(
        "--parallel", metavar="N", type=int, default=0, help="how many runs of a sweep at once (sweep.parallel)"
    )
    running.add_argument("--fresh", action="store_true", help="run all of it again, although some of it was run before")
    comparing = add_command(
        named, "compare", compare_experiments, "put finished experiments into one table, best first"
    )
    comparing.add_argument(
        "names",
        metavar="NAME",
        nargs="+",
        help="an experiment, its newest run; of a sweep all variants, or NAME:VARIANT",
    )
    comparing.add_argument("--plot", metavar="FILE", type=Path, help="draw the learning curves: a .png or .svg file")
    comparing.add_argument("--picture", metavar="FILE", type=Path, help="draw the answer: a .png or .svg file")
    comparing.add_argument("--baseline", metavar="NAME", default="", help="the row that all are compared with")
    comparing.add_argument("--matters", metavar="X", type=float, help="the smallest difference worth an answer")
    writing = add_command(named, "log", log_experiment, "write what an experiment answered into experiments/LOG.md")
    writing.add_argument("name", metavar="NAME", help="an experiment, its newest run")
    writing.add_argument("--against", metavar="NAME", default="", help="another one, which it is compared with")
    add_speedrun(named)
    add_command(named, "list", list_experiments, "list the experiments there are, and those that were run")


def run_experiment(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 (loaded again, under the preset)
    """`dann experiment run`."""
    if not 1 <= args.seeds <= MOST_SEEDS:
        raise DannError(f"--seeds {args.seeds}: must be from 1 to {MOST_SEEDS}")
    sets = setting_overrides(args)
    chosen = preset.load_preset(args.name, args.config, sets)
    if chosen.sweep.is_there:
        return _run_sweep(args, chosen, sets)
    if args.parallel:
        where = preset.preset_path(args.name)
        raise DannError(f"--parallel {args.parallel}: is for sweeps, and {where} has no [sweep]; leave it out")
    from training.loop import devices, multihost  # noqa: PLC0415 (JAX takes seconds to import)

    devices.prepare(chosen.train)
    from training.lab.open_source import open_source  # noqa: PLC0415
    from training.lab.run import run_seeds  # noqa: PLC0415
    from training.runs.terminal import TrainingConsole  # noqa: PLC0415

    name, source = preset.preset_path(args.name).stem, open_source(chosen, args.text)
    with multihost.join_hosts(chosen) as here, interruptible() as stopping:
        output = Console(stderr=True, quiet=args.quiet or not multihost.is_first())
        kept, console = preset.kept_overrides(sets), lambda: TrainingConsole(output)
        finished = run_seeds(here, name, source, args.seeds, console, stopping, kept, fresh=args.fresh)
    if not finished:
        raise DannError("stopped before the first seed was finished; there is no result")
    if len(finished) < args.seeds:
        print_line("the same command goes on with the seeds that are missing", output)
    if multihost.is_first():
        row = report.Row(name, finished)
        if args.json:
            print_json(report.row_json(row))
        else:
            sys.stdout.write(report.markdown([report.RankedRow(row, "")]) + "\n")
    return 0 if len(finished) == args.seeds else EXIT_INTERRUPTED


def _run_sweep(args: argparse.Namespace, chosen: preset.ExperimentSettings, sets: list[str]) -> int:
    """Run the sweep of an experiment's file, and print its answer."""
    from training.lab.sweep_plan import make_plan  # noqa: PLC0415
    from training.lab.sweep_run import Surroundings, run_sweep  # noqa: PLC0415

    path = preset.preset_path(args.name)
    if args.parallel < 0:
        raise DannError(f"--parallel {args.parallel}: must be 1 or more")
    given = {"parallel": args.parallel} if args.parallel else {}
    given |= {} if args.seeds is ONE_SEED else {"seeds": args.seeds}
    table = chosen.sweep.model_copy(update=given)
    plan = make_plan(path, table, lambda more: preset.load_preset(args.name, args.config, [*sets, *more]))
    output = Console(stderr=True, quiet=args.quiet)
    with interruptible("ending the runs under way; finished ones are kept") as stopping:
        around = Surroundings(
            runs=chosen.data.runs,
            lock=chosen.data.dir / "train.lock",
            text=args.text or chosen.experiment.text,
            say=lambda line: print_line(line, output),
            stopping=stopping,
            overrides=preset.kept_overrides(sets),
            options=[] if args.seeds is ONE_SEED else ["--seeds", str(args.seeds)],
        )
        sweep, done = run_sweep(plan, around, fresh=args.fresh)
    if not done:
        print_line("the same command goes on; what was under way begins again", output)
    if not sweep.finished():
        raise DannError(f"no run of {sweep.id} has a result")
    rows = comparison.sweep_rows(chosen.data.runs, sweep.id)
    _print_ranked(args, chosen.data.runs, report.ranked(rows, _baseline(chosen.data.runs, rows)), [sweep.id])
    return 0 if done else EXIT_INTERRUPTED


def compare_experiments(args: argparse.Namespace, settings: Settings) -> int:
    """`dann experiment compare`."""
    if args.matters is not None and not args.matters > 0:
        raise DannError(f"--matters {args.matters:g}: must be greater than 0")
    runs = settings.data.runs
    rows = [row for name in args.names for row in comparison.rows_of(runs, name)]
    sweeps = list(dict.fromkeys(row.results[0].sweep for row in rows if row.results[0].sweep))
    ranked = report.ranked(rows, args.baseline or _baseline(runs, rows), args.matters)
    if args.plot:
        _draw(args.plot, runs, [one.row for one in ranked])
    if args.picture:
        _draw_answer(args.picture, runs, ranked)
    _print_ranked(args, runs, ranked, sweeps)
    return 0


def _print_ranked(args: argparse.Namespace, runs: Path, rows: list[report.RankedRow], sweeps: list[str]) -> None:
    """Print the table, and below it what is missing, what was given up and what the sweeps took."""
    ended = [line for sweep in sweeps for line in comparison.ended_runs(runs, sweep)]
    unfinished = {sweep: missing for sweep in sweeps if (missing := comparison.opened(runs, sweep).missing())}
    took = [comparison.hours(runs, sweep) for sweep in sweeps]
    if args.json:
        hours = {sweep: round(used, 3) for sweep, (used, _) in zip(sweeps, took, strict=True)}
        answer = {"rows": [report.ranked_json(one) for one in rows], "ended": ended, "two_core_hours": hours}
        print_json({**answer, "unfinished": unfinished})
        return
    sys.stdout.write(report.markdown(rows) + "\n")
    if len(rows) > 1:
        print_line(report.legend(rows))
    for sweep, missing in unfinished.items():
        print_line(f"{sweep}: not finished: {missing}")
    for line in ended:
        print_line(line)
    for sweep, (used, budget) in zip(sweeps, took, strict=True):
        print_line(f"{sweep}: {used:.2f} two-core hours" + (f" of {budget:g}" if budget else ""))


def log_experiment(args: argparse.Namespace, settings: Settings) -> int:
    """`dann experiment log`."""
    from training.lab.log import write_row  # noqa: PLC0415

    runs = settings.data.runs
    rows = comparison.rows_of(runs, args.name)
    other = [_against(runs, args.against)] if args.against else []
    ranked = report.ranked([*rows, *other], other[0].name if other else _baseline(runs, rows))
    # The first row's own run is what is logged, also where the one that it is compared with did better.
    ranked.sort(key=lambda one: one.row in other)
    file, sweep = preset.FOLDER / "LOG.md", rows[0].results[0].sweep
    if sweep:
        of = comparison.opened(runs, sweep)
        unfinished = [f"not finished: {missing}"] if (missing := of.missing()) else []
        how = write_row(file, ranked, [*of.given_up(), *unfinished], comparison.options_of(runs, sweep))
    else:
        how = write_row(file, ranked)
    if args.json:
        print_json({"file": str(file), "row": how})
    else:
        print_line(f"{file}: {'the row is there already' if how == 'there' else f'row {how}'}")
        if len(ranked) == 1:
            print_line("it is compared with nothing; --against NAME adds a comparison to the row")
    return 0


def _against(runs: Path, name: str) -> report.Row:
    """The one row to compare with: of a sweep its baseline. Raises DannError where it has several rows and no baseline."""
    rows = comparison.rows_of(runs, name)
    baseline = _baseline(runs, rows)
    found = next((row for row in rows if row.name == baseline), rows[0] if len(rows) == 1 else None)
    if found is None:
        named = ", ".join(f"{name}{comparison.VARIANT}{row.name}" for row in rows)
        raise DannError(f"--against {name}: is a sweep without a baseline; name one of its variants: {named}")
    alone = found.name == name or comparison.VARIANT in name
    return found if alone else replace(found, name=f"{name}{comparison.VARIANT}{found.name}")


def _baseline(runs: Path, rows: list[report.Row]) -> str:
    """The row that the others are compared with: of one sweep its baseline, where that has a result."""
    sweeps = {row.results[0].sweep for row in rows}
    named = {comparison.table_of(runs, sweep).baseline for sweep in sweeps if sweep} if len(sweeps) == 1 else set()
    return next((row.name for row in rows if row.name in named), "")


def _draw(path: Path, runs: Path, rows: list[report.Row]) -> None:
    from training.lab.plot import PlottedCurve, draw_curves  # noqa: PLC0415 (matplotlib takes a second to import)

    def of_seed(result: results.Result) -> list[tuple[float, float]]:
        return results.curve(results.folder_of(runs, result.group, result.seed))

    draw_curves(path, [PlottedCurve(row.name, [of_seed(result) for result in row.results]) for row in rows])


def _draw_answer(path: Path, runs: Path, rows: list[report.RankedRow]) -> None:
    from training.lab.plot import PlottedAnswer, draw_answer  # noqa: PLC0415 (matplotlib takes a second to import)

    sweeps = {one.row.results[0].sweep for one in rows} - {""}
    tried = {(sweep, name): of for sweep in sweeps for name, of in comparison.by_rate(runs, sweep).items()}

    def plotted(row: report.Row) -> PlottedAnswer:
        first = row.results[0]
        figures = [result.figure for result in row.results]
        rates = tried.get((first.sweep, first.variant), [])
        chosen = ", ".join(f"{key.rpartition('.')[2]} {value}" for key, value in first.tuned.items())
        return PlottedAnswer(row.name, chosen, figures, bool(row.screened) or not first.sweep, rates)

    baseline = next((one.row.name for one in rows if one.verdict == "baseline"), "")
    draw_answer(path, [plotted(one.row) for one in rows], baseline, _unit(rows[0].row))


def list_experiments(args: argparse.Namespace, settings: Settings) -> int:
    """`dann experiment list`."""
    questions = [(name, preset.question_of(preset.preset_path(name))) for name in preset.preset_names()]
    rows = comparison.all_rows(settings.data.runs)
    if args.json:
        experiments = [{"name": name, "question": question} for name, question in questions]
        print_json({"experiments": experiments, "runs": [report.row_json(row) for row in rows]})
    else:
        print_table([*questions, *((row.name, f"{row.figure} {_unit(row)}") for row in rows)] or [("none", "")])
    return 0


def _unit(row: report.Row) -> str:
    return "nats per character, val@256-reset" if row.spread("val_reset_nats_per_char") else "bits per byte"
