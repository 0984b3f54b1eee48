"""The loop learns, repeats exactly, resumes exactly and stops when the loss is no number."""

import math
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.engine.engine import Turn, prompt_tokens
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer
from tests.training.small_runs import demo, posts
from training.config.tables import DataConfig, TrainConfig
from training.data.conversations import TrainingTurn
from training.data.corpus import build_corpus, own_texts
from training.data.dataset import Dataset, build_dataset
from training.loop.clock import Clock
from training.loop.scoring import Evaluator, ppmd_bpb
from training.loop.step import RING_QUANTUM, TrainState, initial_state, make_dispatch, steps_per_epoch
from training.loop.trainer import Fit, StepMetrics, TrainProgress, fit
from training.runs import resume
from training.store.post import Post

SMALL = TrainConfig(steps=40, batch_size=8, bptt_length=32, evaluations=2, learning_rate=0.01, devices=1)
EVERY_DEVICE = SMALL.model_copy(update={"devices": "auto"})


@dataclass
class RecordingListener:
    """A Listener that records its calls."""

    metrics: list[StepMetrics] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)
    saves: list[int] = field(default_factory=list)
    file: Path | None = None

    def stepped(self, metrics: StepMetrics) -> None:
        self.metrics.append(metrics)

    def evaluated(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        assert progress.score
        self.scores.append(progress.score.bpb)

    def saved(self, state: TrainState, progress: TrainProgress) -> None:
        self.saves.append(progress.step)
        if self.file:
            resume.save(self.file, state, progress)


@cache
def tokenizer_of_demo() -> Tokenizer:
    """For every text, so that all networks are of one shape, and their programs too."""
    return Tokenizer.train(own_texts(build_corpus(demo(80), DataConfig()).train), 300)


def dataset_of(own_posts: list[Post]) -> Dataset:
    corpus = build_corpus(own_posts, DataConfig())
    return build_dataset(corpus.train, corpus.val, tokenizer_of_demo(), other_weight=1.0, seed=0)


@cache
def dataset_of_demo() -> Dataset:
    """Short enough for the smallest ring, as all texts here."""
    dataset = dataset_of(demo(80))
    assert len(dataset.train) < RING_QUANTUM
    return dataset


def dataset_of_text(text: str) -> Dataset:
    window = [(TrainingTurn(mine=True, text=text),)]
    return build_dataset(window, window, tokenizer_of_demo(), 1.0, seed=0)


def network(**shape: Any) -> LanguageModel:
    config = ModelConfig(vocab_size=300, **({"hidden_dim": 32, "embed_dim": 16} | shape))
    assert config.vocab_size == tokenizer_of_demo().vocab_size
    return build(config, seed=0)


def run(
    model: LanguageModel,
    dataset: Dataset,
    config: TrainConfig = SMALL,
    listener: RecordingListener | None = None,
    **kwargs: Any,
) -> Fit:
    clock = Clock(config, time.monotonic(), step_seconds=1e-9)
    return fit(
        model, dataset, config, clock, listener or RecordingListener(), kwargs.pop("stopping", lambda: False), **kwargs
    )


@pytest.mark.slow
def test_it_learns() -> None:
    """That every architecture does is in test_devices.py."""
    listener = RecordingListener()
    run(network(), dataset_of_demo(), SMALL.model_copy(update={"steps": 150}), listener)
    assert listener.scores[-1] < 0.5 * math.log2(300)
    assert listener.scores[-1] < listener.scores[0]
    assert listener.metrics[-1].loss < listener.metrics[0].loss - 0.5
    assert listener.metrics[-1].learning_rate == 0.0
    assert listener.metrics[-1].progress == 1.0
    assert all(np.isfinite(m.grad_norm) and m.grad_norm > 0 for m in listener.metrics)


@pytest.mark.slow
def test_one_window_is_overfitted() -> None:
    """The journal's first check, and the one that finds most bugs: one sample must be learned to nothing.

    By the score of the weights in the end: metrics are means over a dispatch, which has fewer steps on a busy machine.
    """
    dataset = dataset_of_text("abcdefghijklmnopqrstuvwxyz0123")
    assert len(dataset.train) <= SMALL.bptt_length
    changed = {"steps": 300, "batch_size": 1, "learning_rate": 0.02, "evaluations": 1}
    score = run(network(), dataset, SMALL.model_copy(update=changed)).progress.score
    assert score
    assert score.loss < 0.01


@pytest.mark.slow
def test_lmao_goes_on_with_lmaolmao() -> None:
    """The journal's second check: 'lmao' a thousand times as the only text. Each token of it is the likeliest."""
    model, tokenizer = network(), tokenizer_of_demo()
    result = run(model, dataset_of(posts(["lmao" * 40] * 25)), SMALL.model_copy(update={"steps": 150}))
    nnx.update(model, result.progress.best)
    prompt, reply = prompt_tokens(tokenizer, [Turn(mine=False, text="lmao")]), tokenizer.encode("lmao" * 10)
    tokens = np.asarray([[*prompt, *reply]])
    logits = nnx.jit(lambda model, tokens: model(tokens, model.initial_carry(1))[0])(model, tokens)
    assert np.asarray(logits[0]).argmax(-1)[len(prompt) - 1 : -1].tolist() == reply


@pytest.fixture(scope="module")
def unbroken() -> Fit:
    """A run of 32 steps a dispatch, and the rest."""
    return run(network(dropout=0.2), dataset_of_demo(), EVERY_DEVICE)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_weights_however_steps_are_dispatched(unbroken: Fit) -> None:
    clock = Clock(EVERY_DEVICE, time.monotonic(), step_seconds=0.1)  # 5 steps a dispatch
    again = fit(network(dropout=0.2), dataset_of_demo(), EVERY_DEVICE, clock, RecordingListener(), lambda: False)
    assert_same_weights(unbroken, again, off_by=0.0)


def assert_same_weights(one: Fit, other: Fit, off_by: float) -> None:
    for first, second in zip(jax.tree.leaves(one.progress.best), jax.tree.leaves(other.progress.best), strict=True):
        np.testing.assert_allclose(first, second, rtol=0.0, atol=off_by)


@pytest.mark.slow
def test_a_resumed_run_ends_where_an_unbroken_one_does(tmp_path: Path, unbroken: Fit) -> None:
    dataset, model = dataset_of_demo(), network(dropout=0.2)
    file = tmp_path / "resume.safetensors"
    asked = iter([False, True])
    broken = run(model, dataset, EVERY_DEVICE, listener=RecordingListener(file=file), stopping=lambda: next(asked))
    assert broken.ending == "stopped"
    assert 0 < broken.progress.step < SMALL.steps
    state, progress = resume.load(file, initial_state(model, EVERY_DEVICE, dataset.train))
    assert progress.step == broken.progress.step
    assert progress.best_score == broken.progress.best_score
    resumed = run(model, dataset, EVERY_DEVICE, resumed=(state, progress))
    assert (resumed.ending, resumed.progress.step) == ("done", SMALL.steps)
    assert_same_weights(unbroken, resumed, off_by=1e-6)


def test_what_cannot_be_resumed_from_is_one_line(tmp_path: Path) -> None:
    dataset, model = dataset_of_demo(), network()
    like = initial_state(model, SMALL, dataset.train)
    file = tmp_path / "resume.safetensors"
    for content in (b"", b"rubbish", b"\x08\0\0\0\0\0\0\0{}      "):
        file.write_bytes(content)
        with pytest.raises(DannError, match="cannot be resumed from"):
            resume.load(file, like)
    resume.save(file, initial_state(network(hidden_dim=48), SMALL, dataset.train), TrainProgress())
    with pytest.raises(DannError, match="is of another network"):
        resume.load(file, like)


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_the_last_good_weights(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset, model = dataset_of_demo(), network()
    original = make_dispatch(model, SMALL, dataset.train)

    def breaking(state: TrainState, rates: Any, steps: int) -> Any:
        state, rows = original(state, rates, steps)
        return state, rows * (float("nan") if int(state.step) > 20 else 1.0)

    monkeypatch.setattr("training.loop.trainer.make_dispatch", lambda *_: breaking)
    clock, listener = Clock(SMALL, time.monotonic(), step_seconds=0.1), RecordingListener()
    config = SMALL.model_copy(update={"evaluations": 10})
    result = fit(model, dataset, config, clock, listener, lambda: False)
    assert result.ending == "diverged"
    assert result.progress.step <= 20
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.progress.best))


@pytest.mark.parametrize("size", [1, 3, 31, 33, 500])
def test_texts_shorter_than_a_batch_train_too(size: int) -> None:
    dataset, model = dataset_of_text("x" * size), network()
    dispatch = make_dispatch(model, SMALL, dataset.train)
    _, rows = dispatch(initial_state(model, SMALL, dataset.train), np.full(32, 0.01, np.float32), 5)
    assert np.isfinite(np.asarray(rows)[:5]).all()


def test_a_carry_is_handed_from_window_to_window() -> None:
    """Without it the network would forget at every window's edge: with a learning rate of 0, losses tell."""
    dataset, model = dataset_of_demo(), network()
    config = SMALL.model_copy(update={"batch_size": 1})
    dispatch = make_dispatch(model, config, dataset.train)
    zero_rates = np.zeros(32, np.float32)
    state, _ = dispatch(initial_state(model, config, dataset.train), zero_rates, 3)
    assert np.abs(np.asarray(state.carry[0][-1])).max() > 0
    kept = jax.device_get(state)
    forgetful = kept._replace(carry=jax.tree.map(np.zeros_like, kept.carry))
    losses = [np.asarray(dispatch(state, zero_rates, 1)[1])[0, 0] for state in (forgetful, kept)]
    assert losses[0] != losses[1]


def test_bits_per_byte_of_a_network_that_knows_nothing() -> None:
    """All logits equal: log2(V) bits per token, whatever windows and rows the held-out part is dealt to."""
    tokenizer, dataset, model = tokenizer_of_demo(), dataset_of_demo(), network()
    state = jax.tree.map(np.zeros_like, nnx.state(model, nnx.Param))
    score = Evaluator(nnx.graphdef(model), dataset.val)(state)
    tokens, size = dataset.val.num_tokens, dataset.val.num_bytes
    assert score.loss == pytest.approx(math.log(tokenizer.vocab_size), rel=1e-5)
    assert score.bpb == pytest.approx(math.log2(tokenizer.vocab_size) * tokens / size, rel=1e-5)


def test_evaluation_equals_reading_each_conversation_alone() -> None:
    """A conversation is filled up to one length for all; what fills it comes after it, and is seen by none of it."""
    dataset, model = dataset_of_demo(), network()
    graph, params = nnx.split(model)
    score = Evaluator(graph, dataset.val)(params)
    length = dataset.val.tokens.shape[1]

    @jax.jit
    def log_probs(params: Any, tokens: jax.Array) -> jax.Array:
        read: Any = nnx.merge(graph, params)
        return jax.nn.log_softmax(read(tokens[None], read.initial_carry(1))[0][0])

    nats = correct = 0.0
    for tokens, counts in zip(dataset.val.tokens, dataset.val.counts, strict=True):
        for part in np.split(np.arange(tokens.size), np.flatnonzero(tokens == 0)[1:]):
            padded = np.pad(tokens[part], (0, length - part.size))
            logp = np.asarray(log_probs(params, padded), np.float64)[: part.size - 1]
            following, count = tokens[part][1:], counts[part][1:]
            nats -= (logp[np.arange(following.size), following] * count).sum()
            correct += ((logp.argmax(-1) == following) * count).sum()
    assert score.loss == pytest.approx(nats / dataset.val.num_tokens, rel=1e-4)
    assert score.accuracy == pytest.approx(correct / dataset.val.num_tokens, abs=1e-6)
    assert (dataset.val.tokens[dataset.val.counts > 0] >= NUM_SPECIAL).all()


def test_ppmd_is_the_length_of_val_after_train() -> None:
    train = [f"the loss of run {i} goes down" for i in range(200)]
    assert ppmd_bpb(train, train[:20]) < 1.0 < ppmd_bpb(train, ["zyxwv utsrq ponml 98765"] * 1)


@pytest.mark.slow
@pytest.mark.parametrize("random_offsets", [True, False])
def test_without_random_offsets_every_epoch_reads_the_same(random_offsets: bool) -> None:
    """An epoch of one step, and a rate of nearly nothing: losses differ only where windows do."""
    dataset, model = dataset_of_text("".join(str(number * number) for number in range(85))), network()
    assert steps_per_epoch(SMALL, dataset.train) == 1
    whole = {"steps": 0, "epochs": 70, "learning_rate": 1e-30, "warmup": 0.0}
    listener = RecordingListener()
    result = run(model, dataset, SMALL.model_copy(update=whole | {"random_offsets": random_offsets}), listener)
    assert (result.ending, result.progress.step) == ("done", 70)
    losses = [metrics.loss for metrics in listener.metrics]
    assert len(losses) >= 3
    assert (max(losses) - min(losses) < 1e-5) is not random_offsets
