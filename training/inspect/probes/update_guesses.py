"""Which wrong update is it? The change of each weight, beside the reference optimizer's and the usual slips' of it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from training.config.tables import TrainConfig
from training.inspect.reference import ReferenceOptimizer, global_norm
from training.inspect.report import InspectionFinding

MATCH = 0.02
"""Relative distance up to which two updates are one; Adam's first divides a gradient by itself, which costs digits."""
CLIPS = (0.3, 0.1, 0.03, 0.01, 0.003, 1e-3, 1e-4, 1e-5, 1e-6)
Arrays = Mapping[str, np.ndarray]


def explain_updates(
    config: TrainConfig, rate: float, steps: Sequence[Any], passes: Sequence[Any]
) -> Iterator[InspectionFinding]:
    """Compare what each step did to the weights with the reference; `steps` and `passes` as of LoopTrace."""
    changes = [{name: step.before[name] - step.after[name] for name in step.before} for step in steps]
    gradients = [one.gradient for one in passes]
    yield from _frozen(changes, gradients, config, rate, steps)
    optimizer = ReferenceOptimizer(config)
    expected = _expected(optimizer, rate, steps, gradients)
    gaps = [_gap(change, right) for change, right in zip(changes, expected, strict=True)]
    if max(gaps) <= MATCH:
        return
    number = next(number for number, gap in enumerate(gaps) if gap > MATCH)
    yield _named(config, rate, steps, gradients, changes, expected, number)


def _expected(
    optimizer: ReferenceOptimizer, rate: float, steps: Sequence[Any], gradients: Sequence[Arrays]
) -> list[dict[str, np.ndarray]]:
    return [
        {name: rate * update for name, update in optimizer.updates(step.before, gradient).items()}
        for step, gradient in zip(steps, gradients, strict=True)
    ]


def _gap(change: Arrays, right: Arrays) -> float:
    """The distance of two updates, relative to the second."""
    distance = global_norm({name: change[name] - right[name] for name in right})
    return distance / max(global_norm(right), 1e-30)


def _frozen(
    changes: Sequence[Arrays], gradients: Sequence[Arrays], config: TrainConfig, rate: float, steps: Sequence[Any]
) -> Iterator[InspectionFinding]:
    """Weights with a gradient that do not move, but for weight decay."""
    for name in changes[0]:
        gradient = float(np.abs(gradients[0][name]).max())
        moved = float(max(np.abs(change[name]).max() for change in changes))
        decayed = rate * config.weight_decay * steps[0].before[name] * (steps[0].before[name].ndim > 1)
        only_decay = np.allclose(changes[0][name], decayed, atol=1e-7 + 1e-3 * float(np.abs(decayed).max()))
        if gradient > 1e-9 and (moved == 0.0 or only_decay):
            yield InspectionFinding(
                "frozen-layer",
                f"{name} has a gradient of up to {gradient:.2g} and "
                + ("does not move" if moved == 0.0 else "moves by weight decay alone"),
                also=("gradient-stops",),
                measured={"gradient": gradient, "moved": moved},
            )


def _named(
    config: TrainConfig,
    rate: float,
    steps: Sequence[Any],
    gradients: Sequence[Arrays],
    changes: Sequence[Arrays],
    expected: Sequence[Arrays],
    number: int,
) -> InspectionFinding:
    """The finding for the first step whose update is wrong."""
    change, right = changes[number], expected[number]
    seen = (
        f"step {number + 1}'s update has a norm of {global_norm(change):.3g}, the reference's {global_norm(right):.3g}"
    )
    where = "training/loop/optimizer.py: optimizer; training/loop/step.py: _train_step"

    alternatives = _alternatives(config, gradients)
    for suspect, words, changed, used in alternatives:
        updates = _expected(ReferenceOptimizer(changed), rate, steps, used)
        if all(_gap(one, two) <= MATCH for one, two in zip(changes, updates, strict=True)):
            return InspectionFinding(suspect, f"{seen}; it fits {words}", where)
    ratio, cosine = _along(change, right)
    measured = {"ratio": ratio, "cosine": cosine}
    suspect, also = (
        "update-differs",
        tuple[str, ...](("gradients-pile-up", "decay-wrong", "clip-too-low", "frozen-layer")),
    )
    excess = {name: change[name] - right[name] for name in right}
    if abs(_along(excess, steps[number].before)[1]) > 0.9:
        suspect, also = "decay-wrong", ("update-differs",)
    elif cosine < -0.9:
        suspect, also = "wrong-sign", ()
    elif cosine > 0.97 and ratio > 1.25:
        suspect, also = "rate-too-high", ("sum-instead-of-mean",)
    elif cosine > 0.97 and ratio < 0.8:
        suspect, also = "rate-too-low", ("clip-too-low",)
    seen += f"; it goes {ratio:.3g} times as far in its direction (cosine {cosine:.3f})"
    return InspectionFinding(suspect, seen, where, also, measured=measured)


def _alternatives(
    config: TrainConfig, gradients: Sequence[Arrays]
) -> Iterator[tuple[str, str, TrainConfig, Sequence[Arrays]]]:
    """The usual slips: suspect, words, and the settings and gradients that an optimizer with the slip would have had."""
    sums = [
        {name: np.sum([gradient[name] for gradient in gradients[: last + 1]], axis=0) for name in gradients[0]}
        for last in range(len(gradients))
    ]
    yield "gradients-pile-up", "the sum of all gradients so far", config, sums
    for clip in (clip for clip in CLIPS if clip < config.clip_norm):
        words = f"a clip norm of {clip:g}, configured is {config.clip_norm:g}"
        yield "clip-too-low", words, config.model_copy(update={"clip_norm": clip}), gradients
    words = f"no clipping, configured is {config.clip_norm:g}"
    yield "clip-missing", words, config.model_copy(update={"clip_norm": 0.0}), gradients
    for decay in (0.0, *(factor * config.weight_decay for factor in (0.1, 10, 100))):
        words = f"a weight decay of {decay:g}, configured is {config.weight_decay:g}"
        yield "decay-wrong", words, config.model_copy(update={"weight_decay": decay}), gradients


def _along(change: Arrays, right: Arrays) -> tuple[float, float]:
    """How far `change` goes along `right`, as a share of it, and the cosine between them."""
    dot = float(sum((change[name].astype(np.float64) * right[name]).sum() for name in right))
    norm, expected = global_norm(change), max(global_norm(right), 1e-30)
    return dot / expected**2, dot / max(norm * expected, 1e-30)
