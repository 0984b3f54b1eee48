"""Adam (Kingma and Ba, 1412.6980); with decoupled weight decay behind it, AdamW (Loshchilov and Hutter, 1711.05101)."""

from typing import Any

import jax
import optax

from training.config.tables import TrainConfig


def adam(config: TrainConfig) -> optax.GradientTransformation:
    """Adam's direction, m / (sqrt(v) + 1e-8) with both moments corrected for their start at zero."""
    return optax.scale_by_adam(b1=config.beta1, b2=config.beta2)


def decay(config: TrainConfig) -> optax.GradientTransformation:
    """Add `weight_decay` times each matrix to its update; biases, which are vectors, keep their size."""
    return optax.add_decayed_weights(config.weight_decay, mask=is_matrix)


def is_matrix(params: Any) -> Any:
    """For each tensor, whether it has more than one axis: biases and gains have one."""
    return jax.tree.map(lambda leaf: leaf.ndim > 1, params)
