"""TrainConfig to an optax chain and a schedule. The one file that knows optax's optimisers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training.config import TrainConfig


def optimizer(config: TrainConfig) -> optax.GradientTransformation:
    """Clipping by global norm, then AdamW (Loshchilov and Hutter, 1711.05101), without its learning rate.

    The rate follows the clock and is multiplied in by the step, so updates come out with a rate of 1, to be subtracted.
    Weight decay acts on matrices, not on biases.
    """
    return optax.chain(
        optax.clip_by_global_norm(config.clip_norm),
        optax.scale_by_adam(b1=config.beta1, b2=config.beta2),
        optax.add_decayed_weights(config.weight_decay, mask=_matrices),
    )


def learning_rates(config: TrainConfig, progress: np.ndarray) -> np.ndarray:
    """The rate at each point of `progress` in [0, 1]: a linear warm-up, then a cosine that is zero exactly at 1."""
    warm = config.warmup
    rising = progress / warm if warm else np.ones_like(progress)
    falling = 0.5 * (1.0 + np.cos(np.pi * (np.clip(progress, warm, 1.0) - warm) / (1.0 - warm)))
    return (config.learning_rate * np.where(progress < warm, rising, falling)).astype(np.float32)


def cross_entropy(logits: jax.Array, targets: jax.Array) -> jax.Array:
    """Loss of every token in nats, of the shape of `targets`."""
    return jnp.asarray(optax.softmax_cross_entropy_with_integer_labels(logits, targets))


def global_norm(gradient: optax.Updates) -> jax.Array:
    """The length of all gradients taken as one vector."""
    return jnp.asarray(optax.tree.norm(gradient))


def _matrices(params: optax.Params) -> optax.Params:
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)
