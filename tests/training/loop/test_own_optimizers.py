"""Each optimizer takes the steps of its paper, is in the registry under the name that settings have, and can be resumed."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from flax import nnx

from model.architectures import build
from model.config import ModelConfig
from tests.training.loop.test_optimizer import random_arrays
from training.config.tables import OptimizerName, TrainConfig
from training.loop.optimizer import optimizer
from training.loop.optimizers import OPTIMIZERS
from training.loop.optimizers import muon as muon_module
from training.loop.optimizers.softmax_rate import rate_factors
from training.loop.step import OF_A_RUN, TrainState
from training.loop.trainer import TrainProgress
from training.runs import resume

Arrays = list[np.ndarray]
ROOT = Path(__file__).parents[3]
RATE = 0.1
PLAIN: dict[str, Any] = {"clip_norm": 0.0, "weight_decay": 0.05, "beta1": 0.8, "beta2": 0.95, "momentum": 0.7}


def taken(config: TrainConfig, params: Arrays, gradients: list[Arrays]) -> tuple[Arrays, Any]:
    """The parameters after these gradients, and the optimizer's state."""
    chain = optimizer(config)
    now = [jnp.asarray(p, jnp.float32) for p in params]
    state = chain.init(now)
    update = jax.jit(lambda g, s, p: chain.update(g, s, p, rate=RATE))
    for gradient in gradients:
        updates, state = update([jnp.asarray(g, jnp.float32) for g in gradient], state, now)
        now = [p - RATE * u for p, u in zip(now, updates, strict=True)]
    return [np.asarray(p) for p in now], state


class Adam:
    """Adam's direction for one array, in float64."""

    def __init__(self, epsilon: float = 1e-8) -> None:
        self.m, self.v, self.t, self.epsilon = 0.0, 0.0, 0, epsilon

    def __call__(self, g: Any) -> Any:
        self.t += 1
        self.m = PLAIN["beta1"] * self.m + (1 - PLAIN["beta1"]) * g
        self.v = PLAIN["beta2"] * self.v + (1 - PLAIN["beta2"]) * g * g
        m, v = self.m / (1 - PLAIN["beta1"] ** self.t), self.v / (1 - PLAIN["beta2"] ** self.t)
        return m / (np.sqrt(v) + self.epsilon)


def decayed(w: np.ndarray) -> Any:
    return PLAIN["weight_decay"] * w if w.ndim > 1 else 0.0


def lion(w: np.ndarray, gradients: Arrays) -> np.ndarray:
    m = np.zeros_like(w)
    for g in gradients:
        sign = np.sign(PLAIN["beta1"] * m + (1 - PLAIN["beta1"]) * g)
        m = PLAIN["beta2"] * m + (1 - PLAIN["beta2"]) * g
        w = w - RATE * (sign + decayed(w))
    return w


def lamb(w: np.ndarray, gradients: Arrays) -> np.ndarray:
    adam = Adam(epsilon=1e-6)
    for g in gradients:
        step = adam(g) + decayed(w)
        w = w - RATE * step * np.linalg.norm(w) / np.linalg.norm(step)
    return w


def madam(w: np.ndarray, gradients: Arrays) -> np.ndarray:
    if w.ndim == 1:
        adam = Adam()
        for g in gradients:
            w = w - RATE * adam(g)
        return w
    v, largest = np.zeros_like(w), 3 * np.sqrt((w * w).mean())
    for t, g in enumerate(gradients, 1):
        v = 0.999 * v + 0.001 * g * g
        normalized = np.clip(g / np.sqrt(v / (1 - 0.999**t)), -10, 10)
        moved = np.clip(w * np.exp(-RATE * np.sign(w) * normalized), -largest, largest)
        w = moved - RATE * decayed(w)
    return w


def muon(w: np.ndarray, gradients: Arrays) -> np.ndarray:
    adam, m = Adam(), np.zeros_like(w)
    for t, g in enumerate(gradients, 1):
        if w.ndim == 1:
            w = w - RATE * adam(g)
            continue
        m = 0.95 * m + 0.05 * g
        x = 0.95 * m / (1 - 0.95 ** (t + 1)) + 0.05 * g / (1 - 0.95**t)
        x = x.T if x.shape[0] > x.shape[1] else x
        x = x / (np.linalg.norm(x) + 1e-8)
        for _ in range(5):
            square = x @ x.T
            x = 3.4445 * x + (-4.7750 * square + 2.0315 * square @ square) @ x
        x = x.T if x.shape != w.shape else x
        w = w - RATE * (0.2 * np.sqrt(max(w.shape)) * x + decayed(w))
    return w


PAPERS: dict[str, Callable[[np.ndarray, Arrays], np.ndarray]] = {
    "lion": lion,
    "lamb": lamb,
    "madam": madam,
    "muon": muon,
}


@pytest.mark.parametrize("name", PAPERS)
def test_it_takes_the_steps_of_its_paper(name: Any) -> None:
    params, *gradients = random_arrays(6)
    found, _ = taken(TrainConfig(optimizer=name, **PLAIN), params[:2], [g[:2] for g in gradients])
    for number, array in enumerate(found):
        expected = PAPERS[name](params[number], [g[number] for g in gradients])
        np.testing.assert_allclose(array, expected, rtol=2e-4, atol=2e-5)


@pytest.mark.parametrize("embed_dim", [0, 6])
@pytest.mark.parametrize("architecture", ["lstm", "mogrifier_lstm", "mingru"])
def test_muon_leaves_tables_of_tokens_to_adam(architecture: str, embed_dim: int) -> None:
    """Of 29 tokens, which no other axis has; without an embedding the first layer's input is a table too."""
    shape = ModelConfig(architecture=architecture, vocab_size=29, hidden_dim=5, embed_dim=embed_dim, num_layers=2)
    params = jax.eval_shape(lambda: nnx.state(build(shape, 0), nnx.Param))
    whose = zip(jax.tree.leaves(muon_module._who(params)), jax.tree.leaves(params), strict=True)
    found = {(who, leaf.ndim == 2, 29 in leaf.shape) for who, leaf in whose}
    assert found == {("adam", True, True), ("muon", True, False), ("adam", False, False), ("adam", False, True)}


def test_madam_keeps_signs_and_lets_no_weight_grow_for_ever() -> None:
    params = [np.random.default_rng(2).normal(size=(4, 5))]
    outwards = [[-np.sign(params[0])]] * 30
    inwards = [[np.sign(params[0])]] * 30
    config = TrainConfig(optimizer="madam", clip_norm=0.0, weight_decay=0.0)
    [grown], [shrunk] = (taken(config, params, gradients)[0] for gradients in (outwards, inwards))
    widest = 3 * np.sqrt((params[0] ** 2).mean())
    assert np.abs(grown).max() == pytest.approx(widest, rel=1e-5)
    assert (np.sign(grown) == np.sign(params[0])).all()
    assert (np.sign(shrunk) == np.sign(params[0])).all()
    assert np.abs(shrunk).max() < np.abs(params[0]).max() / 10


@pytest.mark.parametrize("inner", ["adamw", "sgd"])
@pytest.mark.parametrize("of", ["weight", "distance"])
def test_the_softmax_rate_is_a_rate_for_each_weight(of: Any, inner: Any) -> None:
    """N softmax of the weight, or of its distance from 1 (a bias's from 0), times what the inner optimizer would do."""
    config = TrainConfig(optimizer="softmax_rate", softmax_of=of, softmax_inner=inner, softmax_tau=0.5, **PLAIN)
    params, *gradients = random_arrays(5)
    found, _ = taken(config, params[:2], [g[:2] for g in gradients])
    for number, array in enumerate(found):
        w, adam, trace = params[number], Adam(), np.zeros_like(params[number])
        for gradient in gradients:
            trace = PLAIN["momentum"] * trace + gradient[number]
            direction = adam(gradient[number]) if inner == "adamw" else trace
            impact = w if of == "weight" else np.abs(w - 1) if w.ndim > 1 else np.abs(w)
            weights = np.exp(impact / 0.5)
            w = w - RATE * (w.size * weights / weights.sum() * direction + decayed(w))
        np.testing.assert_allclose(array, w, rtol=1e-4, atol=1e-5)


def test_the_note_at_its_word_does_nothing() -> None:
    """Softmax forgets what is added to all, so softmax(w - 1) is softmax(w); and at tau 1 small weights have alike rates."""
    w = np.random.default_rng(0).normal(0, 0.1, (8, 8)).astype(np.float32)
    literal = TrainConfig(optimizer="softmax_rate", softmax_of="weight", softmax_tau=1.0)
    factors, shifted = (np.asarray(rate_factors(literal, jnp.asarray(x))) for x in (w, w - 1))
    np.testing.assert_allclose(factors, shifted, rtol=1e-5)
    assert factors.mean() == pytest.approx(1.0)
    assert 0.7 < factors.min() < factors.max() < 1.4


def test_the_control_deals_the_same_factors_out_to_others() -> None:
    """With bare SGD and gradients of 1 the updates are the factors; they are the same ones, elsewhere, in each step."""
    given: dict[str, Any] = {"optimizer": "softmax_rate", "softmax_tau": 0.2, "softmax_inner": "sgd", "momentum": 0.0}
    params = [np.random.default_rng(1).normal(size=(6, 7))]
    ones = [[np.ones((6, 7))]]
    moved = {
        shuffled: params[0] - taken(TrainConfig(**given, clip_norm=0.0, weight_decay=0.0, softmax_shuffled=shuffled),
                                    params, ones)[0][0]
        for shuffled in (False, True)
    }  # fmt: skip
    assert np.abs(moved[True] - moved[False]).max() > 0.01
    np.testing.assert_allclose(np.sort(moved[True].ravel()), np.sort(moved[False].ravel()), rtol=1e-4, atol=1e-6)


def test_the_registry_has_what_settings_name() -> None:
    assert set(OPTIMIZERS) == set(get_args(OptimizerName))
    [comment] = re.findall(r"^optimizer = .*# (.+)$", (ROOT / "config.toml").read_text(), re.MULTILINE)
    assert re.findall(r'"(\w+)"', comment) == [*get_args(OptimizerName)]


@pytest.mark.parametrize("name", [*OPTIMIZERS, "shuffled"])
def test_a_resumed_run_has_its_optimizers_state(tmp_path: Path, name: Any) -> None:
    """All of it to the bit, the control's permutations too, so that the next step is the same."""
    control = {"optimizer": "softmax_rate", "softmax_shuffled": True}
    config = TrainConfig(**(control if name == "shuffled" else {"optimizer": name}))
    params, *gradients = random_arrays(2)
    arrays, state = taken(config, params, gradients)
    whole = TrainState(params=arrays, opt_state=state, average=arrays, carry=[], step=jnp.int32(3))
    resume.save(tmp_path / "resume.safetensors", whole, TrainProgress(step=3))
    fresh = whole._replace(opt_state=optimizer(config).init([jnp.asarray(p, jnp.float32) for p in params]))
    loaded, _ = resume.load(tmp_path / "resume.safetensors", fresh)
    assert str(jax.tree.structure(loaded.opt_state)) == str(jax.tree.structure(state))
    for one, other in zip(jax.tree.leaves(loaded.opt_state), jax.tree.leaves(state), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(
    ("name", "scaled"),
    [
        ("adamw", optax.scale_by_adam(b1=0.9, b2=0.99)),
        ("rmsprop", optax.scale_by_rms(0.95, eps=1e-8, eps_in_sqrt=False)),
        ("sgd", optax.trace(0.9)),
    ],
)
def test_what_there_was_before_the_registry_gives_the_same_bits(name: Any, scaled: Any) -> None:
    before = optax.chain(
        optax.clip_by_global_norm(1.0),
        optax.identity(),
        scaled,
        optax.add_decayed_weights(0.05, mask=lambda tree: jax.tree.map(lambda leaf: leaf.ndim > 1, tree)),
    )
    params, *gradients = random_arrays(5)
    now, _ = taken(TrainConfig(optimizer=name), params, gradients)
    then = [jnp.asarray(p, jnp.float32) for p in params]
    state, update = before.init(then), jax.jit(before.update)
    for gradient in gradients:
        updates, state = update([jnp.asarray(g, jnp.float32) for g in gradient], state, then)
        then = [p - RATE * u for p, u in zip(then, updates, strict=True)]
    for one, other in zip(now, then, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_none_depends_on_what_runs_of_one_program_may_differ_in(name: OptimizerName) -> None:
    """A step's program is shared by runs that differ in OF_A_RUN alone, so an optimizer must not read any of it."""
    usual = TrainConfig(optimizer=name, **PLAIN)
    differing = {
        "minutes": 7.0,
        "steps": 7,
        "tokens": 7,
        "epochs": 7,
        "seed": 7,
        "learning_rate": 0.7,
        "evaluations": 7,
    }
    other = usual.model_copy(update=differing | {"save_seconds": 7.0})
    assert {*differing, "save_seconds"} == {*OF_A_RUN}
    params, *gradients = random_arrays(3)
    for found, wanted in zip(taken(other, params, gradients)[0], taken(usual, params, gradients)[0], strict=True):
        np.testing.assert_array_equal(found, wanted)
