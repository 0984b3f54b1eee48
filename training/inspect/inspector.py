"""`inspect_architecture`: every probe on one network, and the report. The groups of probes are listed here."""

import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import jax

from model.architectures.check import check_architecture
from model.checkpoints.checkpoint import Snapshot
from model.engine import slots
from model.errors import DannError
from training.config.tables import Settings
from training.inspect.figures import figures_of
from training.inspect.probes import (
    activations,
    data_probes,
    evaluation_probes,
    gradient_probes,
    loop_probes,
    network_probes,
    precision_probes,
    rate_finder,
    sampling_probes,
    schedule_probes,
    training_probes,
)
from training.inspect.probes.activations import Activations
from training.inspect.probes.loop_probes import LoopTrace
from training.inspect.probes.rate_finder import RateFinder
from training.inspect.probes.training_probes import Training
from training.inspect.report import InspectionFinding, NotComparedError, Report, by_likelihood
from training.inspect.subject import Subject
from training.loop import scoring, step

ROOT = Path(__file__).parents[2]
Make = Callable[[Subject], Any]


def _itself(subject: Subject) -> Subject:
    return subject


GROUPS: dict[str, tuple[Make, tuple[Callable[[Any], Iterator[InspectionFinding]], ...]]] = {
    "data": (_itself, data_probes.PROBES),
    "schedule": (_itself, schedule_probes.PROBES),
    "network": (_itself, network_probes.PROBES),
    "gradient": (_itself, gradient_probes.PROBES),
    "loop": (LoopTrace, loop_probes.PROBES),
    "evaluation": (_itself, evaluation_probes.PROBES),
    "precision": (_itself, precision_probes.PROBES),
    "sampling": (_itself, sampling_probes.PROBES),
    "activations": (Activations, activations.PROBES),
    "training": (Training, training_probes.PROBES),
    "rate": (RateFinder, rate_finder.PROBES),
}
"""The probes by group, in the order in which they run: cheap ones and causes first."""
MEASURED = ("loop", "training", "activations", "rate")
"""The groups whose runs are what figures are taken from."""
BREAKS = (
    DannError,
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    NotImplementedError,
    TypeError,
    ValueError,
    jax.errors.JaxRuntimeError,
)
"""What a probe may raise where a network or a loop is broken; anything else is a bug of the inspector's."""


def inspect_architecture(
    settings: Settings,
    groups: Sequence[str] = tuple(GROUPS),
    *,
    snapshot: Snapshot | None = None,
    figures: bool = False,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Inspect the network that `settings` describe, or a checkpoint's, by the project's own data, loop and engine.

    `progress` gets the name of each group as it begins. With `figures` there is something to look at as well.
    What breaks in a probe is a finding too. Nothing compiled before is
    used, and nothing that is compiled here is left for others.
    """
    forget_programs()
    try:
        subject = Subject(settings, snapshot)
        subject.posts  # noqa: B018 (raises where a checkpoint's tokenizer spells too little of them)
        findings: list[InspectionFinding] = []
        checked: list[str] = []
        notes: list[str] = []
        try:
            check_architecture(subject.model)
            subject.run(subject.start, subject.random_tokens)
        except BREAKS as error:
            return Report(settings.model.architecture, "it does not run", (broken("one window", error),), ())
        made = {make: make(subject) for make in dict.fromkeys(GROUPS[group][0] for group in [*groups, *MEASURED])}
        for group in groups:
            progress(group)
            make, probes = GROUPS[group]
            findings += _run(probes, made[make], checked, notes)
        measured: dict[str, Any] = {}
        if figures:
            progress("figures")
            try:
                measured = figures_of(subject, *(made[GROUPS[group][0]] for group in MEASURED))
            except BREAKS as error:
                findings.append(broken("figures", error))
        ordered, once = by_likelihood(findings), tuple(dict.fromkeys(notes))
        return Report(subject.shape.architecture, describe(subject), ordered, tuple(checked), measured, once)
    finally:
        forget_programs()


def describe(subject: Subject) -> str:
    """The network and the probes' batch in a few words."""
    shape = subject.shape
    weights = sum(array.size for array in subject.start.values())
    return (
        f"{shape.architecture} {shape.num_layers} x {shape.hidden_dim}, {weights:,} weights, "
        f"vocabulary {shape.vocab_size:,}, {subject.rows} rows of {subject.steps} tokens"
    )


def _run(probes: Sequence[Any], made: Any, checked: list[str], notes: list[str]) -> Iterator[InspectionFinding]:
    for probe in probes:
        try:
            yield from probe(made)
        except NotComparedError as error:
            notes.append(str(error))
            continue
        except BREAKS as error:
            yield broken(probe.__name__, error)
        checked.append(probe.__name__.removeprefix("probe_"))


def broken(probe: str, error: Exception) -> InspectionFinding:
    """The finding for something that does not run: the error's first line, and the last line of the project on its way.

    A DannError says in its one line which file to look at and what to do.
    """
    if isinstance(error, DannError):
        return InspectionFinding("breaks", str(error), str(error).partition(": ")[0])
    inside = Path(__file__).parent
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if ROOT in Path(frame.filename).parents
        and inside not in Path(frame.filename).parents
        and "site-packages" not in Path(frame.filename).parts
    ]
    where = f"{Path(frames[-1].filename).relative_to(ROOT)}:{frames[-1].lineno}" if frames else ""
    first = next(iter(str(error).strip().splitlines()), type(error).__name__)
    return InspectionFinding("breaks", f"{probe.removeprefix('probe_')}: {type(error).__name__}: {first[:200]}", where)


def forget_programs() -> None:
    """Drop programs that are kept for networks of one shape: they hold what was compiled before something was changed."""
    scoring._program.cache_clear()
    step._program.cache_clear()
    slots._programs.cache_clear()
