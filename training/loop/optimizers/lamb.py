"""LAMB (You et al., 1904.00962): Adam's step, made as long for each tensor as the tensor itself.

The rate is then the share of its length by which a tensor moves, which large batches need. It does for whole tensors what
"update each weight proportional to how impactful it is" asks for single weights (softmax_rate.py).
"""

import optax

from training.config.tables import TrainConfig
from training.loop.optimizers.adam import decay

EPSILON = 1e-6
"""The paper's, where Adam has 1e-8."""


def lamb(config: TrainConfig) -> optax.GradientTransformation:
    """LAMB with the identity as the paper's phi: |w| / |u| times u, where u is Adam's step with weight decay in it.

    A tensor that is zero, as most biases at the start, or whose step is zero, takes Adam's step as it is.
    """
    return optax.chain(
        optax.scale_by_adam(b1=config.beta1, b2=config.beta2, eps=EPSILON),
        decay(config),
        optax.scale_by_trust_ratio(),
    )
