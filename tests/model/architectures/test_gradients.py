"""Logits and gradients of every architecture, as compiled in use, against float64 NumPy and JAX's own gradients."""

from collections.abc import Callable
from functools import cache, partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES
from model.architectures.parts.scan import Carry, Cell, matmul, scan
from model.checkpoints import checkpoint
from tests.model.architectures.cells_float64 import CELLS
from tests.model.architectures.cells_float64 import logits as reference_logits
from tests.model.architectures.networks import EVERYTHING, H, Shape, T, V, network, random_tokens, shapes

pytestmark = pytest.mark.usefixtures("optimized", "exact_ring")


class Pass(NamedTuple):
    """What one program finds: the loss summed over all targets, logits, the last carry and the gradient."""

    loss: Any
    logits: Any
    carry: Any
    gradient: Any


@pytest.fixture(params=shapes(), ids=str)
def with_reference(request: pytest.FixtureRequest) -> Shape:
    """Those shapes whose equations stand in cells_float64.py."""
    name, shape = request.param
    if name not in CELLS:
        pytest.skip(f"no float64 reference for {name!r}: write its step in tests/model/architectures/cells_float64.py")
    return name, shape


def pass_over(shape: Shape, tokens: jax.Array) -> Pass:
    _, params = nnx.split(network(*shape))
    (loss, (logits, carry)), gradient = program(shape[0], tuple(shape[1].items()))(params, tokens)
    return Pass(loss, logits, carry, gradient)


@cache
def program(name: str, shape: tuple[tuple[str, Any], ...]) -> Callable[..., Any]:
    """One program a shape, for all that is asked of it."""
    model = network(name, dict(shape))
    graph, _ = nnx.split(model)

    def summed(params: Any, tokens: jax.Array) -> tuple[jax.Array, Any]:
        logits, carry = nnx.merge(graph, params)(tokens, model.initial_carry(len(tokens)))
        logp = jax.nn.log_softmax(logits)
        return -jnp.take_along_axis(logp, targets(tokens)[..., None], -1).sum(), (logits, carry)

    return jax.jit(jax.value_and_grad(summed, has_aux=True))


def targets(tokens: Any) -> Any:
    return (tokens + 1) % V


def test_the_cells_that_ship_have_a_float64_reference() -> None:
    assert {"lstm", "lstm_attention", "gru", "rnn"} <= CELLS.keys()


def reference(shape: Shape, weights: dict[str, Any], tokens: Any) -> Any:
    return reference_logits(shape[0], weights, tokens, H, shape[1].get("num_layers", 1))


def test_parity_with_float64_numpy(with_reference: Shape) -> None:
    weights = {
        name: array.astype(np.float64) for name, array in checkpoint.weights_of(network(*with_reference)).items()
    }
    tokens = random_tokens()
    expected = reference(with_reference, weights, np.asarray(tokens))
    np.testing.assert_allclose(pass_over(with_reference, tokens).logits, expected, atol=2e-5)


def test_gradient_against_float64_finite_differences(with_reference: Shape) -> None:
    """The scan's gradient is written by hand; a slip in it would still train, only worse."""
    tokens = np.asarray(random_tokens())
    gradient = pass_over(with_reference, jnp.asarray(tokens)).gradient
    flat = {".".join(map(str, path)): np.asarray(g[...]) / tokens.size for path, g in nnx.to_flat_state(gradient)}
    weights = {
        name: array.astype(np.float64) for name, array in checkpoint.weights_of(network(*with_reference)).items()
    }

    def reference_loss() -> float:
        out = reference(with_reference, weights, tokens)
        logp = out - np.log(np.exp(out).sum(-1, keepdims=True))
        return float(-np.take_along_axis(logp, targets(tokens)[..., None], -1).mean())

    rng = np.random.default_rng(0)
    for name, array in weights.items():
        for _ in range(4):
            place = tuple(rng.integers(0, size) for size in array.shape)
            original, h = array[place], 1e-5
            array[place] = original + h
            above = reference_loss()
            array[place] = original - h
            slope = (above - reference_loss()) / (2 * h)
            array[place] = original
            assert flat[name][place] == pytest.approx(slope, abs=2e-5), f"{name}{place}"


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_rows_of_a_batch_know_nothing_of_each_other(name: str) -> None:
    """Logits, carries and gradients are those of each row among its own copies; in other shapes the reference shows it."""
    shaped, tokens = (name, EVERYTHING), random_tokens()
    together = pass_over(shaped, tokens)
    alike = [pass_over(shaped, jnp.tile(row, (len(tokens), 1))) for row in np.asarray(tokens)]
    rows = jax.tree.map(lambda *of_each: np.stack([array[0] for array in of_each]), *[one[1:3] for one in alike])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), (together.logits, together.carry), rows)
    total = jax.tree.map(lambda *parts: sum(map(np.asarray, parts)) / len(tokens), *[one.gradient for one in alike])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), together.gradient, total)


def plain_scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[Any, Carry]:
    """The scan without a gradient of its own: what JAX makes of the equations."""

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = tuple(array * keep[:, None] for array in carry)
        after = cell(x, carry[-1] @ weight, carry)
        return after, after[-1]

    last, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, last


@pytest.mark.parametrize(("steps", "batch"), [(11, 1), (T, 9)])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_fast_scan_and_its_gradient_equal_the_plain_one(name: str, steps: int, batch: int) -> None:
    """With carries given and carries asked for, and resets in the middle; off by as much as the numbers are rounded.

    The product over 11 rows has nothing to be cut into; that over 108 is done in two parts.
    """
    kind = ARCHITECTURES[name]
    rng = np.random.default_rng(batch)
    inputs = rng.normal(size=(steps, batch, kind.num_gates * H)).astype(np.float32)
    weight = rng.normal(size=(H, kind.num_gates * H), scale=0.3).astype(np.float32)
    carry = tuple(rng.normal(size=(batch, H)).astype(np.float32) for _ in range(kind.carry_size))
    keep = (rng.random((steps, batch)) > 0.2).astype(np.float32)
    wanted = rng.normal(size=(steps, batch, H)).astype(np.float32)

    def figure(scanned: Callable[..., Any], inputs: Any, weight: Any, carry: Any) -> jax.Array:
        outputs, last = scanned(kind.cell, inputs, weight, carry, keep)
        total: jax.Array = (outputs * wanted).sum() + sum((array**2).sum() for array in last)
        return total

    def found(scanned: Callable[..., Any]) -> Any:
        return jax.jit(jax.value_and_grad(partial(figure, scanned), argnums=(0, 1, 2)))(inputs, weight, carry)

    plain = found(plain_scan)
    jax.tree.map(partial(assert_near, 2e-5), found(partial(scan, dtype=jnp.float32)), plain)
    if batch > 1:
        jax.tree.map(partial(assert_near, 2e-2), found(partial(scan, dtype=jnp.bfloat16)), plain)


@pytest.mark.parametrize(("steps", "batch"), [(1, 6), (11, 1), (T, 6)])
def test_the_fast_product_and_its_gradient_equal_the_plain_one(steps: int, batch: int) -> None:
    rng = np.random.default_rng(batch)
    inputs = rng.normal(size=(steps, batch, H)).astype(np.float32)
    weight = rng.normal(size=(H, V)).astype(np.float32)
    wanted = rng.normal(size=(steps, batch, V)).astype(np.float32)

    def figure(multiplied: Callable[..., Any], inputs: Any, weight: Any) -> Any:
        return (multiplied(inputs, weight) * wanted).sum()

    def found(multiplied: Callable[..., Any]) -> Any:
        return jax.jit(jax.value_and_grad(partial(figure, multiplied), argnums=(0, 1)))(inputs, weight)

    plain = found(jnp.matmul)
    jax.tree.map(partial(assert_near, 1e-5), found(partial(matmul, dtype=jnp.float32)), plain)
    jax.tree.map(partial(assert_near, 2e-2), found(partial(matmul, dtype=jnp.bfloat16)), plain)


def assert_near(off_by: float, found: Any, wanted: Any) -> None:
    """Each number within so much of the right one, as a share of the largest of them."""
    np.testing.assert_allclose(found, wanted, atol=off_by * max(1.0, float(np.abs(wanted).max())))
