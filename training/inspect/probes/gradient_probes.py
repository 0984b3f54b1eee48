"""The gradient against finite differences, and what the network is like before it has learned anything."""

from collections.abc import Iterator, Mapping

import numpy as np

from training.inspect.reference import window_rows
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, WindowPass

STEP_SHARES = (0.03, 0.01, 0.003, 0.001)
"""A finite difference moves a weight by so much of its norm: where the loss is bent, a smaller step is straighter; where keys
are rounded to bfloat16, a larger one is. The best counts."""
WRONG = 0.15
"""Relative difference of slope and gradient above which the gradient is wrong."""
FAR_ABOVE = 0.4
"""Nats by which a first loss may be above ln V."""
Params = Mapping[str, np.ndarray]


def text_window(subject: Subject) -> tuple[np.ndarray, np.ndarray]:
    """The first window of the text `[S, T + 1]` and its loss weights `[S, T]`."""
    stream = subject.dataset.train
    tokens = window_rows(stream.tokens, subject.rows, subject.steps, 0)
    return tokens, window_rows(stream.weights, subject.rows, subject.steps, 0)[:, 1:]


def probe_finite_differences(subject: Subject) -> Iterator[InspectionFinding]:
    """Along each weight's gradient, the loss must change by the gradient's norm."""
    tokens, weights = text_window(subject)
    here = subject.run(subject.lively, tokens, weights)
    rng = np.random.default_rng(5)
    largest = max((float(np.linalg.norm(one)) for one in here.gradient.values()), default=0.0)
    for name, gradient in here.gradient.items():
        norm = float(np.linalg.norm(gradient))
        stops = norm <= 1e-7 * max(largest, 1e-30)
        direction = rng.standard_normal(gradient.shape) if stops else gradient
        unit = direction / np.linalg.norm(direction)
        slopes: list[float] = []
        for share in STEP_SHARES:
            slopes.append(_slope(subject, name, share, unit, tokens, weights))
            if stops or abs(slopes[-1] - norm) <= WRONG * norm:
                break
        slope = min((abs(found - norm), found) for found in slopes)[1]
        measured = {"slope": slope, "gradient": norm}
        if stops and abs(slope) > 1e-5:
            yield InspectionFinding(
                "gradient-stops",
                f"{name}: its gradient is {norm:.2g}, and the loss changes by {abs(slope):.2g} a unit when it is moved",
                also=("frozen-layer", "gradient-wrong"),
                measured=measured,
            )
        elif stops:
            yield InspectionFinding(
                "dead-part", f"{name}: moving it changes nothing, its gradient is 0", severity="warning"
            )
        elif abs(slope - norm) > WRONG * max(abs(slope), norm):
            yield InspectionFinding(
                "gradient-wrong",
                f"{name}: its gradient has a norm of {norm:.3g}, the slope along it is {slope:.3g}",
                also=("gradient-stops",),
                measured=measured,
            )


def _slope(
    subject: Subject, name: str, share: float, unit: np.ndarray, tokens: np.ndarray, weights: np.ndarray
) -> float:
    step = share * max(float(np.linalg.norm(subject.lively[name])), 0.1)
    losses = [
        subject.run(
            {**subject.lively, name: (subject.lively[name] + sign * step * unit).astype(np.float32)}, tokens, weights
        ).loss
        for sign in (1, -1)
    ]
    return (losses[0] - losses[1]) / (2 * step)


def first_pass(subject: Subject) -> WindowPass:
    """The first window with the weights that the network begins with."""
    tokens, weights = text_window(subject)
    return subject.run(subject.start, tokens, weights)


def probe_first_loss(subject: Subject) -> Iterator[InspectionFinding]:
    """Before learning, the loss is ln V: every token is as likely as any other."""
    if subject.snapshot is not None:
        return
    first, expected = first_pass(subject), float(np.log(subject.shape.vocab_size))
    if not np.isfinite(first.loss):
        yield InspectionFinding("not-finite", f"the first loss is {first.loss}", "the network's initial weights")
        return
    seen = f"the first loss is {first.loss:.2f} nats per token, ln V is {expected:.2f}"
    measured = {"loss": first.loss, "ln_v": expected}
    if first.loss > expected + FAR_ABOVE:
        always = first.logits.mean((0, 1))
        share = float(always.std() / max(first.logits.std(), 1e-12))
        suspect, also = ("output-bias", "bad-start") if share > 0.8 else ("bad-start", "output-bias")
        yield InspectionFinding(
            suspect,
            f"{seen}; {share:.0%} of the logits' spread is the same for every input",
            also=(also,),
            measured=measured,
        )
    elif first.loss < expected - FAR_ABOVE:
        yield InspectionFinding(
            "target-leak",
            f"{seen}: an untrained network knows its targets",
            also=("labels-shifted",),
            symptom=True,
            measured=measured,
        )


PROBES = (probe_finite_differences, probe_first_loss)
