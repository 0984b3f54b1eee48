"""The contract that training, decoding and every later architecture stand on. A new one only has to be there.

What every architecture must do, whatever is in it; networks.py has where one may be further off, and why. Rows of a batch, as
compiled in use: test_rows.py. What only cells have, numbers and gradients against other implementations: test_cells.py.
"""

from functools import partial
from itertools import pairwise
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES, LanguageModel, build
from model.architectures.check import check_architecture
from model.architectures.parts.dropout import dropout_keys, unit_mask, weight_drop
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import BOS
from tests.model.architectures.networks import (
    CHUNKED_WITHIN,
    EVERYTHING,
    NAMES,
    B,
    T,
    V,
    first_of_each_pass,
    network,
    random_tokens,
    shapes,
)

pytestmark = pytest.mark.usefixtures("exact_ring")


@pytest.fixture(params=NAMES)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Every architecture, with everything there is in it at once."""
    return network(request.param, EVERYTHING)


@pytest.fixture
def tokens() -> jax.Array:
    return random_tokens()


def called(model: LanguageModel, tokens: jax.Array, carry: Any, **more: Any) -> tuple[jax.Array, Any]:
    """The call as one program: operation by operation, each would be compiled by itself."""
    graph, params = nnx.split(model)
    told: tuple[jax.Array, Any] = _called(graph, params, tokens, carry, **more)
    return told


@partial(jax.jit, static_argnums=0, static_argnames="dtype")
def _called(graph: nnx.GraphDef[Any], params: Any, tokens: jax.Array, carry: Any, **more: Any) -> Any:
    model: Any = nnx.merge(graph, params)
    return model(tokens, carry, **more)


def read(model: LanguageModel, tokens: jax.Array) -> jax.Array:
    return called(model, tokens, model.initial_carry(len(tokens)))[0]


def assert_near(found: Any, wanted: Any, off_by: float = 1e-6) -> None:
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=off_by), found, wanted)


def within(model: LanguageModel) -> float:
    return CHUNKED_WITHIN.get(model.config.architecture, (1e-6, ""))[0]


def test_shapes(model: LanguageModel, tokens: jax.Array) -> None:
    """The carry keeps its structure, shapes and dtypes, and its first axis is the batch."""
    logits, carry = called(model, tokens, model.initial_carry(B))
    assert (logits.shape, logits.dtype) == ((B, T, V), jnp.float32)
    before = model.initial_carry(B)
    for found, wanted in zip(*map(jax.tree.leaves, (carry, before)), strict=True):
        assert (found.shape, found.dtype) == (wanted.shape, wanted.dtype)
        assert found.shape[0] == B


def test_the_check_before_training_finds_nothing(model: LanguageModel) -> None:
    check_architecture(model)


def test_no_token_sees_what_comes_after_it(model: LanguageModel, tokens: jax.Array) -> None:
    changed = np.array(tokens)
    changed[:, 6:] = (changed[:, 6:] + 3) % V
    before, after = (np.asarray(read(model, text)) for text in (tokens, jnp.asarray(changed)))
    np.testing.assert_array_equal(before[:, :6], after[:, :6])
    assert not np.allclose(before[:, 6:], after[:, 6:])


def test_calls_that_hand_the_carry_on_equal_one(model: LanguageModel, tokens: jax.Array) -> None:
    """One token at a time has products of its own, and so has decoding. Conversations begin at and around the cuts."""
    whole, last = called(model, tokens, model.initial_carry(B))
    carry, parts = model.initial_carry(B), []
    for start, end in pairwise(np.cumsum([0, 1, 4, 1, 1, 4, 1])):
        logits, carry = called(model, jnp.asarray(np.asarray(tokens)[:, start:end]), carry)
        parts.append(np.asarray(logits))
    assert_near(np.concatenate(parts, axis=1), whole, within(model))
    assert_near(carry, last, within(model))


def test_rows_of_a_batch_know_nothing_of_each_other(model: LanguageModel, tokens: jax.Array) -> None:
    """Logits and carries are those of each row among its own copies, so that one program does for all. Bits: test_rows.py."""
    together = called(model, tokens, model.initial_carry(B))
    for row in range(B):
        alike = called(model, jnp.asarray(np.tile(np.asarray(tokens)[row], (B, 1))), model.initial_carry(B))
        jax.tree.map(lambda a, b, row=row: np.testing.assert_allclose(a[row], b[row], atol=2e-5), together, alike)


def test_the_carry_matters_and_bos_empties_it(model: LanguageModel, tokens: jax.Array) -> None:
    _, carry = called(model, tokens, model.initial_carry(B))
    following = np.full((B, 4), 5)
    assert not np.allclose(called(model, jnp.asarray(following), carry)[0], read(model, jnp.asarray(following)))
    following[:, 0] = BOS
    begun = jnp.asarray(following)
    np.testing.assert_array_equal(called(model, begun, carry)[0], read(model, begun))


@pytest.mark.parametrize(
    ("name", "shape", "batch"),
    [(*shape, B) for shape in shapes()] + [(name, EVERYTHING, 1) for name in first_of_each_pass()],
    ids=str,
)
def test_token_by_token_equals_all_at_once(name: str, shape: dict[str, Any], batch: int) -> None:
    """Decoding has products of its own: of one row, and of four at a time, of which here some are padding."""
    model, tokens = network(name, shape), random_tokens()[:batch]
    whole, last = called(model, tokens, model.initial_carry(batch))
    carry, parts = model.initial_carry(batch), []
    for column in np.asarray(tokens).T:
        logits, carry = called(model, jnp.asarray(column[:, None]), carry)
        parts.append(np.asarray(logits))
    assert_near(np.concatenate(parts, axis=1), whole, max(1e-5, within(model)))
    assert_near(carry, last, within(model))


@pytest.mark.parametrize("name", [*first_of_each_pass(), "lstm_attention"])
def test_products_of_bfloat16_are_asked_for_and_not_otherwise(name: str, tokens: jax.Array) -> None:
    model = network(name, EVERYTHING)
    carry = model.initial_carry(B)
    exact, rounded = called(model, tokens, carry)[0], called(model, tokens, carry, dtype=jnp.bfloat16)[0]
    assert exact.dtype == rounded.dtype == jnp.float32
    np.testing.assert_array_equal(exact, called(model, tokens, carry, dtype=jnp.float32)[0])
    assert 1e-5 < np.abs(np.asarray(rounded) - np.asarray(exact)).max() < 5e-2


KINDS_OF_DROPOUT = ["dropout", "hidden_dropout", "input_dropout", "embedding_dropout", "weight_drop"]


@pytest.mark.parametrize(
    ("name", "kind", "embed_dim"),
    [
        *(("lstm", kind, 16) for kind in KINDS_OF_DROPOUT),
        *(("lstm", kind, 0) for kind in ("input_dropout", "embedding_dropout")),
        *((name, "dropout", 16) for name in [*first_of_each_pass(), "lstm_attention"] if name != "lstm"),
    ],
)
def test_things_are_left_out_only_with_noise_and_the_same_way_for_the_same_noise(
    name: str, kind: str, embed_dim: int
) -> None:
    """Without an embedding, the two kinds that drop inputs have code of their own."""
    shape: dict[str, Any] = {"embed_dim": embed_dim, "num_layers": 2, kind: 0.5}
    model = build(ModelConfig(architecture=name, vocab_size=V, hidden_dim=64, **shape), seed=1)
    steady = jnp.asarray(np.tile(np.arange(1, V), (3, 1)))

    @jax.jit
    def with_noise(key: int, rows: jax.Array) -> jax.Array:
        logits: jax.Array = model(steady, model.initial_carry(3), noise=dropout_keys(jax.random.key(key), rows))[0]
        return logits

    def noisy(key: int, *rows: int) -> Any:
        return np.asarray(with_noise(key, np.asarray(rows)))

    first = noisy(1, 0, 1, 2)
    np.testing.assert_array_equal(first, noisy(1, 0, 1, 2))
    assert not np.allclose(first, noisy(2, 0, 1, 2))
    assert not np.allclose(first, read(model, steady))
    # A row's masks are its own wherever it is read: that is what lets devices share a batch.
    np.testing.assert_allclose(first[1:], noisy(1, 1, 2, 7)[:2], atol=1e-5)
    alike = np.allclose(first[0], first[1], atol=1e-6)
    assert alike == (kind in {"embedding_dropout", "weight_drop"}), (
        "units are a row's own, weights and words everybody's"
    )


def test_a_mask_keeps_the_mean_and_cuts_its_part() -> None:
    noise = dropout_keys(jax.random.key(0), jnp.arange(4))
    weight = np.ones((256, 1024), np.float32)
    for rate in (0.1, 0.3, 0.5):
        dropped = np.asarray(weight_drop(jnp.asarray(weight), noise, rate))
        assert (dropped == 0).mean() == pytest.approx(rate, abs=0.005)
        assert dropped.mean() == pytest.approx(1.0, abs=0.01)
        assert len(np.unique(dropped)) == 2
    units = unit_mask(noise, 0.5, 512)
    assert units is not None
    assert units.shape == (4, 512)
    assert not np.array_equal(units[0], units[1])


def test_an_unknown_architecture_is_refused_by_name() -> None:
    names = ", ".join(sorted(ARCHITECTURES))
    with pytest.raises(DannError, match=f"model.architecture: 'mlp' is not known; choose one of {names}"):
        build(ModelConfig(architecture="mlp", vocab_size=V), seed=0)
