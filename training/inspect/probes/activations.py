"""What a network's units do while it reads: saturated gates, dead units, and how far gradients reach back in time."""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.extend import core

from training.inspect.probes.gradient_probes import text_window
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject
from training.inspect.tensors import called, named_line

ACTIVATIONS = ("tanh", "logistic", "max")
SATURATED = 0.99
MOST_SATURATED = 0.6
MOST_DEAD = 0.5
DEAD_SPREAD = 1e-4
CHUNKS = 8
MOST_GROWTH = 100.0
"""A gradient that is so many times as large CHUNKS windows back explodes."""


class Activations:
    """What units do over CHUNKS windows of the text, and the gradient's way back through them; computed when asked."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject

    @cached_property
    def values(self) -> dict[str, np.ndarray]:
        """Outputs of every activation function `[T, S, units]`, by the name that the code gives them."""
        subject, graph = self.subject, nnx.graphdef(self.subject.model)
        tokens, _ = text_window(subject)
        params, carry = subject.state(subject.start), subject.empty_carry()

        def step(params: Any, tokens_S: jax.Array, carry: Any) -> Any:
            return nnx.merge(graph, params)(tokens_S[:, None], carry)[1]

        traced = jax.make_jaxpr(step)(params, tokens[:, 0], carry)
        structure, leaves = jax.tree.structure(carry), jax.tree.leaves(params)
        names: list[str] = []

        def read(leaves: list[Any], tokens_SxT: jax.Array, carry: Any) -> Any:
            def body(carry: Any, tokens_S: jax.Array) -> Any:
                names.clear()
                found: list[jax.Array] = []
                outs = _evaluate(
                    traced.jaxpr, traced.consts, [*leaves, tokens_S, *jax.tree.leaves(carry)], names, found
                )
                return jax.tree.unflatten(structure, outs), found

            return jax.lax.scan(body, carry, tokens_SxT.T)[1]

        arrays = jax.device_get(jax.jit(read)(leaves, tokens[:, :-1], carry))
        return dict(zip(_numbered(names), arrays, strict=True))

    @cached_property
    def gradient_by_distance(self) -> np.ndarray:
        """The norm of the last loss's gradient by the carry that each of CHUNKS pieces began with; newest first."""
        subject, graph = self.subject, nnx.graphdef(self.subject.model)
        piece = max(subject.steps // 4, 2)
        stream = subject.dataset.train.tokens
        stream = stream[stream > 0][: subject.rows * piece * CHUNKS]  # without BOS, which would cut the way back
        tokens = np.resize(stream, (subject.rows, CHUNKS, piece)).swapaxes(0, 1)
        params, carry = subject.state(subject.start), subject.empty_carry()

        def loss(nudges: Any, params: Any) -> jax.Array:
            def body(carry: Any, given: Any) -> Any:
                tokens_SxT, nudge = given
                carry = jax.tree.map(_nudged, carry, nudge)
                logits, carry = nnx.merge(graph, params)(tokens_SxT, carry)
                return carry, logits[:, -1]

            last = jax.lax.scan(body, carry, (tokens, nudges))[1][-1]
            return jax.nn.log_softmax(last)[:, 3].mean()

        nudges = jax.tree.map(lambda array: np.zeros((CHUNKS, *array.shape), np.float32), carry)
        gradient = jax.device_get(jax.jit(jax.grad(loss))(nudges, params))
        squares = [(leaf.reshape(CHUNKS, -1).astype(np.float64) ** 2).sum(1) for leaf in jax.tree.leaves(gradient)]
        return np.asarray(np.sqrt(np.sum(squares, axis=0))[::-1]) if squares else np.zeros(CHUNKS)

    @property
    def saturation(self) -> dict[str, float]:
        """The share of each activation's values that are at an end of its range."""
        return {name: float((np.abs(_centred(array)) > SATURATED).mean()) for name, array in self.values.items()}

    @property
    def dead(self) -> dict[str, float]:
        """The share of each activation's units whose value hardly changes from token to token."""
        shares = {}
        for name, array in self.values.items():
            units = array.reshape(-1, array.shape[-1])
            shares[name] = float((units.std(0) < DEAD_SPREAD).mean())
        return shares


def _numbered(names: Sequence[str]) -> list[str]:
    """Names with a number behind those that stand there more than once: a line of code may have two activations."""
    again, seen = Counter(names), Counter[str]()
    found = []
    for name in names:
        seen[name] += 1
        found.append(f"{name} ({seen[name]})" if again[name] > 1 else name)
    return found


def _nudged(array: jax.Array, nudge: jax.Array) -> jax.Array:
    """A carry's array with something added that is zero, to derive by; counters of whole numbers stay as they are."""
    return array + nudge.astype(array.dtype) if jnp.issubdtype(array.dtype, jnp.floating) else array


def _centred(array: np.ndarray) -> np.ndarray:
    """A sigmoid's values are from 0 to 1, and are stretched to a tanh's -1 to 1."""
    return 2 * array - 1 if array.min() >= 0 and array.max() <= 1 else array


def _evaluate(jaxpr: Any, consts: Any, args: Any, names: list[str], found: list[jax.Array]) -> list[Any]:
    """Evaluate a traced function, keeping the results of activation functions; loops in it are run as they are."""
    values: dict[Any, Any] = dict(zip(jaxpr.constvars, consts, strict=True)) | dict(
        zip(jaxpr.invars, args, strict=True)
    )
    for equation in jaxpr.eqns:
        given = [var.val if isinstance(var, core.Literal) else values[var] for var in equation.invars]
        if (inner := called(equation)) is not None:
            consts = getattr(inner, "consts", [])
            outs = _evaluate(getattr(inner, "jaxpr", inner), consts, given, names, found)
        else:
            outs = equation.primitive.bind(*given, **equation.params)
            outs = outs if equation.primitive.multiple_results else [outs]
        if equation.primitive.name in ACTIVATIONS and getattr(outs[0], "ndim", 0) > 1:
            names.append(named_line(equation)[0] or equation.primitive.name)
            found.append(outs[0])
        values |= dict(zip(equation.outvars, outs, strict=True))
    return [var.val if isinstance(var, core.Literal) else values[var] for var in jaxpr.outvars]


def probe_units(activations: Activations) -> Iterator[InspectionFinding]:
    """Before training, few gates are shut for good and few units are dead."""
    if activations.subject.snapshot is not None:
        return
    for shares, most, suspect, words in (
        (activations.saturation, MOST_SATURATED, "saturated", "of its values are at an end of its range"),
        (activations.dead, MOST_DEAD, "dead-units", "of its units have one value for every token"),
    ):
        name, share = max(shares.items(), key=lambda item: item[1], default=("", 0.0))
        if share > most:
            yield InspectionFinding(suspect, f"{name}: {share:.0%} {words}", also=("bad-start",), severity="warning")


def probe_reach(activations: Activations) -> Iterator[InspectionFinding]:
    """Gradients reach back through the carry, and do not grow on the way."""
    norms = activations.gradient_by_distance
    if not norms.any() and jax.tree.leaves(activations.subject.empty_carry()):
        yield InspectionFinding(
            "gradient-stops", "no gradient reaches any carry: nothing older than a call is learned from"
        )
    elif norms[-1] > MOST_GROWTH * max(norms[0], 1e-30):
        seen = f"the gradient's norm is {norms[0]:.2g} at the newest carry and {norms[-1]:.2g} at the oldest"
        yield InspectionFinding("explodes", seen, severity="warning")


PROBES = (probe_units, probe_reach)
