"""The optimizer and the learning-rate schedule of a TrainConfig. With optimizers/, what knows optax."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training.config.tables import TrainConfig
from training.loop.optimizers import OPTIMIZERS, OWN_DECAY
from training.loop.optimizers.adam import decay


def optimizer(config: TrainConfig) -> optax.GradientTransformationExtraArgs:
    """Clipping (to a global norm, then element by element), the optimizer, and decoupled weight decay.

    The learning rate is not in it: it follows the clock and the step multiplies by it, so these updates have a rate of 1 and
    are to be subtracted. Weight decay acts on matrices, not on biases. A limit of 0 clips nothing. The optimizers are in
    optimizers/; `update` takes the keyword `rate` for those that need it.
    """
    chain = optax.chain(
        optax.clip_by_global_norm(config.clip_norm) if config.clip_norm else optax.identity(),
        optax.clip(config.clip_value) if config.clip_value else optax.identity(),
        OPTIMIZERS[config.optimizer](config),
        optax.identity() if config.optimizer in OWN_DECAY else decay(config),
    )
    return optax.with_extra_args_support(chain)


def learning_rates(config: TrainConfig, progress: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """The learning rate of each step, from its `progress` (0, 1] and its epoch (from 0): a linear warm-up, then a decay.

    The peak is scaled with the batch: linearly (Goyal et al., 1706.02677), or with its root, as Adam's noise asks
    (Malladi et al., 2205.10287).
    """
    scale = config.batch_size / config.reference_batch
    peak = config.learning_rate * {"none": 1.0, "sqrt": scale**0.5, "linear": scale}[config.rate_scaling]
    warmup = progress / config.warmup if config.warmup else np.ones_like(progress)
    factor = np.where(progress < config.warmup, warmup, _decay(config, progress, epochs))
    return np.asarray(peak * factor, np.float32)


def _decay(config: TrainConfig, progress: np.ndarray, epochs: np.ndarray) -> np.ndarray:
    """The share of the peak rate after the warm-up, from 1. Cosine, linear and wsd are zero exactly at the end.

    wsd is warmup-stable-decay with a linear decay (Hägele et al., 2405.18392); exponential is char-rnn's, by epoch.
    """
    left = (1.0 - np.clip(progress, config.warmup, 1.0)) / (1.0 - config.warmup)
    if config.schedule == "cosine":
        return np.asarray(0.5 * (1.0 - np.cos(np.pi * left)))
    if config.schedule == "linear":
        return np.asarray(left)
    if config.schedule == "wsd":
        return np.minimum(1.0, np.asarray((1.0 - progress) / config.decay_fraction))
    if config.schedule == "exponential":
        return np.asarray(config.decay_per_epoch ** np.maximum(0, epochs + 1 - config.decay_after_epochs))
    return np.ones_like(progress)


def cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Cross-entropy of every token in nats, in the shape of `targets`."""
    return jnp.asarray(optax.softmax_cross_entropy_with_integer_labels(logits, targets))


def global_norm(gradient: optax.Updates) -> jax.Array:
    """The norm of all gradients taken as one vector."""
    return jnp.asarray(optax.tree.norm(gradient))
