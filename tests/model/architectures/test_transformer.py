"""The transformer against float64 NumPy, and looped and halting blocks against the transformer that they come to."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from model.architectures import build
from model.architectures.parts.attention import AttentionRing, attend_step, attend_window, empty_ring
from model.checkpoints.checkpoint import weights_of
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import BOS
from tests.model.architectures.networks import random_tokens

pytestmark = pytest.mark.usefixtures("exact_ring")

V, H, HEADS, WINDOW = 13, 8, 2, 6
TOKENS = np.asarray(random_tokens())
SHAPE: dict[str, Any] = {"embed_dim": 5, "attention_window": WINDOW, "num_heads": HEADS}

Array = np.ndarray


def network(**shape: Any) -> Any:
    return build(ModelConfig(vocab_size=V, hidden_dim=H, **SHAPE | shape), seed=1)


@cache
def _called(graph: Any, method: str) -> Any:
    return jax.jit(lambda params, tokens: _call(nnx.merge(graph, params), method, tokens))


def _call(model: Any, method: str, tokens: Any) -> Any:
    return getattr(model, method)(tokens, model.initial_carry(len(tokens)))


def called(model: Any, method: str = "__call__") -> Any:
    return _called(*[nnx.graphdef(model), method])(nnx.state(model), TOKENS)


def normed(x: Array, scale: Array) -> Array:
    return np.asarray(x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6) * scale)


def turned(x: Array, position: int) -> Array:
    """One head's query or key, each pair of units a complex number."""
    half = x.shape[-1] // 2
    points = (x[:half] + 1j * x[half:]) * np.exp(1j * position * 10_000.0 ** (-np.arange(half) / half))
    return np.concatenate([points.real, points.imag])


def attended(x: Array, weights: Mapping[str, Array], name: str) -> Array:
    """Over the tokens of the conversation, WINDOW of them at most."""
    query, key, value = (x @ weights[f"{name}.{kind}"] for kind in ("query", "key", "value"))
    found = np.zeros_like(value)
    for row, t in np.ndindex(*TOKENS.shape):
        begun = max((s for s in range(t + 1) if TOKENS[row, s] == BOS), default=0)
        seen = range(max(begun, t - WINDOW + 1), t + 1)
        for head in range(HEADS):
            units = slice(head * H // HEADS, (head + 1) * H // HEADS)
            scores = np.asarray(
                [turned(query[row, t, units], t) @ turned(key[row, s, units], s) for s in seen]
            ) / np.sqrt(H / HEADS)
            shares = np.exp(scores - scores.max())
            found[row, t, units] = shares @ value[row, list(seen), units] / shares.sum()
    return np.asarray(found @ weights[f"{name}.mix"])


def test_parity_with_float64_numpy() -> None:
    model = network(architecture="transformer", num_layers=2)
    weights = {name: array.astype(np.float64) for name, array in weights_of(model).items()}
    x = weights["embedding"][TOKENS] @ weights["input"]
    for layer in range(2):
        name = f"blocks.{layer}"
        x = x + attended(normed(x, weights[f"{name}.mixer_norm"]), weights, f"{name}.mixer")
        y = normed(x, weights[f"{name}.feedforward_norm"])
        gate = y @ weights[f"{name}.gate"]
        x = x + (gate / (1 + np.exp(-gate)) * (y @ weights[f"{name}.up"])) @ weights[f"{name}.down"]
    expected = normed(x, weights["norm"]) @ weights["output"] + weights["output_bias"]
    np.testing.assert_allclose(called(model)[0], expected, atol=2e-5)


@pytest.mark.parametrize("attend", [attend_step, attend_window])
def test_several_heads_are_each_the_one_head(attend: Any) -> None:
    """To the bit: a head knows nothing of the others."""
    rng = np.random.default_rng(0)
    time = (3,) if attend is attend_window else ()
    query, key, value = (jnp.asarray(rng.normal(size=(2, *time, 12)), jnp.float32) for _ in range(3))
    keep = jnp.asarray(rng.random((2, *time)) > 0.3)
    full = empty_ring(2, 5, 12, 12)._replace(count_B=jnp.asarray([3, 9]))
    full = full._replace(keys_BxWxK=full.keys_BxWxK + rng.normal(size=(2, 5, 12)).astype(np.float32))
    found, ring = jax.jit(attend, static_argnums=5)(query, key, value, full, keep, 3)
    for head in range(3):
        units = slice(4 * head, 4 * head + 4)
        its_ring = AttentionRing(full.keys_BxWxK[..., units], full.values_BxWxU[..., units], full.count_B)
        alone, its_ring = jax.jit(attend)(query[..., units], key[..., units], value[..., units], its_ring, keep)
        np.testing.assert_allclose(found[..., units], alone, atol=1e-6)
        np.testing.assert_array_equal(ring.keys_BxWxK[..., units], its_ring.keys_BxWxK)


def test_heads_that_do_not_fit_are_refused_with_those_that_would() -> None:
    with pytest.raises(
        DannError, match=r"num_heads: 3 heads do not divide model.hidden_dim 8 .* so many heads: 1, 2, 4$"
    ):
        network(architecture="transformer", num_heads=3)


def stacked(looped: Any, rounds: int) -> Any:
    """A transformer whose blocks are the looped ones, so many times one above the other."""
    layers = rounds * looped.config.num_layers
    model = network(architecture="transformer", num_layers=layers)
    for layer, block in enumerate(model.blocks):
        nnx.update(block, nnx.state(looped.blocks[layer % looped.config.num_layers]))
    for name in ("embedding", "input", "norm", "output", "output_bias"):
        getattr(model, name).set_value(getattr(looped, name)[...])
    return model


def test_looped_blocks_are_the_same_blocks_stacked() -> None:
    looped = network(architecture="looped", num_layers=2, rounds=3)
    np.testing.assert_allclose(called(looped)[0], called(stacked(looped, 3))[0], atol=2e-6)
    assert len(weights_of(looped)) == len(weights_of(network(architecture="transformer", num_layers=2)))


@pytest.mark.parametrize(("bias", "rounds", "ponder"), [(20.0, 1, 2.0), (-20.0, 3, 4.0)])
def test_halting_at_once_is_one_round_and_never_is_all_of_them(bias: float, rounds: int, ponder: float) -> None:
    """N is 1 or 3, and the remainder 1: the first of N, or all of it that no round before the last took."""
    halting = network(architecture="halting", num_layers=1, rounds=3, ponder_penalty=0.5)
    halting.halt_bias.set_value(jnp.full(1, bias))
    logits, _, extra = called(halting, "call_with_extra_loss")
    np.testing.assert_allclose(logits, called(stacked(halting, rounds))[0], atol=2e-6)
    np.testing.assert_allclose(extra, np.full(TOKENS.shape, 0.5 * ponder), rtol=1e-5)


def test_tokens_halt_each_in_its_own_round_and_the_extra_loss_has_a_gradient() -> None:
    """N + r is 2 for N = 1, where r is 1; between 2 and 3 for N = 2, and between 3 and 4 for N = 3."""
    halting = network(architecture="halting", num_layers=1, rounds=3, ponder_penalty=1.0)
    halting.halt.set_value(60 * halting.halt[...])
    halting.halt_bias.set_value(jnp.full(1, 4.0))
    logits, _, extra = called(halting, "call_with_extra_loss")
    np.testing.assert_array_equal(logits, called(halting)[0])
    ponder = np.asarray(extra)
    for some in (ponder == 2.0, (ponder > 2.0) & (ponder < 3.0), (ponder > 3.0) & (ponder < 4.0)):
        assert some.any()
        assert not some.all()

    @jax.jit
    def gradient(params: Any) -> Any:
        def total(params: Any) -> jax.Array:
            model = nnx.merge(nnx.graphdef(halting), params)
            return jnp.asarray(model.call_with_extra_loss(TOKENS, model.initial_carry(len(TOKENS)))[2].sum())

        return jax.grad(total)(params)

    assert np.abs(gradient(nnx.state(halting)).halt_bias[...]).max() > 0.01
