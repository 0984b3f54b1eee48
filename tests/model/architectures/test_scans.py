"""The scans over cells and the matmuls around them, as compiled in use, equal plain ones."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES
from model.architectures.lstm import LSTM
from model.architectures.parts.dropout import dropout_keys
from model.architectures.parts.scan import Carry, Cell, matmul, scan
from model.architectures.parts.step_model import StepLM
from model.architectures.parts.step_scan import scan_steps
from model.config import ModelConfig
from tests.model.architectures.frozen_lstm import FrozenLSTM
from tests.model.architectures.networks import EVERYTHING, H, T, V, network
from tests.whole import WHOLE

pytestmark = pytest.mark.usefixtures("optimized")

ROUNDED = {"lstm", "mogrifier_lstm"}
"""A cell and a whole step: their scans round by themselves, whatever is in them."""
BOTH_DROPPED = ModelConfig(
    vocab_size=V, hidden_dim=H, num_layers=2, embed_dim=5, tie_embeddings=True, weight_drop=0.2, hidden_dropout=0.1
)


def plain_scan(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, own: Any = ()
) -> tuple[Any, Carry]:
    """The scan without a gradient of its own: what JAX makes of the equations."""

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = tuple(array * keep[:, None] for array in carry)
        after = cell(x, carry[-1] @ weight, carry, *own)
        return after, after[-1]

    last, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, last


def plain_steps(
    step: Any, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, own: Any
) -> tuple[Any, Carry]:
    """The scan of a whole step, whose matrices are plain arrays."""
    del weight
    return plain_scan(lambda x, _, carry, own: step(x, carry, own), inputs, jnp.zeros((H, 1)), carry, keep, own)


def fast_steps(
    step: Any, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, own: Any, *, dtype: Any
) -> tuple[Any, Carry]:
    del weight
    return scan_steps(step, inputs, own[0], carry, keep, dtype)


def fast_scan(
    cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array, own: Any, *, dtype: Any
) -> tuple[Any, Carry]:
    return scan(cell, inputs, weight, carry, keep, dtype, own)


@pytest.mark.parametrize(
    ("name", "steps", "batch"),
    [("lstm", 11, 1), *((name, T, 9) for name in ("lstm", "gru", "peephole_lstm", "mogrifier_lstm"))],
)
def test_the_fast_scan_and_its_gradient_equal_the_plain_one(name: str, steps: int, batch: int) -> None:
    """With carries given and carries asked for, and resets in the middle; off by as much as the numbers are rounded.

    Of each kind of cell: its input and recurrent parts have one gradient, or two; it owns vectors; it owns matrices.
    The product over 11 rows has nothing to be cut into; that over 108 is done in two parts.
    """
    kind = ARCHITECTURES[name]
    whole = issubclass(kind, StepLM)
    width = H if whole else kind.num_gates * H
    rng = np.random.default_rng(batch)
    inputs = rng.normal(size=(steps, batch, width)).astype(np.float32)
    weight = rng.normal(size=(H, width), scale=0.3).astype(np.float32)
    model: Any = network(name, EVERYTHING)
    own = jax.tree.map(lambda array: np.asarray(array) + rng.normal(size=array.shape, scale=0.1), model._own(1))
    own = jax.tree.map(lambda array: array.astype(np.float32), own)
    carry = tuple(rng.normal(size=(batch, H)).astype(np.float32) for _ in range(kind.carry_size))
    keep = (rng.random((steps, batch)) > 0.2).astype(np.float32)
    wanted = rng.normal(size=(steps, batch, H)).astype(np.float32)

    def figure(scanned: Callable[..., Any], inputs: Any, weight: Any, carry: Any, own: Any) -> jax.Array:
        outputs, last = scanned(kind.step if whole else kind.cell, inputs, weight, carry, keep, own)
        total: jax.Array = (outputs * wanted).sum() + sum((array**2).sum() for array in last)
        return total

    def found(scanned: Callable[..., Any]) -> Any:
        return jax.jit(jax.value_and_grad(partial(figure, scanned), argnums=(0, 1, 2, 3)))(inputs, weight, carry, own)

    plain, fast = (found(plain_steps), fast_steps) if whole else (found(plain_scan), fast_scan)
    jax.tree.map(partial(assert_near, 2e-5), found(partial(fast, dtype=jnp.float32)), plain)
    if batch > 1 and (name in ROUNDED or WHOLE):
        rounded = found(partial(fast, dtype=jnp.bfloat16))
        jax.tree.map(partial(assert_near, 2e-2), rounded, plain)


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


@pytest.mark.parametrize("dtype", [jnp.float32, jnp.bfloat16])
def test_what_other_cells_may_do_leaves_the_lstms_training_step_as_it_was(dtype: Any) -> None:
    """To the letter, before XLA sees it. A stored hash would change with JAX; a frozen copy is lowered by the same one.

    If this fails, the LSTM's hot path has changed. If it was meant to, measure it (`make bench`) and copy it to
    frozen_lstm.py.
    """

    def lowered(kind: type[LSTM]) -> str:
        model = kind(BOTH_DROPPED, rngs=nnx.Rngs(1))
        graph, params = nnx.split(model)

        def loss(params: Any, tokens: jax.Array, carry: Any, key: jax.Array) -> tuple[jax.Array, Any]:
            noise = dropout_keys(key, jnp.arange(len(tokens)))
            logits, carry = nnx.merge(graph, params)(tokens, carry, noise=noise, dtype=dtype)
            return jax.nn.log_softmax(logits)[..., 1].sum(), carry

        step = jax.jit(jax.value_and_grad(loss, has_aux=True))
        return step.lower(params, jnp.ones((3, T), jnp.int32), model.initial_carry(3), jax.random.key(0)).as_text()

    assert lowered(LSTM) == lowered(FrozenLSTM)


def test_what_other_cells_may_do_leaves_the_lstms_decoding_step_as_it_was() -> None:
    def lowered(kind: type[LSTM]) -> str:
        model = kind(BOTH_DROPPED.without_dropout(), rngs=nnx.Rngs(1))
        graph, params = nnx.split(model)
        step = jax.jit(lambda params, tokens, carry: nnx.merge(graph, params)(tokens, carry))
        return step.lower(params, jnp.ones((3, 1), jnp.int32), model.initial_carry(3)).as_text()

    assert lowered(LSTM) == lowered(FrozenLSTM)
