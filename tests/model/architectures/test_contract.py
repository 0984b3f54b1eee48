"""The contract that training, decoding and every later architecture stand on. A new one only has to be named."""

from collections.abc import Callable
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import ARCHITECTURES, LanguageModel, build
from model.architectures.parts.dropout import dropout_keys, unit_mask, weight_drop
from model.architectures.parts.scan import Carry, Cell, matmul, scan
from model.checkpoints import checkpoint
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import BOS
from tests.model.architectures.cells_float64 import CELLS
from tests.model.architectures.cells_float64 import logits as reference_logits

pytestmark = pytest.mark.usefixtures("optimized")

V, H, B, T = 13, 8, 3, 12
SHAPES: list[dict[str, Any]] = [
    {},
    {"num_layers": 2},
    {"embed_dim": 5},
    {"embed_dim": 5, "tie_embeddings": True},
    {"embed_dim": H, "tie_embeddings": True, "num_layers": 2},
]


def build_network(name: str, shape: dict[str, Any]) -> LanguageModel:
    return build(ModelConfig(architecture=name, vocab_size=V, hidden_dim=H, **shape), seed=1)


@pytest.fixture(params=ARCHITECTURES)
def model(request: pytest.FixtureRequest) -> LanguageModel:
    """Every architecture, with everything there is in it at once."""
    return build_network(request.param, {"embed_dim": 5, "tie_embeddings": True, "num_layers": 2})


@pytest.fixture(params=[(name, shape) for name in ARCHITECTURES for shape in SHAPES], ids=str)
def shaped(request: pytest.FixtureRequest) -> LanguageModel:
    """Every architecture in every shape: parity must hold on each path."""
    return build_network(*request.param)


@pytest.fixture
def with_reference(shaped: LanguageModel) -> LanguageModel:
    """Those of them whose equations stand in cells_float64.py."""
    name = shaped.config.architecture
    if name not in CELLS:
        pytest.skip(f"no float64 reference for {name!r}: write its step in tests/model/architectures/cells_float64.py")
    return shaped


@pytest.fixture
def tokens() -> jax.Array:
    """Random tokens with a conversation that begins in the middle of every row."""
    drawn = jax.random.randint(jax.random.key(0), (B, T), 1, V)
    return drawn.at[0, 4].set(BOS).at[1, 7].set(BOS).at[2, 11].set(BOS)


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
    graph, params = nnx.split(model)
    logits: jax.Array = _read(graph, params, tokens)
    return logits


@partial(jax.jit, static_argnums=0)
def _read(graph: nnx.GraphDef[Any], params: Any, tokens: jax.Array) -> jax.Array:
    model: Any = nnx.merge(graph, params)
    logits: jax.Array = model(tokens, model.initial_carry(tokens.shape[0]))[0]
    return logits


def test_shapes(model: LanguageModel, tokens: jax.Array) -> None:
    logits, carry = called(model, tokens, model.initial_carry(B))
    assert logits.shape == (B, T, V)
    assert jax.tree.map(jnp.shape, carry) == jax.tree.map(jnp.shape, model.initial_carry(B))


def test_no_token_sees_what_comes_after_it(model: LanguageModel, tokens: jax.Array) -> None:
    changed = tokens.at[:, 6:].set((tokens[:, 6:] + 3) % V)
    np.testing.assert_array_equal(read(model, tokens)[:, :6], read(model, changed)[:, :6])
    assert not np.allclose(read(model, tokens)[:, 6:], read(model, changed)[:, 6:])


@pytest.mark.parametrize("cut", [1, 4, 5, 11])
def test_two_calls_that_hand_the_carry_on_equal_one(model: LanguageModel, tokens: jax.Array, cut: int) -> None:
    whole, last = called(model, tokens, model.initial_carry(B))
    first, carry = called(model, tokens[:, :cut], model.initial_carry(B))
    second, carry = called(model, tokens[:, cut:], carry)
    np.testing.assert_allclose(jnp.concatenate([first, second], axis=1), whole, atol=1e-6)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), carry, last)


def test_the_carry_matters_and_bos_empties_it(model: LanguageModel, tokens: jax.Array) -> None:
    _, carry = called(model, tokens, model.initial_carry(B))
    following = jnp.full((B, 3), 5)
    assert not np.allclose(called(model, following, carry)[0], read(model, following))
    begun = following.at[:, 0].set(BOS)
    np.testing.assert_array_equal(called(model, begun, carry)[0], called(model, begun, model.initial_carry(B))[0])


def test_rows_of_a_batch_do_not_mix(model: LanguageModel, tokens: jax.Array) -> None:
    alone = jnp.concatenate([read(model, tokens[row : row + 1]) for row in range(B)])
    np.testing.assert_allclose(alone, read(model, tokens), atol=1e-6)


@pytest.mark.parametrize("batch", [1, 3, 5])
def test_token_by_token_equals_all_at_once(shaped: LanguageModel, batch: int) -> None:
    """Decoding has products of its own."""
    tokens = jnp.asarray(np.random.default_rng(batch).integers(0, V, (batch, T)))
    graph, params = nnx.split(shaped)
    whole, last = called(shaped, tokens, shaped.initial_carry(batch))

    @jax.jit
    def stepwise(params: Any, tokens: jax.Array) -> Any:
        def one(carry: Any, token: jax.Array) -> tuple[Any, jax.Array]:
            logits, carry = nnx.merge(graph, params)(token[:, None], carry)
            return carry, logits[:, 0]

        return jax.lax.scan(one, shaped.initial_carry(len(tokens)), tokens.T)

    carry, logits = stepwise(params, tokens)
    np.testing.assert_allclose(logits.swapaxes(0, 1), whole, atol=1e-5)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), carry, last)


def test_the_cells_that_ship_have_a_float64_reference() -> None:
    assert {"lstm", "gru", "rnn"} <= CELLS.keys()


def test_parity_with_float64_numpy(with_reference: LanguageModel, tokens: jax.Array) -> None:
    weights = {name: array.astype(np.float64) for name, array in checkpoint.weights_of(with_reference).items()}
    config = with_reference.config
    expected = reference_logits(config.architecture, weights, np.asarray(tokens), H, config.num_layers)
    np.testing.assert_allclose(read(with_reference, tokens), expected, atol=2e-5)


def test_gradient_against_float64_finite_differences(with_reference: LanguageModel, tokens: jax.Array) -> None:
    """The scan's gradient is written by hand; a slip in it would still train, only worse."""
    config, targets = with_reference.config, np.asarray((tokens + 1) % V)
    graph, params = nnx.split(with_reference)

    def loss(params: Any) -> jax.Array:
        logp = jax.nn.log_softmax(_read(graph, params, tokens))
        return -jnp.take_along_axis(logp, jnp.asarray(targets)[..., None], -1).mean()

    gradient = jax.jit(jax.grad(loss))(params)
    flat = {".".join(map(str, path)): np.asarray(g[...]) for path, g in nnx.to_flat_state(gradient)}
    weights = {name: array.astype(np.float64) for name, array in checkpoint.weights_of(with_reference).items()}

    def reference_loss() -> float:
        out = reference_logits(config.architecture, weights, np.asarray(tokens), H, config.num_layers)
        logp = out - np.log(np.exp(out).sum(-1, keepdims=True))
        return float(-np.take_along_axis(logp, targets[..., None], -1).mean())

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


def plain_scan(cell: Cell, inputs: jax.Array, weight: jax.Array, carry: Carry, keep: jax.Array) -> tuple[Any, Carry]:
    """The scan without a gradient of its own: what JAX makes of the equations."""

    def step(carry: Carry, now: tuple[jax.Array, jax.Array]) -> tuple[Carry, jax.Array]:
        x, keep = now
        carry = tuple(array * keep[:, None] for array in carry)
        after = cell(x, carry[-1] @ weight, carry)
        return after, after[-1]

    last, outputs = jax.lax.scan(step, carry, (inputs, keep))
    return outputs, last


@pytest.mark.parametrize(("dtype", "off_by"), [(jnp.float32, 2e-5), (jnp.bfloat16, 2e-2)])
@pytest.mark.parametrize("batch", [1, 3, 8, 9])
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_fast_scan_and_its_gradient_equal_the_plain_one(name: str, batch: int, dtype: Any, off_by: float) -> None:
    """With carries given and carries asked for, and resets in the middle; off by as much as the numbers are rounded."""
    kind = ARCHITECTURES[name]
    rng = np.random.default_rng(batch)
    inputs = rng.normal(size=(T, batch, kind.num_gates * H)).astype(np.float32)
    weight = rng.normal(size=(H, kind.num_gates * H), scale=0.3).astype(np.float32)
    carry = tuple(rng.normal(size=(batch, H)).astype(np.float32) for _ in range(kind.carry_size))
    keep = (rng.random((T, batch)) > 0.2).astype(np.float32)
    wanted = rng.normal(size=(T, batch, H)).astype(np.float32)

    def figure(scanned: Callable[..., Any], inputs: Any, weight: Any, carry: Any) -> jax.Array:
        outputs, last = scanned(kind.cell, inputs, weight, carry, keep)
        total: jax.Array = (outputs * wanted).sum() + sum((array**2).sum() for array in last)
        return total

    fast, plain = (
        jax.jit(jax.value_and_grad(partial(figure, scanned), argnums=(0, 1, 2)))(inputs, weight, carry)
        for scanned in (partial(scan, dtype=dtype), plain_scan)
    )
    jax.tree.map(partial(assert_near, off_by), fast, plain)


@pytest.mark.parametrize(("dtype", "off_by"), [(jnp.float32, 1e-5), (jnp.bfloat16, 2e-2)])
@pytest.mark.parametrize(("steps", "batch"), [(1, 6), (T, 1), (T, 4), (T, 6)])
def test_the_fast_product_and_its_gradient_equal_the_plain_one(
    steps: int, batch: int, dtype: Any, off_by: float
) -> None:
    rng = np.random.default_rng(batch)
    inputs = rng.normal(size=(steps, batch, H)).astype(np.float32)
    weight = rng.normal(size=(H, V)).astype(np.float32)
    wanted = rng.normal(size=(steps, batch, V)).astype(np.float32)

    def figure(multiplied: Callable[..., Any], inputs: Any, weight: Any) -> Any:
        return (multiplied(inputs, weight) * wanted).sum()

    fast, plain = (
        jax.jit(jax.value_and_grad(partial(figure, multiplied), argnums=(0, 1)))(inputs, weight)
        for multiplied in (partial(matmul, dtype=dtype), jnp.matmul)
    )
    jax.tree.map(partial(assert_near, off_by), fast, plain)


def assert_near(off_by: float, found: Any, wanted: Any) -> None:
    """Each number within so much of the right one, as a share of the largest of them."""
    np.testing.assert_allclose(found, wanted, atol=off_by * max(1.0, float(np.abs(wanted).max())))


def test_products_of_bfloat16_are_asked_for_and_not_otherwise(model: LanguageModel, tokens: jax.Array) -> None:
    carry = model.initial_carry(B)
    exact, rounded = called(model, tokens, carry)[0], called(model, tokens, carry, dtype=jnp.bfloat16)[0]
    assert exact.dtype == rounded.dtype == jnp.float32
    np.testing.assert_array_equal(exact, called(model, tokens, carry, dtype=jnp.float32)[0])
    assert 1e-5 < float(jnp.abs(rounded - exact).max()) < 5e-2


@pytest.mark.parametrize("batch", [5, 8])
def test_rows_of_a_batch_know_nothing_of_each_other(shaped: LanguageModel, batch: int) -> None:
    """Logits, carries and gradients are those of each row alone."""
    tokens = jnp.asarray(np.random.default_rng(batch).integers(0, V, (batch, T)))
    graph, params = nnx.split(shaped)

    def summed(params: Any, tokens: jax.Array) -> tuple[jax.Array, Any]:
        logits, carry = nnx.merge(graph, params)(tokens, shaped.initial_carry(len(tokens)))
        return jax.nn.log_softmax(logits)[..., 0].sum(), (logits, carry)

    of = jax.jit(jax.value_and_grad(summed, has_aux=True))
    (_, (logits, carry)), gradient = of(params, tokens)
    alone = [of(params, row[None]) for row in tokens]
    rows = jax.tree.map(lambda *parts: jnp.concatenate(parts), *[(logits, carry) for (_, (logits, carry)), _ in alone])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-5), (logits, carry), rows)
    total = jax.tree.map(lambda *parts: sum(parts), *[gradient for _, gradient in alone])
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-4), gradient, total)


KINDS_OF_DROPOUT = ["dropout", "hidden_dropout", "input_dropout", "embedding_dropout", "weight_drop"]


@pytest.mark.parametrize("embed_dim", [0, 16])
@pytest.mark.parametrize("kind", KINDS_OF_DROPOUT)
def test_things_are_left_out_only_with_noise_and_the_same_way_for_the_same_noise(kind: str, embed_dim: int) -> None:
    shape: dict[str, Any] = {"embed_dim": embed_dim, "num_layers": 2, kind: 0.5}
    model = build(ModelConfig(vocab_size=V, hidden_dim=64, **shape), seed=1)
    steady = jnp.arange(1, V).reshape(1, -1).repeat(B, axis=0)
    rows = jnp.arange(B)

    def noisy(key: int, rows: jax.Array) -> jax.Array:
        count = rows.shape[0]
        noise = dropout_keys(jax.random.key(key), rows)
        logits: jax.Array = model(steady[:count], model.initial_carry(count), noise=noise)[0]
        return logits

    np.testing.assert_array_equal(noisy(1, rows), noisy(1, rows))
    assert not np.allclose(noisy(1, rows), noisy(2, rows))
    assert not np.allclose(noisy(1, rows), read(model, steady))
    # A row's masks are its own wherever it is read: that is what lets devices share a batch.
    np.testing.assert_allclose(noisy(1, rows)[1:], noisy(1, rows[1:]), atol=1e-5)
    alike = np.allclose(noisy(1, rows)[0], noisy(1, rows)[1], atol=1e-6)
    assert alike == (kind in {"embedding_dropout", "weight_drop"}), (
        "units are a row's own, weights and words everybody's"
    )


def test_a_mask_keeps_the_mean_and_cuts_its_part() -> None:
    noise = dropout_keys(jax.random.key(0), jnp.arange(4))
    weight = jnp.ones((256, 1024))
    for rate in (0.1, 0.3, 0.5):
        dropped = np.asarray(weight_drop(weight, noise, rate))
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
