"""The learning rate over a run, and the optimizer on made-up gradients, against their definitions. Needs no network."""

from collections.abc import Iterator

import jax
import numpy as np

from training.config.tables import TrainConfig
from training.inspect.reference import ReferenceOptimizer, global_norm, peak_rate, rate_at
from training.inspect.report import InspectionFinding
from training.inspect.subject import Subject, current
from training.loop import optimizer as loop_optimizer
from training.loop import step as loop_step
from training.loop import trainer

POINTS = 64
MATCH = 0.01
WHERE = "training/loop/optimizer.py: learning_rates, _decay"
CLIP_TOO_LOW = 0.02
"""A clip limit below this share of the first gradient's norm cuts every gradient to nearly nothing."""
MOST_SHRINKING = 0.01
"""Weight decay times the rate above which a step takes more from a matrix than most steps teach it: a half in 70 steps."""
WARM = 1.0
SLOW, FAST = 0.3, 3.0


def probe_rates(subject: Subject) -> Iterator[InspectionFinding]:
    """The learning rate at 64 points of a run, by the configuration and with a warm-up where it has none."""
    own = subject.settings.train
    progress, epochs = np.arange(1, POINTS + 1) / POINTS, np.zeros(POINTS, int)
    warm = own if own.warmup else own.model_copy(update={"warmup": 0.1})
    long = warm.model_copy(update={"warmup": max(warm.warmup, 0.1)})
    functions = {id(one): one for one in (loop_optimizer.learning_rates, current(trainer, "learning_rates"))}
    for function in functions.values():
        for config in (own, long):
            found = np.asarray(function(config, progress, epochs), np.float64)
            expected = np.asarray([rate_at(config, point, 0) for point in progress])
            if np.abs(found - expected).max() > MATCH * peak_rate(config):
                yield _explain_rates(config, found, expected, progress)
                return


def _explain_rates(
    config: TrainConfig, found: np.ndarray, expected: np.ndarray, progress: np.ndarray
) -> InspectionFinding:
    peak, right = float(found.max()), float(expected.max())
    seen = f"the learning rate peaks at {peak:.3g}, configured is {right:.3g}"
    measured = {"peak": peak, "configured": right}
    warming = progress < config.warmup
    after = ~warming & (expected > 0)
    ratio = float(np.median(found[after] / expected[after])) if after.any() else 1.0
    if not SLOW <= ratio <= FAST:
        suspect = "rate-too-high" if ratio > 1 else "rate-too-low"
        return InspectionFinding(suspect, f"{seen}: {ratio:.3g} times as much", WHERE, measured=measured)
    if warming.any() and found[warming].mean() > 1.5 * expected[warming].mean():
        first = f"its first value is {found[0]:.3g} and should be {expected[0]:.3g}"
        return InspectionFinding("warmup-missing", f"{seen}; {first}", WHERE, ("schedule-differs",), measured=measured)
    return InspectionFinding(
        "schedule-differs",
        f"{seen}; half-way it is {found[POINTS // 2]:.3g} and should be {expected[POINTS // 2]:.3g}, at the end "
        f"{found[-1]:.3g} and {expected[-1]:.3g}",
        WHERE,
        ("warmup-missing", "rate-too-high", "rate-too-low"),
        measured=measured,
    )


def probe_optimizer(subject: Subject) -> Iterator[InspectionFinding]:
    """Gradients of many sizes through the optimizer: first as plain SGD, which shows the clipping, then as configured."""
    rng = np.random.default_rng(11)
    params = {
        "matrix": rng.standard_normal((5, 3)).astype(np.float32),
        "bias": rng.standard_normal(3).astype(np.float32),
    }
    unit = {name: rng.standard_normal(array.shape).astype(np.float32) for name, array in params.items()}
    norm = global_norm(unit)
    own = subject.train
    plain = own.model_copy(update={"optimizer": "sgd", "momentum": 0.0, "weight_decay": 0.0})
    limited = plain.model_copy(update={"clip_norm": plain.clip_norm or 1.0})
    functions = {id(one): one for one in (loop_optimizer.optimizer, current(loop_step, "optimizer"))}
    for function in functions.values():
        sizes = [size * limited.clip_norm for size in (0.01, 0.1, 0.5, 5.0, 50.0)]
        gradients = [{name: (size / norm * array) for name, array in unit.items()} for size in sizes]
        found = _updates(function, limited, params, gradients, afresh=True)
        norms = [global_norm(one) for one in found]
        expected = [min(size, limited.clip_norm) for size in sizes]
        if not np.allclose(norms, expected, rtol=MATCH) and not limited.clip_value:
            yield _explain_clipping(limited, sizes, norms, expected)
            return
    for function in functions.values():
        yield from _as_configured(function, own, params, [{k: v / norm for k, v in unit.items()}, gradients[2], unit])


def _explain_clipping(
    config: TrainConfig, sizes: list[float], norms: list[float], expected: list[float]
) -> InspectionFinding:
    seen = "; ".join(
        f"a gradient of norm {size:.3g} leaves as {norm:.3g}" for size, norm in zip(sizes, norms, strict=True)
    )
    seen = f"{seen}. The limit is {config.clip_norm:g}"
    where = "training/loop/optimizer.py: optimizer"
    if norms[-1] > 2 * expected[-1] and np.allclose(norms[:3], expected[:3], rtol=MATCH):
        return InspectionFinding("clip-missing", seen, where)
    if norms[-1] < 0.7 * expected[-1] and np.isclose(norms[-1], norms[-2], rtol=MATCH):
        return InspectionFinding(
            "clip-too-low", seen, where, measured={"limit": norms[-1], "configured": config.clip_norm}
        )
    ratio = float(np.median(np.asarray(norms) / expected))
    suspect = "rate-too-high" if ratio > FAST else "rate-too-low" if ratio < SLOW else "update-differs"
    return InspectionFinding(suspect, seen, where, ("update-differs", "gradients-pile-up", "clip-too-low"))


def _as_configured(
    function: object, config: TrainConfig, params: dict[str, np.ndarray], gradients: list[dict[str, np.ndarray]]
) -> Iterator[InspectionFinding]:
    reference = ReferenceOptimizer(config)
    found = _updates(function, config, params, gradients)
    expected = [reference.updates(params, gradient) for gradient in gradients]
    for name, param in params.items():
        wrong = [
            number
            for number, (one, two) in enumerate(zip(found, expected, strict=True))
            if np.abs(one[name] - two[name]).max() > 0.02 * np.abs(two[name]).max() + 1e-6
        ]
        if not wrong:
            continue
        one, two = found[wrong[0]][name].ravel(), expected[wrong[0]][name].ravel()
        ratio = float(one @ two / (two @ two))
        seen = f"step {wrong[0] + 1}'s update of a {name} is {one[0]:.3g}, by its definition {two[0]:.3g}"
        steady = np.allclose(one, ratio * two, rtol=0.05)
        if (one == 0).all():
            suspect = "frozen-layer"
        elif ratio < 0 and steady:
            suspect = "wrong-sign"
        elif steady and not SLOW < ratio < FAST:
            suspect = "rate-too-high" if ratio > 1 else "rate-too-low"
        elif np.allclose(shrinking := (one - two) / param.ravel(), shrinking.mean(), rtol=0.05, atol=1e-4):
            suspect = "decay-wrong"
        else:
            suspect = "update-differs"
        also = tuple(other for other in ("gradients-pile-up", "decay-wrong", "update-differs") if other != suspect)
        yield InspectionFinding(suspect, seen, "training/loop/optimizer.py: optimizer", also)
        return


def _updates(
    function: object,
    config: TrainConfig,
    params: dict[str, np.ndarray],
    gradients: list[dict[str, np.ndarray]],
    *,
    afresh: bool = False,
) -> list[dict[str, np.ndarray]]:
    """The optimizer's updates for gradients one after another; each from the start where `afresh`."""
    assert callable(function)
    transformation = function(config)
    update = jax.jit(transformation.update)
    state, found = transformation.init(params), []
    for gradient in gradients:
        state = transformation.init(params) if afresh else state
        one, state = update(gradient, state, params)
        found.append({name: np.asarray(array, np.float64) for name, array in one.items()})
    return found


def probe_settings(subject: Subject) -> Iterator[InspectionFinding]:
    """Settings that are far from anything that works, whatever the network."""
    own = subject.settings.train
    if 0 < own.clip_norm < CLIP_TOO_LOW:
        yield InspectionFinding(
            "clip-too-low",
            f"train.clip_norm is {own.clip_norm:g}; gradients here have norms of about 1",
            "train.clip_norm in config.toml",
            severity="warning",
        )
    shrinking = own.weight_decay * peak_rate(own)
    if shrinking > MOST_SHRINKING:
        yield InspectionFinding(
            "decay-too-strong",
            f"each step takes {shrinking:.1%} of every matrix: train.weight_decay {own.weight_decay:g} times the rate, "
            f"{peak_rate(own):g}",
            "train.weight_decay in config.toml",
            severity="warning",
            measured={"shrinking": shrinking},
        )


PROBES = (probe_rates, probe_optimizer, probe_settings)
