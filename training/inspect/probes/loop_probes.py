"""Three steps of the real loop, beside the same three by the reference: loss, carry, update, average."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from training.inspect.probes.loss_guesses import EXPLAINED, LossGuess, explain, row_orders, same
from training.inspect.probes.update_guesses import explain_updates
from training.inspect.reference import global_norm, mean_nats, window_rows
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, WindowPass, current, named
from training.loop import optimizer as loop_optimizer
from training.loop import scoring
from training.loop import step as loop_step
from training.loop.clock import DISPATCH_STEPS

STEPS = 3
STEP = "training/loop/step.py"
ROUNDED = 2e-3
"""Relative difference of a loss up to which it may be rounding to 11 bits or 8."""
NORM_MATCH = 0.02
"""Relative difference up to which two gradient norms are one."""
CARRY_MATCH = 1e-3


@dataclass(frozen=True)
class LoopStep:
    """One step of the real loop: weights before and after by name, its metrics, its average and the carry after it."""

    before: dict[str, np.ndarray]
    after: dict[str, np.ndarray]
    average: dict[str, np.ndarray]
    loss: float
    grad_norm: float
    carry: Any


class LoopTrace:
    """STEPS steps of the real dispatch from lively weights, windows in the text's order, and the reference's view of them."""

    def __init__(self, subject: Subject) -> None:
        self.subject, self.stream = subject, subject.dataset.train
        self.config = subject.train.model_copy(
            update={"random_offsets": False, "resets": 0.0, "windows": "stream", "precision": "float32"}
        )
        self.rate = min(self.config.learning_rate, 0.01)
        self.num_rows = loop_step.num_streams(self.config, self.stream)

    @cached_property
    def steps(self) -> list[LoopStep]:
        """The real loop's steps."""
        subject, rates = self.subject, np.full(DISPATCH_STEPS, self.rate, np.float32)
        model = subject.build()
        nnx.update(model, jax.tree.map(jnp.asarray, subject.state(subject.lively)))
        dispatch = loop_step.make_dispatch(model, self.config, self.stream)
        state, steps = loop_step.initial_state(model, self.config, self.stream), []
        before = named(jax.device_get(state.params))
        for number in range(STEPS):
            if number == 1:
                state = state._replace(carry=jax.tree.map(jnp.asarray, self.stirred(jax.device_get(state.carry))))
            state, rows = dispatch(state, rates, 1)
            params, average, carry = jax.device_get((state.params, state.average, state.carry))
            loss, norm = np.asarray(rows)[0].tolist()
            steps.append(LoopStep(before, named(params), named(average), loss, norm, carry))
            before = steps[-1].after
        return steps

    @staticmethod
    def stirred(carry: Any) -> Any:
        """A carry with so much added that nobody who reads it can overlook it; counters stay as they are."""
        rng = np.random.default_rng(9)

        def stir(leaf: np.ndarray) -> np.ndarray:
            noise = rng.standard_normal(leaf.shape)
            return (leaf + noise).astype(leaf.dtype) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

        return jax.tree.map(stir, carry)

    def rows(self, step: int) -> np.ndarray:
        """The text that the streams read in a step, with two tokens before and after `[S, T + 5]`."""
        shifted = np.roll(self.stream.tokens, 2)
        return window_rows(shifted, self.num_rows, self.subject.steps, step, extra=5)

    def weights(self, step: int) -> np.ndarray:
        """The loss weights of a step's targets `[S, T]`."""
        return window_rows(self.stream.weights, self.num_rows, self.subject.steps, step)[:, 1:]

    def window(self, step: int) -> np.ndarray:
        """The window of a step `[S, T + 1]`."""
        return self.rows(step)[:, 2 : self.subject.steps + 3]

    @cached_property
    def passes(self) -> list[WindowPass]:
        """The reference's pass of each step, from the real loop's weights and the reference's own carry."""
        found, carry = [], None
        for number, step in enumerate(self.steps):
            if number == 1:
                carry = self.stirred(self.steps[0].carry)
            found.append(self.subject.run(step.before, self.window(number), self.weights(number), carry))
            carry = found[-1].carry
        return found


def probe_loss(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """The first step's loss against the reference's, on the same logits."""
    step, reference, first = trace.steps[0], trace.passes[0], 3
    if not np.isfinite([step.loss, step.grad_norm]).all():
        yield InspectionFinding(
            "not-finite", f"first loss {step.loss}, gradient norm {step.grad_norm}", f"{STEP}: _loss"
        )
        return
    if same(step.loss, reference.loss):
        return
    seen = f"the loop's first loss is {step.loss:.4f}, the mean cross-entropy on the same logits {reference.loss:.4f}"
    guess = explain(step.loss, reference.logits, trace.rows(0), first, trace.weights(0))
    measured = {"loss": step.loss, "reference": reference.loss}
    if guess is None:
        guess = next((one for one in _other_windows(trace) if same(step.loss, one.value, EXPLAINED)), None)
    if guess:
        axis = ("wrong-axis",) if guess.suspect == "sum-instead-of-mean" else ()
        yield InspectionFinding(guess.suspect, f"{seen}; it fits: {guess.words}", also=axis, measured=measured)
        return
    relative = abs(step.loss - reference.loss) / reference.loss
    if relative < ROUNDED:
        yield InspectionFinding(
            "float16-overflow",
            f"{seen}: rounded to fewer bits than float32, which is configured",
            also=("loss-differs",),
            measured=measured,
        )
        return
    also = ("labels-shifted", "rows-mixed", "sum-instead-of-mean", "softmax-twice", "wrong-axis", "data-differs")
    yield InspectionFinding("loss-differs", f"{seen}; no usual slip gives that", also=also, measured=measured)


def _other_windows(trace: LoopTrace) -> Iterator[LossGuess]:
    """The losses of the first step on windows that a slip would read instead."""
    steps, num_rows, rows = trace.subject.steps, trace.num_rows, trace.rows(0)
    right, weights, params = trace.window(0), trace.weights(0), trace.steps[0].before

    def loss(inputs: np.ndarray, targets: np.ndarray) -> float:
        window = np.concatenate([inputs, inputs[:, -1:]], axis=1)
        return mean_nats(trace.subject.run(params, window).logits, targets, weights)

    inputs, targets = right[:, :-1], right[:, 1:]
    yield LossGuess("target-leak", "the network reads the targets", loss(targets, targets))
    yield LossGuess("labels-shifted", "the network reads the token before", loss(rows[:, 1 : steps + 1], targets))
    mixed = right.T.reshape(num_rows, steps + 1)
    words = "rows and steps of the window are mixed, by a reshape where a transpose belonged"
    yield LossGuess("rows-mixed", words, loss(mixed[:, :-1], mixed[:, 1:]))
    yield LossGuess("rows-mixed", words, loss(inputs.T.reshape(inputs.shape), targets))
    yield LossGuess("rows-mixed", words, loss(inputs, targets.T.reshape(targets.shape)))
    yield LossGuess("labels-shifted", "the window is read backwards", loss(inputs[:, ::-1], targets))
    for order in row_orders(num_rows):
        yield LossGuess("rows-mixed", "the inputs of another row", loss(inputs[list(order)], targets))


def probe_carry(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """Whether the loop hands the carry on, and goes on in the text: by the carry after a step, and the next step's loss."""
    first, step, reference = trace.steps[0], trace.steps[1], trace.passes[1]
    if not same(first.loss, trace.passes[0].loss) or not np.isfinite(step.loss):
        return
    handed = trace.passes[0].carry
    if _distance(first.carry, handed) > CARRY_MATCH * max(_distance(handed, trace.subject.empty_carry()), 1e-6):
        yield _other_carry(trace, first.carry, handed)
        return
    if same(step.loss, reference.loss):
        return
    stirred = trace.stirred(first.carry)

    def loss(window: int, carry: Any = None) -> float:
        return trace.subject.run(step.before, trace.window(window), trace.weights(window), carry).loss

    seen = f"the second step's loss is {step.loss:.4f}; with the carry handed on it is {reference.loss:.4f}"
    where = f"{STEP}: _reset_carry, _read_window, _train_step"
    for suspect, words, value in (
        ("carry-refreshed", "from an empty carry", loss(1)),
        ("same-window", "on the first window once more", loss(0, stirred)),
        ("same-window", "on the first window once more, from an empty carry", loss(0)),
        *(("rows-mixed", "with another row's carry", loss(1, one)) for one in _reordered(stirred, trace.num_rows)),
    ):
        if same(step.loss, value, EXPLAINED):
            measured = {"loss": step.loss, "carried": reference.loss, "found": value}
            yield InspectionFinding(suspect, f"{seen}, {words} {value:.4f}", where, measured=measured)
            return
    also = ("carry-refreshed", "data-differs", "labels-shifted", "rows-mixed", "same-window")
    yield InspectionFinding("carry-lost", f"{seen}, from an empty one {loss(1):.4f}: it is neither", where, also)


def _other_carry(trace: LoopTrace, found: Any, handed: Any) -> InspectionFinding:
    """The finding for a carry after the first step that is not what the network returned."""
    seen = f"the carry after a step is up to {_distance(found, handed):.2g} off what the network returned"
    where = f"{STEP}: _train_step, _loss"
    if _distance(found, trace.subject.empty_carry()) < CARRY_MATCH:
        return InspectionFinding("carry-refreshed", f"{seen}: it is empty", where)
    if any(_distance(found, one) < CARRY_MATCH for one in _reordered(handed, trace.num_rows)):
        return InspectionFinding("rows-mixed", f"{seen}: it is another row's", where)
    return InspectionFinding("carry-lost", seen, where, ("carry-refreshed", "rows-mixed"))


def _reordered(carry: Any, num_rows: int) -> Iterator[Any]:
    """The carry with its rows in other orders: all of them where there are few."""
    for order in row_orders(num_rows):
        yield jax.tree.map(lambda array, order=order: np.asarray(array)[list(order)], carry)


def _distance(one: Any, other: Any) -> float:
    """The largest difference between two carries, of their leaves of floats."""
    pairs = zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True)
    gaps = [np.abs(np.asarray(a, np.float64) - np.asarray(b, np.float64)).max() for a, b in pairs]
    return float(max(gaps, default=0.0))


def probe_gradient_norm(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """The first gradient's norm, before clipping, against the reference's."""
    step, reference = trace.steps[0], trace.passes[0]
    expected = global_norm(reference.gradient)
    if not same(step.loss, reference.loss) or not np.isfinite(step.grad_norm):
        return
    if abs(step.grad_norm - expected) > NORM_MATCH * expected:
        ratio = step.grad_norm / expected
        scales = (trace.num_rows, trace.subject.steps, trace.num_rows * trace.subject.steps)
        summed = any(same(ratio, scale, NORM_MATCH) for scale in scales)
        yield InspectionFinding(
            "sum-instead-of-mean" if summed else "gradient-wrong",
            f"the first gradient's norm is {step.grad_norm:.4g}, that of the reported loss {expected:.4g}: "
            f"{ratio:.3g} times as much",
            f"{STEP}: _train_step (value_and_grad, psum)",
            () if summed else ("gradient-stops", "frozen-layer", "sum-instead-of-mean", "clip-too-low"),
            measured={"grad_norm": step.grad_norm, "reference": expected},
        )


def probe_updates(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """What the steps did to the weights, against the reference optimizer on the reference's gradients."""
    right = [same(step.loss, one.loss) for step, one in zip(trace.steps, trace.passes, strict=True)]
    usable = right.index(False) if False in right else len(right)
    if usable:  # of another loss, the gradient is another one too
        yield from explain_updates(trace.config, trace.rate, trace.steps[:usable], trace.passes[:usable])


def probe_average(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """The moving average of the weights, which is what is scored and saved."""
    average = {name: array.astype(np.float64) for name, array in trace.steps[0].before.items()}
    for number, step in enumerate(trace.steps):
        decay = min(trace.config.average, (1.0 + number) / (10.0 + number))
        average = {name: decay * average[name] + (1 - decay) * step.after[name] for name in average}
    last, first = trace.steps[-1], trace.steps[0].before
    moved = np.sqrt(sum(((average[name] - first[name]) ** 2).sum() for name in average))
    gap = np.sqrt(sum(((average[name] - last.average[name]) ** 2).sum() for name in average))
    if moved > 0 and gap > 0.05 * moved:
        yield InspectionFinding(
            "average-wrong",
            f"after {STEPS} steps the average is {gap / moved:.0%} of its way off where it belongs",
            measured={"gap": float(gap), "moved": float(moved)},
        )


def probe_batch_scale(trace: LoopTrace) -> Iterator[InspectionFinding]:
    """The loss function itself on made-up logits, with no network: `cross_entropy` as the loop and as others import it."""
    rng = np.random.default_rng(3)
    S, T = trace.num_rows, trace.subject.steps
    logits = (2.0 * rng.standard_normal((S, T, 7))).astype(np.float32)
    rows = rng.integers(0, 7, (S, T + 4))
    ones, targets = np.ones((S, T), np.float32), rows[:, 2 : 2 + T]
    expected = mean_nats(logits.astype(np.float64), targets, ones)
    functions = {
        id(one): one for one in (current(module, "cross_entropy") for module in (loop_optimizer, loop_step, scoring))
    }
    for function in functions.values():
        found = np.asarray(jax.jit(lambda a, b, f=function: f(a, b))(logits, targets), np.float64)
        value = float(found.mean()) if found.size else float("nan")
        if same(value, expected) and found.shape == targets.shape:
            continue
        guess = explain(value, logits.astype(np.float64), rows, 2, ones)
        yield InspectionFinding(
            guess.suspect if guess else "loss-differs",
            f"cross_entropy of made-up logits is {value:.4f} in the mean, by its definition {expected:.4f}"
            + (f"; it fits: {guess.words}" if guess else ""),
            "training/loop/optimizer.py: cross_entropy",
            () if guess else ("softmax-twice", "wrong-axis", "labels-shifted", "sum-instead-of-mean"),
        )


PROBES = (probe_batch_scale, probe_loss, probe_carry, probe_gradient_norm, probe_updates, probe_average)
