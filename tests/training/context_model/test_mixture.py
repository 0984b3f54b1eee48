"""The mixture predicts before it learns, its probabilities sum to 1, and it does what mixing is for."""

from collections.abc import Iterator

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import build
from model.config import ModelConfig
from model.tokenizer import BOS, ME, OTHER, Tokenizer
from tests.training.small_runs import demo
from training.config.tables import DataConfig
from training.context_model import mixture, neural_cache
from training.context_model.mixture import Mixture, log_probs, mix, mixed_stateful
from training.context_model.model import Inputs, LogLinear
from training.context_model.neural_cache import NeuralCache
from training.data.corpus import build_corpus, own_texts
from training.data.dataset import build_dataset, scored_stream

TOKENS = [b"", b"", b"", b"a", b"b", b"ab", b"aba", b"c", b" ", b"z", b"zz", b"y", b"\xc3"]
"""A vocabulary small enough to try every token; "y", "z" and 0xC3 are in no text but what is tried."""
V = len(TOKENS)


def text(size: int, seed: int) -> np.ndarray:
    """Tokens that repeat themselves: mostly the next in a fixed round."""
    rng = np.random.default_rng(seed)
    around = [3, 8, 5, 7, 6, 8, 4]
    found = [around[i % 7] if rng.random() < 0.8 else int(rng.choice(around)) for i in range(size)]
    return np.array([1, *found, 2, *found[::-1]])


def network(size: int, seed: int) -> np.ndarray:
    """ln p `[size, V]` of a network that knows nothing in particular."""
    logits = np.random.default_rng(seed).normal(0, 2, (size, V))
    return np.asarray(logits - np.log(np.exp(logits).sum(1, keepdims=True)), np.float32)


def blocks(ln_p: np.ndarray, size: int = 33) -> Iterator[np.ndarray]:
    return (ln_p[i : i + size] for i in range(0, len(ln_p), size))


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Several chunks and blocks, some cut within a token, also in these short texts."""
    monkeypatch.setattr(mixture, "CHUNK_STEPS", 50)
    monkeypatch.setattr(mixture, "BLOCK_STEPS", 7)
    monkeypatch.setattr(mixture, "TAIL_STEPS", 150)


@pytest.mark.parametrize("size", [0, 1, 17, 60])
@pytest.mark.parametrize("train_size", [1, 120])
def test_probabilities_of_the_next_token_sum_to_one(size: int, train_size: int) -> None:
    """Every token there is, tried as the one that comes next; those that train never had too."""
    train, before, ln_p = text(train_size, 0), text(60, 1)[:size], network(size + 1, 2)
    found = [mix(blocks(ln_p), train, np.append(before, token), TOKENS) for token in range(V)]
    for name in ("network", "context", "mixed"):
        p = np.exp([-getattr(m, name)[-1] for m in found])
        assert (p > 0).all()
        assert p.sum() == pytest.approx(1.0, abs=1e-5)


def test_what_comes_later_changes_nothing_earlier() -> None:
    train, val, ln_p = text(120, 0), text(60, 1), network(122, 2)
    whole = mix(blocks(ln_p), train, val, TOKENS)
    for cut in (1, 16, 40, 121):
        other, noise = val.copy(), ln_p.copy()
        other[cut:] = (val[cut:] + 1) % V
        noise[cut:] = network(122 - cut, 5)
        changed = mix(blocks(noise), train, other, TOKENS)
        shorter = mix(blocks(ln_p[:cut]), train, val[:cut], TOKENS)
        for name in ("network", "context", "mixed"):
            np.testing.assert_array_equal(getattr(changed, name)[:cut], getattr(whole, name)[:cut])
            # Fewer rows are multiplied in another order: the last bits of a float32 may differ.
            np.testing.assert_allclose(getattr(shorter, name), getattr(whole, name)[:cut], rtol=1e-5)
            assert (getattr(changed, name)[cut:] != getattr(whole, name)[cut:]).all()


def test_the_context_model_is_the_same_beside_any_network() -> None:
    train, val = text(120, 0), text(60, 1)
    one, other = (mix([network(122, seed)], train, val, TOKENS) for seed in (2, 3))
    np.testing.assert_array_equal(one.context, other.context)
    assert (one.mixed != other.mixed).all()


def test_it_learns_what_repeats_and_while_it_reads() -> None:
    train, val = text(600, 0), text(600, 1)
    assert mix([network(len(val), 2)], train, val, TOKENS).context.mean() < 1.3  # 6 tokens, one of them in 5 at random
    nats = mix([network(360, 2)], train, np.tile([3, 7, 7, 8, 4, 6], 60), TOKENS).context
    assert nats[-80:].mean() < 0.1 * nats[:80].mean()


def test_it_follows_whichever_of_the_two_knows_more() -> None:
    train, val = text(600, 0), np.random.default_rng(9).integers(3, 8, 800)
    ignorant = network(800, 3)
    knowing = np.full((800, V), np.log(0.02 / (V - 1)), np.float32)
    knowing[np.arange(800), val] = np.log(0.98)
    found = mix(blocks(knowing), train, val, TOKENS)
    assert found.mixed[400:].mean() < 0.1 * found.context[400:].mean()
    found = mix(blocks(ignorant), train, text(399, 1), TOKENS)
    assert found.mixed[400:].mean() < found.context[400:].mean() + 0.05 < found.network.mean()


def test_one_step_of_learning_is_the_gradient_of_the_loss() -> None:
    """Against JAX's own gradient of the same loss, through AdaGrad's first step: RATE x g / (|g| + 0.001)."""
    rng = np.random.default_rng(0)
    n, C, cells = 5, 4, 6
    allowed = np.ones((n, C), bool)
    allowed[2, 1] = False
    entries = np.array([[0, 0, 1], [0, 2, 3], [1, 3, 1], [2, 0, 5], [4, 2, 1], [4, 2, 4]])
    rows, seen, cell = entries.T
    inputs = Inputs(rng.normal(-1, 1, (2, n, C)), rows, seen, cell, allowed)
    columns = np.array([0, 3, 2, 1, 2])
    model = LogLinear(cells).with_input(0.5, 0.1)

    def losses(weights: jax.Array) -> jax.Array:
        scores = jax.numpy.tensordot(weights[:2], inputs.ln_p, 1)
        scores = scores.at[inputs.rows, inputs.columns].add(weights[2:][inputs.cells])
        ln_p = jax.nn.log_softmax(jax.numpy.where(allowed, scores, -jax.numpy.inf))
        return -ln_p[jax.numpy.arange(n), columns]

    start = jax.numpy.array([0.5, 0.5, *[0.0] * cells])
    gradient = np.asarray(jax.grad(lambda weights: losses(weights).mean())(start), np.float64)
    np.testing.assert_allclose(model.nats(inputs, columns), losses(start), rtol=1e-5)
    after = start - 0.1 * gradient / (np.abs(gradient) + 1e-3)
    np.testing.assert_allclose(model.nats(inputs, columns), losses(after), rtol=1e-4)


@pytest.mark.parametrize("num_before", [1, 3, 30])
def test_a_networks_log_probs_are_those_of_one_long_call(num_before: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mixture, "CHUNK_TOKENS", 16)
    model = build(ModelConfig(vocab_size=V, embed_dim=4, hidden_dim=8), seed=0)
    tokens = np.random.default_rng(0).integers(0, V, 75)
    found = np.concatenate(list(log_probs(model, tokens[num_before:], tokens[:num_before])))
    whole = nnx.jit(lambda model, tokens: jax.nn.log_softmax(model(tokens, model.initial_carry(1))[0][0]))
    np.testing.assert_allclose(found, np.asarray(whole(model, tokens[None]))[num_before - 1 : -1], atol=1e-5)


def test_posts_are_read_in_their_order_and_scored_where_the_evaluation_scores() -> None:
    corpus = build_corpus(demo(), DataConfig())
    tokenizer = Tokenizer.train(own_texts(corpus.train), 300)
    train, val = scored_stream(corpus.train, tokenizer), scored_stream(corpus.val, tokenizer)
    held_out = build_dataset(corpus.train, corpus.val, tokenizer, 1.0, seed=0).val
    assert val.weights.sum() == held_out.num_tokens
    said = tokenizer.decode(val.tokens[val.weights > 0])
    assert said == "".join(own_texts(corpus.val))
    assert {BOS, OTHER, ME} <= set(val.tokens.tolist())
    model = build(ModelConfig(vocab_size=tokenizer.vocab_size, hidden_dim=8), seed=0)
    found: Mixture = mixed_stateful(model, train.tokens, val.tokens, tokenizer.token_bytes)
    network, context, mixed = (
        (nats * val.weights).sum() / (np.log(2) * held_out.num_bytes)
        for nats in (found.network, found.context, found.mixed)
    )
    assert context < 0.6 * network
    assert mixed < 1.1 * context


def test_the_cache_expects_what_came_where_the_network_expected_the_like(monkeypatch: pytest.MonkeyPatch) -> None:
    """Slowly, one token at a time; with less remembered than there is."""
    monkeypatch.setattr(neural_cache, "CACHE_TOKENS", 40)
    monkeypatch.setattr(neural_cache, "SHARPNESS", 5.0)
    tokens, ln_p = np.random.default_rng(0).integers(0, V, 90), network(90, 1)
    model = NeuralCache(V)
    found = np.concatenate([model.ln_p(ln_p[a : a + 30], tokens[a : a + 30]) for a in (0, 30, 60)])
    p = np.exp(ln_p)
    for i in range(90):
        remembered = range(max(0, i // 30 * 30 - 40), i)
        weights = [np.exp(5 * np.sqrt(p[i] * p[j]).sum()) for j in remembered]
        came = np.bincount(tokens[list(remembered)], weights, V) / sum(weights) if weights else p[i]
        np.testing.assert_allclose(np.exp(found[i]), 0.98 * came + 0.02 * p[i], rtol=1e-3, atol=1e-6)
