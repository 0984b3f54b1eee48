"""The stored results that a name stands for, as rows to compare: an experiment's newest run, or a sweep's variants."""

import json
import re
from pathlib import Path
from typing import Any

from model.errors import DannError
from training.lab import results
from training.lab.preset import ExperimentSettings
from training.lab.report import Row
from training.lab.results import Ended, Result
from training.lab.sweep import PLAN, Sweep
from training.lab.sweep_plan import Candidate, Plan
from training.lab.sweep_table import SweepTable

VARIANT = ":"
"""Between a sweep's name and one of its variants."""
RATE = "train.learning_rate"


def rows_of(runs: Path, name: str) -> list[Row]:
    """The row of experiment `name`, its newest run; of a sweep one for each variant, at its best.

    `name` may also be a group, a sweep's id, or one variant as NAME:VARIANT. Raises DannError if there are none.
    """
    found = _sweep_or_group(runs, name)
    if found:
        return found
    of, _, variant = name.rpartition(VARIANT)
    if of and (rows := _sweep_or_group(runs, of)):
        chosen = [row for row in rows if row.name == variant]
        if chosen:
            return [Row(name, row.results, row.screened, row.tried) for row in chosen]
        raise DannError(f"{name}: {of} has no such variant; it has {', '.join(row.name for row in rows)}")
    return [Row(name, results.newest(runs, name))]


def _sweep_or_group(runs: Path, name: str) -> list[Row]:
    """The rows of the newest sweep or run of this name; none where there is none, or where it is of before sweeps."""
    stem = Path(name).stem if name.endswith(".toml") else name
    newest = [group[0] for group in results.groups(runs).values() if stem in _names(group[0])]
    if not newest or not newest[-1].sweep:
        return []
    return sweep_rows(runs, newest[-1].sweep)


def _names(result: Result) -> set[str]:
    return {result.sweep or result.group, result.experiment}


def sweep_rows(runs: Path, sweep: str) -> list[Row]:
    """A row for each variant of a sweep that has a result, in the file's order."""
    of = opened(runs, sweep)
    return [row for variant in of.plan.variants if (row := row_of(of, variant))]


def row_of(of: Sweep, variant: str) -> Row | None:
    """A variant's row, of its best candidate; None where no run of it has a result."""
    best = of.best(variant)
    if best is None:
        return None
    screened, final = (
        [result for seed in seeds if (result := of.result(best, seed))] for seeds in (of.choosing_seeds, of.final_seeds)
    )
    tried = sum(candidate.variant == variant for candidate in of.plan.candidates)
    return Row(variant, final or screened, screened if final else [], tried)


def opened(runs: Path, sweep: str) -> Sweep:
    """A sweep as it was last planned, and what its runs have come to; the settings of its candidates are not known."""
    plan, unknown = _plan(runs, sweep), ExperimentSettings()
    candidates = [Candidate(n, one["variant"], one["tuned"], unknown) for n, one in enumerate(plan["candidates"])]
    of = Sweep(sweep, Plan("", SweepTable.model_validate(plan["table"]), candidates), runs)
    of.load()
    return of


def options_of(runs: Path, sweep: str) -> list[str] | None:
    """The options that change a sweep, as it was last run; None where its plan is of before they were kept."""
    options = _plan(runs, sweep).get("options")
    return None if options is None else [str(option) for option in options]


def by_rate(runs: Path, sweep: str) -> dict[str, list[tuple[float, float]]]:
    """Of each variant the learning rates that were tried, each with the least figure of one run with a screening's seed."""
    seeds = table_of(runs, sweep).seeds
    best: dict[str, dict[float, float]] = {}
    for group in results.groups(runs).values():
        for result in group:
            if result.sweep == sweep and result.seed < seeds and RATE in result.tuned:
                found = best.setdefault(result.variant, {})
                rate = float(result.tuned[RATE])
                found[rate] = min(found.get(rate, result.figure), result.figure)
    return {variant: sorted(found.items()) for variant, found in best.items()}


def all_rows(runs: Path) -> list[Row]:
    """A row for each run there is, and for each variant of each sweep, oldest first."""
    rows: list[Row] = []
    seen: set[str] = set()
    for group, finished in results.groups(runs).items():
        sweep = finished[0].sweep
        if not sweep:
            rows.append(Row(group, finished))
        elif sweep not in seen:
            seen.add(sweep)
            rows += [
                Row(f"{sweep}{VARIANT}{row.name}", row.results, row.screened, row.tried)
                for row in sweep_rows(runs, sweep)
            ]
    return rows


def hours(runs: Path, sweep: str) -> tuple[float, float]:
    """The two-core hours of processor time that a sweep's runs took, and its budget, 0 where none was stated."""
    seconds = [outcome.cpu_seconds or 0.0 for outcome in _outcomes(runs, sweep).values()]
    return sum(seconds) / 3600 / 2, table_of(runs, sweep).two_core_hours


def _outcomes(runs: Path, sweep: str) -> dict[Path, Result | Ended]:
    """What the runs of a sweep have come to, by folder."""
    of_it = re.compile(rf"{re.escape(sweep)}-\d+-seed\d+")
    folders = [folder for folder in sorted(runs.glob(f"{sweep}-*")) if of_it.fullmatch(folder.name)]
    return {folder: outcome for folder in folders if (outcome := results.outcome(folder))}


def table_of(runs: Path, sweep: str) -> SweepTable:
    """The table that a sweep was last planned by; raises DannError where its plan cannot be read."""
    return SweepTable.model_validate(_plan(runs, sweep)["table"])


def _plan(runs: Path, sweep: str) -> dict[str, Any]:
    file = runs / sweep / PLAN
    try:
        plan: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        SweepTable.model_validate(plan["table"])
        return plan
    except (OSError, ValueError, KeyError, TypeError) as error:
        what = str(error).splitlines()[0]
        raise DannError(f"{file}: cannot be read ({what}); run the sweep again with --fresh") from error


def ended_runs(runs: Path, sweep: str) -> list[str]:
    """A line on each run of a sweep that was given up."""
    return [
        f"{_label(runs, sweep, folder.name)}: {outcome.ending}: {outcome.message}"
        for folder, outcome in _outcomes(runs, sweep).items()
        if isinstance(outcome, Ended)
    ]


def _label(runs: Path, sweep: str, folder: str) -> str:
    """The variant, its tuned values and the seed of a run's folder, by the plan."""
    number, _, seed = folder.removeprefix(f"{sweep}-").partition("-seed")
    candidate = _plan(runs, sweep)["candidates"][int(number)]
    tuned = [f"{key.rpartition('.')[2]}={value}" for key, value in candidate["tuned"].items()]
    return f"{' '.join([candidate['variant'], *tuned])}, seed {seed}"
