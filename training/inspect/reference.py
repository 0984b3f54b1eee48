"""The reference: loss, optimizers and schedules once more, from their definitions in float64 NumPy. Knows no network.

It shares no code with the loop that it is compared with, so one slip is not made twice. It is slow, and meant to be read.
"""

from collections.abc import Callable, Mapping

import numpy as np

from training.config.tables import TrainConfig
from training.inspect.report import NotComparedError

Arrays = Mapping[str, np.ndarray]
"""Parameters or gradients by dotted name."""
EPSILON = 1e-8
LAMB_EPSILON = 1e-6
KNOWN = ("adamw", "rmsprop", "sgd", "lion", "lamb")
"""Optimizers that ReferenceOptimizer has."""


def log_softmax(logits: np.ndarray, axis: int = -1) -> np.ndarray:
    """Log-probabilities over an axis."""
    shifted = logits - logits.max(axis, keepdims=True)
    return np.asarray(shifted - np.log(np.exp(shifted).sum(axis, keepdims=True)))


def nats(logits: np.ndarray, targets: np.ndarray, axis: int = -1) -> np.ndarray:
    """Cross-entropy of each of `targets[...]` in nats, given `logits[..., V]`."""
    return -np.take_along_axis(log_softmax(logits, axis), targets[..., None], -1)[..., 0]


def mean_nats(logits: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> float:
    """The loss: nats per counted token."""
    return float((nats(logits, targets) * weights).sum() / max(weights.sum(), 1.0))


def window_rows(stream: np.ndarray, rows: int, length: int, step: int, extra: int = 1) -> np.ndarray:
    """What `rows` streams read in a step of the first epoch `[rows, length + extra]`: the text cut into equal streams."""
    starts = len(stream) // rows * np.arange(rows) + length * step
    return np.asarray(stream[(starts[:, None] + np.arange(length + extra)) % len(stream)])


def global_norm(gradient: Arrays) -> float:
    """The norm of all gradients taken as one vector."""
    return float(np.sqrt(sum((array.astype(np.float64) ** 2).sum() for array in gradient.values())))


def clipped(gradient: Arrays, config: TrainConfig) -> dict[str, np.ndarray]:
    """The gradient, cut to the global norm and then element by element."""
    scale = min(1.0, config.clip_norm / max(global_norm(gradient), 1e-30)) if config.clip_norm else 1.0
    limit = config.clip_value or np.inf
    return {name: np.clip(array.astype(np.float64) * scale, -limit, limit) for name, array in gradient.items()}


class ReferenceOptimizer:
    """An optimizer of KNOWN, a step at a time. Raises NotComparedError for any other."""

    def __init__(self, config: TrainConfig) -> None:
        if config.optimizer not in KNOWN:
            raise NotComparedError(
                f"the updates of {config.optimizer} are not compared; those of {', '.join(KNOWN)} are"
            )
        self.config, self.count = config, 0
        self._mean: dict[str, np.ndarray] = {}
        self._square: dict[str, np.ndarray] = {}

    def updates(self, params: Arrays, gradient: Arrays) -> dict[str, np.ndarray]:
        """The update at a rate of 1, to be subtracted."""
        self.count += 1
        cut = clipped(gradient, self.config)
        found = {name: self._scaled(name, cut[name]) + self._decay(params[name]) for name in params}
        if self.config.optimizer == "lamb":
            return {name: _as_long(update, params[name]) for name, update in found.items()}
        return found

    def _decay(self, param: np.ndarray) -> np.ndarray:
        rate = self.config.weight_decay if param.ndim > 1 else 0.0
        return rate * param.astype(np.float64)

    def _scaled(self, name: str, g: np.ndarray) -> np.ndarray:
        config, zero = self.config, np.zeros_like(g)
        mean, square = self._mean.get(name, zero), self._square.get(name, zero)
        if config.optimizer == "sgd":
            self._mean[name] = config.momentum * mean + g
            return self._mean[name]
        if config.optimizer == "rmsprop":
            self._square[name] = config.rms_decay * square + (1 - config.rms_decay) * g**2
            return np.asarray(g / (np.sqrt(self._square[name]) + EPSILON))
        if config.optimizer == "lion":
            self._mean[name] = config.beta2 * mean + (1 - config.beta2) * g
            return np.asarray(np.sign(config.beta1 * mean + (1 - config.beta1) * g))
        epsilon = LAMB_EPSILON if config.optimizer == "lamb" else EPSILON
        self._mean[name] = config.beta1 * mean + (1 - config.beta1) * g
        self._square[name] = config.beta2 * square + (1 - config.beta2) * g**2
        corrected = self._mean[name] / (1 - config.beta1**self.count)
        return np.asarray(corrected / (np.sqrt(self._square[name] / (1 - config.beta2**self.count)) + epsilon))


def _as_long(update: np.ndarray, param: np.ndarray) -> np.ndarray:
    """LAMB's update: as long as the parameter, where both have a length."""
    length, wanted = float(np.linalg.norm(update)), float(np.linalg.norm(param.astype(np.float64)))
    return update * (wanted / length) if length and wanted else update


def peak_rate(config: TrainConfig) -> float:
    """The rate after the warm-up, scaled with the batch as configured."""
    scale = config.batch_size / config.reference_batch
    return config.learning_rate * float({"none": 1.0, "sqrt": scale**0.5, "linear": scale}[config.rate_scaling])


def rate_at(config: TrainConfig, progress: float, epoch: int) -> float:
    """The learning rate at a point of the run, by its configuration."""
    peak = peak_rate(config)
    if progress < config.warmup:
        return float(peak * progress / config.warmup)
    left = (1.0 - progress) / (1.0 - config.warmup)
    shares: dict[str, Callable[[], float]] = {
        "cosine": lambda: 0.5 * (1.0 - float(np.cos(np.pi * left))),
        "linear": lambda: left,
        "wsd": lambda: min(1.0, (1.0 - progress) / config.decay_fraction),
        "exponential": lambda: config.decay_per_epoch ** max(0, epoch + 1 - config.decay_after_epochs),
        "constant": lambda: 1.0,
    }
    return float(peak * shares[config.schedule]())


def unigram_nats(train: np.ndarray, targets: np.ndarray, weights: np.ndarray, vocab_size: int) -> float:
    """The input-independent baseline: nats per counted token of a model that only counts tokens."""
    counts = np.bincount(train, minlength=vocab_size) + 0.5
    return float(-(np.log(counts / counts.sum())[targets] * weights).sum() / max(weights.sum(), 1.0))
