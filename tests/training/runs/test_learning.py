"""`learn`: which weights a run that was stopped or diverged leaves, and what is said where there are none."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from flax import nnx

from model.checkpoints.checkpoint import weights_of
from model.errors import DannError
from tests.training.retrain.test_warm_start import SilentConsole
from tests.training.small_runs import demo, small_settings
from training.data.corpus import build_corpus
from training.loop.clock import Clock
from training.loop.scoring import Evaluator, Score, scored
from training.loop.trainer import Ending, Fit, TrainProgress, fit
from training.runs import learning
from training.runs.learning import Diverged, RunListener, Stopped, TrainingSetup, blend, learn, prime_output, set_up
from training.runs.post_run import PostText


@pytest.fixture(scope="module")
def setup() -> TrainingSetup:
    settings = small_settings(Path("unused"))
    return set_up(settings, PostText(build_corpus(demo(60), settings.data)))


def test_a_new_network_may_begin_with_how_often_each_token_comes(setup: TrainingSetup) -> None:
    """With "frequencies" and no other weights it says what a unigram would; tokens that never come have hardly a chance."""
    text = PostText(build_corpus(demo(60), setup.settings.data))
    train = setup.settings.train.model_copy(update={"output_bias": "frequencies"})
    primed = set_up(setup.settings.model_copy(update={"train": train}), text)
    stream, bias = primed.dataset.train, weights_of(primed.model)["output_bias"]
    counts = np.bincount(stream.tokens, stream.weights, minlength=len(bias))
    assert np.exp(bias).sum() == pytest.approx(1.0, abs=1e-4)
    assert (counts == 0).any()
    assert bias[counts == 0] == pytest.approx(np.log(0.5 / (counts.sum() + len(bias) / 2)), abs=1e-4)
    assert bias.argmax() == counts.argmax()
    zero = setup.settings.train.model_copy(update={"output_bias": "zero"})
    other = set_up(setup.settings.model_copy(update={"train": zero}), text)
    assert not weights_of(other.model)["output_bias"].any()
    known = set_up(primed.settings, text, tokenizer=primed.tokenizer, weights=weights_of(other.model))
    assert not weights_of(known.model)["output_bias"].any()  # they bring their own


def test_without_an_output_bias_there_is_nothing_to_begin_with(setup: TrainingSetup) -> None:
    class Bare:
        config = setup.model.config

    with pytest.raises(DannError, match=r'"frequencies": \w+ has no output_bias to begin with them; set it to "zero"'):
        prime_output(Bare(), setup.dataset.train)  # type: ignore[arg-type]


def ended(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch, ending: Ending, best: Any, *, partial: bool
) -> tuple[Fit, Any]:
    """Learn, where the fit has ended so; returns its result and the model's weights."""
    result = Fit(ending, TrainProgress(step=1200, best=best, best_score=Score(1.0, 0.5, 2.0)), 1.0)
    monkeypatch.setattr(learning, "fit", lambda *_: result)
    listener, clock = RunListener(SilentConsole(), Path("unused")), Clock(setup.settings.train, 0.0)
    return (
        learn(setup, clock, listener, lambda: False, partial=partial, consequence="seed 3 has no result"),
        nnx.state(setup.model, nnx.Param),
    )


@pytest.mark.parametrize(
    ("ending", "partial"), [("done", False), ("done", True), ("stopped", True), ("diverged", True)]
)
def test_the_model_is_left_with_the_best_weights(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch, ending: Ending, partial: bool
) -> None:
    best = jax.tree.map(lambda leaf: leaf + 0.25, nnx.state(setup.model, nnx.Param))
    result, weights = ended(setup, monkeypatch, ending, best, partial=partial)
    assert result.ending == ending
    assert all(map(np.array_equal, jax.tree.leaves(weights), jax.tree.leaves(best)))


@pytest.mark.parametrize("partial", [False, True])
@pytest.mark.parametrize(
    ("ending", "error", "message"),
    [
        ("diverged", Diverged, "not a finite number after step 1,200; train.learning_rate is 0.01, try a smaller one; seed"),
        ("stopped", Stopped, "stopped before there was anything to keep; seed 3 has no result"),
        ("done", DannError, "minutes (train.minutes) were over before the first step; give it more; seed 3"),
    ],
)  # fmt: skip
def test_without_weights_the_error_says_why_and_with_what_consequence(
    setup: TrainingSetup,
    monkeypatch: pytest.MonkeyPatch,
    ending: Ending,
    error: type[DannError],
    message: str,
    partial: bool,
) -> None:
    with pytest.raises(error) as raised:
        ended(setup, monkeypatch, ending, None, partial=partial)
    assert message in str(raised.value)
    assert type(raised.value) is error


@pytest.mark.parametrize(("ending", "error"), [("diverged", Diverged), ("stopped", Stopped)])
def test_where_a_whole_run_is_wanted_part_of_one_is_not_enough(
    setup: TrainingSetup, monkeypatch: pytest.MonkeyPatch, ending: Ending, error: type[DannError]
) -> None:
    with pytest.raises(error, match="seed 3 has no result"):
        ended(setup, monkeypatch, ending, nnx.state(setup.model, nnx.Param), partial=False)


def test_a_score_is_that_of_the_networks_own_weights(setup: TrainingSetup) -> None:
    params = nnx.state(setup.model, nnx.Param)
    other = jax.tree.map(lambda leaf: 2 * leaf, params)
    evaluator = Evaluator(nnx.graphdef(setup.model), setup.dataset.val)
    assert scored(setup.model, setup.dataset.val) == evaluator(params) != evaluator(other)


@pytest.fixture(scope="module")
def learned(setup: TrainingSetup) -> tuple[Any, Any]:
    """Weights after a few steps, and a direction in which they get worse."""
    config, model = setup.settings.train, nnx.clone(setup.model)
    listener = RunListener(SilentConsole(), Path("unused"))
    best = fit(model, setup.dataset, config, Clock(config, 0.0), listener, lambda: False).progress.best
    rng = np.random.default_rng(0)
    return best, jax.tree.map(lambda leaf: rng.normal(0.0, 0.3, leaf.shape).astype(np.float32), best)


@pytest.mark.parametrize(("from_base", "from_learned", "share"), [(0.0, 1.0, 0.0), (1.0, 0.0, 1.0), (0.5, -0.5, 0.5)])
def test_weights_are_moved_back_to_the_base_as_far_as_held_out_text_is_known_best(
    setup: TrainingSetup, learned: tuple[Any, Any], from_base: float, from_learned: float, share: float
) -> None:
    """The best weights are between the two: so far from the base's, so far from the learned ones, in one direction."""
    model, held_out = nnx.clone(setup.model), setup.dataset.quick
    best, away = learned

    def at(distance: float) -> dict[str, np.ndarray]:
        nnx.update(model, jax.tree.map(lambda one, step: one + distance * step, best, away))
        return weights_of(model)

    base = at(from_base)
    at(from_learned)
    before = scored(model, held_out).bpb
    assert blend(model, base, held_out) == share
    after = scored(model, held_out).bpb
    nnx.update(model, best)
    assert after == pytest.approx(scored(model, held_out).bpb, abs=1e-5)
    assert after <= before
