"""The plan of a sweep: which settings are run, under which names. Trains nothing and knows no files but the experiment's.

A *variant* is what is compared. A *candidate* is a variant with values for what is tuned; a run is a candidate with a seed.
"""

import hashlib
import itertools
import json
import math
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from model.errors import DannError
from training.config.keys import known_keys
from training.lab.machine import usable_cores
from training.lab.preset import ExperimentSettings, check_mixed
from training.lab.sweep_table import SweepTable

Values = dict[str, Any]
"""Settings by dotted key."""
Load = Callable[[Sequence[str]], ExperimentSettings]
"""Loads the experiment's settings with some `table.key=value` over them."""
FIXED = {
    "train.seed": "sweep.seeds says how many there are",
    "train.devices": "sweep.parallel says it",
    "train.hosts": "a sweep runs on one machine",
    "train.host": "a sweep runs on one machine",
    "train.coordinator": "a sweep runs on one machine",
}
"""Settings that no sweep goes over."""
FIXED_TABLES = ("data", "privacy", "sweep", "eval", "retrain", "sample")
UNLIKE: dict[str, Any] = dict.fromkeys(FIXED_TABLES, True) | {"experiment": {"question", "text", "matters"}}
"""Settings in which runs may differ that are alike. What [data] and [privacy] change is in the digest of the posts."""
MOST_CANDIDATES = 10_000


@dataclass(frozen=True)
class Candidate:
    """One of a sweep's settings: `tuned` are those of its values of which each variant gets the best."""

    number: int
    variant: str
    tuned: Values
    settings: ExperimentSettings

    @property
    def label(self) -> str:
        """The variant and its tuned values in a few words."""
        return " ".join([self.variant, *(f"{last_part(key)}={value}" for key, value in self.tuned.items())])


@dataclass(frozen=True)
class Plan:
    """Everything a sweep runs, and its table. `digest` is the same for the same settings on the same text."""

    name: str
    table: SweepTable
    candidates: list[Candidate]

    @property
    def variants(self) -> list[str]:
        """The variants' names in the file's order."""
        return list(dict.fromkeys(candidate.variant for candidate in self.candidates))

    def digest(self, text_sha256: str) -> str:
        """Identify all settings and the text; more seeds or finalists are still the same sweep."""
        described = [[c.variant, c.tuned, c.settings.model_dump(mode="json", exclude=UNLIKE)] for c in self.candidates]
        return hashlib.sha256(json.dumps([described, text_sha256], sort_keys=True).encode()).hexdigest()


def make_plan(path: Path, table: SweepTable, load: Load) -> Plan:
    """Plan the sweep of experiment file `path`; raises DannError for what cannot be run, before anything is."""
    where = f"{path}: [sweep]"
    if not (table.over or table.tune or table.variants):
        raise DannError(
            f"{where}: there is nothing to try; give it over, tune or [[sweep.variants]], or remove the table"
        )
    if not table.seeds:
        raise DannError(f"{where}: seeds is not set; give a number of seeds of 1 or more there, or with --seeds")
    if bool(table.finalists) != bool(table.final_seeds):
        raise DannError(f"{where}: finalists and final_seeds go together: set both, or neither")
    if table.runoff_seeds and not table.finalists:
        raise DannError(f"{where}: runoff_seeds is set, and is of the finalists; set finalists and final_seeds too")
    if table.parallel > usable_cores():
        raise DannError(
            f"{where}: parallel is {table.parallel}, and this machine has {usable_cores()} cores; set it to that, or give "
            "--parallel"
        )
    base = load([])
    candidates: list[Candidate] = []
    for name, changes, tune in _variants(where, table):
        for tuned in _assignments(where, "tune", tune, table):
            settings = _settings(path, where, {**changes, **tuned}, table, base, load)
            candidates.append(Candidate(len(candidates), name, tuned, settings))
            if len(candidates) > MOST_CANDIDATES:
                raise DannError(f"{where}: more than {MOST_CANDIDATES:,} settings to try; give shorter lists")
    plan = Plan(path.stem, table, candidates)
    if table.baseline and table.baseline not in plan.variants:
        raise DannError(f"{where}: baseline is {table.baseline!r}; the variants are {', '.join(plan.variants)}")
    return plan


def last_part(key: str) -> str:
    """The key without its table."""
    return key.rpartition(".")[2]


def _variants(where: str, table: SweepTable) -> Iterable[tuple[str, Values, Values]]:
    """Each variant's name, its settings, and what it tunes. Raises DannError for two of one name."""
    taken: set[str] = set()
    for given in table.variants or [{}]:
        own = dict(given)
        name, tune = own.pop("name", ""), own.pop("tune", None)
        if table.variants and not (isinstance(name, str) and name.strip()):
            raise DannError(f'{where}: a variant has no name; give each of [[sweep.variants]] a name = "..."')
        if tune is not None and not isinstance(tune, dict):
            raise DannError(f"{where}: variant {name!r}: tune must be a table of keys with lists, and is {tune!r}")
        own, tuned = dotted(where, own), table.tune if tune is None else tune
        which = f"variant {name!r}" if name else "the sweep"
        _check_apart(where, which, own, dotted(where, table.over), dotted(where, tuned))
        for values in _assignments(where, "over", table.over, table):
            parts = [name] if name else []
            label = " ".join([*parts, *(f"{last_part(key)}={value}" for key, value in values.items())]) or "as it is"
            if label in taken:
                raise DannError(f"{where}: two variants are called {label!r}; name each differently")
            taken.add(label)
            yield label, {**own, **values}, tuned


def _check_apart(where: str, which: str, own: Values, over: Values, tune: Values) -> None:
    """Raise DannError for a key that is given twice: one value would win, and the label would name the other."""
    for one, first, other, second in (
        (own, "as a key of its own", over, "in over"),
        (own, "as a key of its own", tune, "in tune"),
        (over, "in over", tune, "in tune"),
    ):
        for key in sorted(one.keys() & other.keys()):
            raise DannError(f"{where}: {which} has {key} twice, {first} and {second}; remove one of them")


def dotted(where: str, tables: Mapping[str, Any]) -> Values:
    """Flatten `train.steps = 3` written without quotes, which TOML reads as a table in a table; check each key."""
    known, found = known_keys(ExperimentSettings), Values()
    for key, value in tables.items():
        if isinstance(value, dict) and known.get(key) is not None:
            found |= {f"{key}.{name}": below for name, below in value.items()}
        else:
            found[key] = value
    for key in found:
        if key in FIXED or key.partition(".")[0] in FIXED_TABLES or key == "experiment.text":
            why = FIXED.get(key, "it is the same for all runs")
            raise DannError(f"{where}: a sweep does not go over {key}: {why}")
        try:
            json.dumps(found[key])
        except TypeError as error:  # TOML has dates and times
            raise DannError(
                f"{where}: {key} has a date or a time, which no setting is; put a text in quotes"
            ) from error
    return found


def _assignments(where: str, part: str, tables: Mapping[str, Any], table: SweepTable) -> list[Values]:
    """Every combination of the lists, or up to `draws` at random where there is a range; one empty where there is nothing."""
    axes = dotted(where, tables)
    for key, values in axes.items():
        _check_axis(f"{where}: {part}", key, values, table)
    if not axes or not (table.draws and any(isinstance(values, dict) for values in axes.values())):
        return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    rng = random.Random(table.draw_seed)  # noqa: S311
    drawn = [{key: _drawn(rng, values) for key, values in axes.items()} for _ in range(table.draws)]
    return [values for number, values in enumerate(drawn) if values not in drawn[:number]]


def _check_axis(where: str, key: str, values: Any, table: SweepTable) -> None:
    if isinstance(values, list):
        if not values:
            raise DannError(f"{where}: {key} = [] leaves nothing to try; list one value or more, or remove the line")
        return
    if not isinstance(values, dict):
        raise DannError(f"{where}: {key} = {values!r} must be a list of values, or a range as {{ log = [0.001, 0.1] }}")
    (kind, ends), *more = [*values.items()] or [("", None)]
    if more or kind not in {"log", "linear"} or not _is_range(ends, kind):
        raise DannError(
            f"{where}: {key} is no range; write {{ log = [0.001, 0.1] }} or {{ linear = [0.0, 0.5] }}, the smaller end first"
        )
    if not table.draws:
        raise DannError(f"{where}: {key} is a range, of which sweep.draws values are drawn, and draws is not set")


def _is_range(ends: Any, kind: str) -> bool:
    if not isinstance(ends, list) or len(ends) != 2 or not all(type(end) in {int, float} for end in ends):
        return False
    return ends[0] < ends[1] and (kind == "linear" or ends[0] > 0)


def _drawn(rng: random.Random, values: Any) -> Any:
    """One value of a list, or of a range; of a range of whole numbers a whole number."""
    if isinstance(values, list):
        return rng.choice(values)
    [(kind, (low, high))] = values.items()
    drawn = math.exp(rng.uniform(math.log(low), math.log(high))) if kind == "log" else rng.uniform(low, high)
    return round(drawn) if isinstance(low, int) and isinstance(high, int) else float(f"{drawn:.4g}")


def _settings(
    path: Path, where: str, changes: Values, table: SweepTable, base: ExperimentSettings, load: Load
) -> ExperimentSettings:
    """Lay these changes over the experiment's settings; the error for a wrong key or value says that the sweep has it."""
    try:
        settings = _changed(base, changes)
        check_mixed(path, settings)
    except (ValidationError, AttributeError):
        try:
            settings = load([f"{key}={json.dumps(value)}" for key, value in changes.items()])
        except DannError as error:
            raise DannError(str(error).replace("--set:", f"{where}:", 1)) from error
    devices = 1 if table.parallel > 1 else settings.train.devices
    train = settings.train.model_copy(update={"devices": devices})
    return settings.model_copy(update={"train": train, "sweep": SweepTable()})


def _changed(base: ExperimentSettings, changes: Values) -> ExperimentSettings:
    """Validate the tables that change, which is fast; raises what pydantic does, or AttributeError for no such table."""
    tables: dict[str, Values] = {}
    for key, value in changes.items():
        name, _, setting = key.partition(".")
        tables.setdefault(name, getattr(base, name).model_dump())[setting] = value
    return base.model_copy(
        update={name: type(getattr(base, name)).model_validate(values) for name, values in tables.items()}
    )
