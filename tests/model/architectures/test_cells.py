"""What only cells have: their equations in float64 NumPy, or else JAX's own check of their gradient.

A cell with a line in cells_float64.py is held to it, in logits and in gradients. One without is checked by
`jax.test_util.check_grads` in float64, which finds a gradient that is written out wrongly. The scans around, as compiled in
use: test_scans.py; `make soak` compiles these here so too.
"""

from collections.abc import Callable
from functools import cache
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jax.test_util import check_grads

from model.architectures import ARCHITECTURES
from model.architectures.parts.step_model import StepLM
from model.checkpoints import checkpoint
from tests.model.architectures.cells_float64 import CELLS
from tests.model.architectures.cells_float64 import logits as reference_logits
from tests.model.architectures.networks import EVERYTHING, H, Shape, V, cell_shapes, cells, network, random_tokens
from tests.whole import also

pytestmark = pytest.mark.usefixtures("exact_ring", *also("optimized"))


class Pass(NamedTuple):
    """What one program finds: the loss summed over all targets, logits, the last carry and the gradient."""

    loss: Any
    logits: Any
    carry: Any
    gradient: Any


@pytest.fixture(params=[shape for shape in cell_shapes() if shape[0] in CELLS], ids=str)
def with_reference(request: pytest.FixtureRequest) -> Shape:
    """Those shapes whose equations stand in cells_float64.py."""
    shape: Shape = request.param
    return shape


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
    ours = {"lstm", "lstm_attention", "gru", "rnn", "layer_norm_lstm", "mogrifier_lstm", "peephole_lstm", "slstm"}
    assert ours <= CELLS.keys()


@pytest.mark.parametrize("name", [name for name in cells() if name not in CELLS])
def test_the_gradient_of_a_cell_without_a_reference(name: str) -> None:
    check_cell_gradient(name)


def test_a_wrong_gradient_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    @jax.custom_vjp
    def wrong(x: Any, r: Any, carry: Any) -> Any:  # noqa: ARG001
        return (jnp.tanh(x + r),)

    wrong.defvjp(lambda x, r, carry: (wrong(x, r, carry), (x + r, carry)), lambda kept, d: (*[d[0]] * 2, kept[1]))
    monkeypatch.setattr(ARCHITECTURES["rnn"], "cell", staticmethod(wrong))
    with pytest.raises(AssertionError):
        check_cell_gradient("rnn")


def check_cell_gradient(name: str) -> None:
    """`jax.test_util.check_grads` of one step in float64; matrices are plain arrays, whose `@` is exact."""
    model: Any = network(name, EVERYTHING)
    rng = np.random.default_rng(0)
    own = jax.tree.map(lambda array: np.asarray(array, np.float64), model._own(1))
    own = jax.tree.map(lambda array: array + 0.1 * rng.normal(size=array.shape), own)
    carry = tuple(rng.normal(size=(2, H)) for _ in range(model.carry_size))
    width = model.num_gates * H
    before = (rng.normal(size=(2, H)),) if isinstance(model, StepLM) else tuple(rng.normal(size=(2, 2, width)))
    step = model.step if isinstance(model, StepLM) else model.cell
    with jax.enable_x64(True):
        check_grads(step, (*before, carry, *own), order=1, modes=["rev"], atol=1e-5, rtol=1e-5)


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
