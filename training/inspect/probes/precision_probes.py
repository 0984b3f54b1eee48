"""Fewer bits: what training computes with, and whether anything overflows under bfloat16."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from training.inspect.probes.gradient_probes import text_window
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, current
from training.inspect.tensors import dtypes_in
from training.loop import devices
from training.loop import step as loop_step

CLOSE = 0.05
"""Relative difference of the loss that bfloat16's eight bits may make."""


def probe_dtypes(subject: Subject) -> Iterator[InspectionFinding]:
    """The compute dtype is the one configured, and nothing on the way is float16."""
    for precision in ("float32", "bfloat16", "auto"):
        config = subject.train.model_copy(update={"precision": precision})
        functions = (current(loop_step, "compute_dtype"), devices.compute_dtype)
        found = next((name for one in functions if (name := np.dtype(one(config)).name) == "float16"), "")
        found = found or np.dtype(functions[0](config)).name
        allowed = {"float32", "bfloat16"} if precision == "auto" else {precision}
        if found not in allowed:
            suspect = "float16-overflow" if found == "float16" else "not-finite"
            yield InspectionFinding(suspect, f"train.precision is {precision!r}, and matmuls are in {found}", "training/loop/devices.py: compute_dtype")  # fmt: skip  # noqa: E501
            return
    tokens, _ = text_window(subject)
    graph, dtype = nnx.graphdef(subject.model), current(loop_step, "compute_dtype")(subject.train)

    def read(params: Any, tokens: Any, carry: Any) -> Any:
        return nnx.merge(graph, params)(tokens, carry, dtype=dtype)

    traced = jax.make_jaxpr(read)(subject.state(subject.start), tokens[:, :-1], subject.empty_carry())
    lines = dtypes_in(traced.jaxpr, "float16")
    if lines:
        yield InspectionFinding(
            "float16-overflow",
            f"{len(lines)} operations are in float16, whose largest number is 65,504; configured is {np.dtype(dtype).name}",
            lines[0],
        )


def probe_bfloat16(subject: Subject) -> Iterator[InspectionFinding]:
    """Under bfloat16 the loss and its gradient are finite, and the loss is nearly float32's."""
    tokens, weights = text_window(subject)
    graph = nnx.graphdef(subject.model)

    def loss(params: Any, tokens: jax.Array, weights: jax.Array, carry: Any) -> jax.Array:
        logits, _ = nnx.merge(graph, params)(tokens[:, :-1], carry, dtype=jnp.bfloat16)
        picked = jnp.take_along_axis(jax.nn.log_softmax(logits), tokens[:, 1:, None], -1)[..., 0]
        return jnp.asarray(-(picked * weights).sum() / jnp.maximum(weights.sum(), 1.0))

    program = jax.jit(jax.value_and_grad(loss))
    value, gradient = jax.device_get(program(subject.state(subject.lively), tokens, weights, subject.empty_carry()))
    exact = subject.run(subject.lively, tokens, weights).loss
    finite = np.isfinite(value) and all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))
    if not finite or abs(value - exact) > CLOSE * abs(exact):
        yield InspectionFinding(
            "not-finite" if not finite else "float16-overflow",
            f"under bfloat16 the loss is {float(value):.4f}, in float32 {exact:.4f}"
            + ("" if finite else "; the loss or its gradient is not finite"),
            "the network's exponentials, norms and sums",
            ("float16-overflow",) if not finite else ("not-finite",),
        )


PROBES = (probe_dtypes, probe_bfloat16)
