"""Optimizers that take a line of optax each: RMSProp, SGD and Lion."""

import optax

from training.config.tables import TrainConfig


def rmsprop(config: TrainConfig) -> optax.GradientTransformation:
    """RMSProp (Hinton's lecture 6e) as Torch has it.

    The mean square begins at zero without a correction, and epsilon is added to its root.
    """
    return optax.scale_by_rms(config.rms_decay, eps=1e-8, eps_in_sqrt=False)


def sgd(config: TrainConfig) -> optax.GradientTransformation:
    """SGD as Torch has it: m' = momentum m + g, without dampening. Momentum 0 is the bare gradient."""
    return optax.trace(config.momentum)


def lion(config: TrainConfig) -> optax.GradientTransformation:
    """Lion (Chen et al., 2302.06675): the sign of beta1 m + (1 - beta1) g, then m' = beta2 m + (1 - beta2) g.

    Every weight moves by the whole rate in each step, so the rate is a third to a tenth of AdamW's, as the paper says.
    """
    return optax.scale_by_lion(b1=config.beta1, b2=config.beta2)
