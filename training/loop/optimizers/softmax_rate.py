"""The owner's softmax learning rate: each weight moves in proportion to how impactful it is.

His note: "lr = softmax(weights); update each weight proportional to how impactful it is; in theory this should be
softmax(weights - 1); impactfulness is the distance from 1 (for weights) and from 0 (for biases), i.e. the distance between
the identity function and the thing".

Taken at its word it does nothing he means: softmax(w - 1) is softmax(w), as softmax forgets what is added to all of its
inputs; and a softmax over N weights gives each about 1 / N of the rate. So there are two readings, each a factor for the rate
of every weight, whose mean over a tensor of N weights is 1:

    "weight"    N softmax(w / tau)          what he wrote: large positive weights move most
    "distance"  N softmax(|w - 1| / tau)    what he meant by impactful: the distance from doing nothing; |b| for biases

`softmax_tau` says how uneven the factors are: far above the spread of the weights all are 1, far below it one weight alone
moves. Weights of an LSTM spread by about 0.1, so tau 1 changes next to nothing.

The factor multiplies the direction of an optimizer, `softmax_inner`. "adamw" is the fair reading: Adam has taken the sizes
of gradients out, so against plain AdamW nothing differs but what the idea changes. "sgd" is the literal one, w - rate g,
against plain SGD. Weight decay, which is added behind it, keeps one rate for all.

`softmax_shuffled` is the control: the same factors, dealt out within each tensor by a permutation that never changes. If that
is as good, it is the unevenness that helps, and not that impactful weights move most.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from training.config.tables import TrainConfig
from training.loop.optimizers.adam import adam
from training.loop.optimizers.plain import sgd

SHUFFLING_SEED = 20_26


class SoftmaxRateState(NamedTuple):
    """The inner optimizer's state, and for the control the permutation `[N]` of each tensor, else None."""

    inner: Any
    permutations: Any


def softmax_rate(config: TrainConfig) -> optax.GradientTransformation:
    """The inner optimizer's updates, each multiplied by its weight's factor."""
    inner = adam(config) if config.softmax_inner == "adamw" else sgd(config)

    def init(params: Any) -> SoftmaxRateState:
        return SoftmaxRateState(inner.init(params), _permutations(params) if config.softmax_shuffled else None)

    def update(gradient: Any, state: SoftmaxRateState, params: Any) -> tuple[Any, SoftmaxRateState]:
        updates, inner_state = inner.update(gradient, state.inner, params)
        factors = jax.tree.map(lambda w: rate_factors(config, w), params)
        if config.softmax_shuffled:
            factors = jax.tree.map(lambda f, order: f.ravel()[order].reshape(f.shape), factors, state.permutations)
        return jax.tree.map(jnp.multiply, updates, factors), SoftmaxRateState(inner_state, state.permutations)

    return optax.GradientTransformation(init, update)


def rate_factors(config: TrainConfig, w: jax.Array) -> jax.Array:
    """The factor of each weight's rate, in the shape of `w`; their mean is 1."""
    distance = jnp.abs(w - 1.0) if w.ndim > 1 else jnp.abs(w)
    impact = w if config.softmax_of == "weight" else distance
    return w.size * jax.nn.softmax(impact.ravel() / config.softmax_tau).reshape(w.shape)


def _permutations(params: Any) -> Any:
    """One for each tensor, drawn by NumPy: the same in every version of JAX."""
    leaves, structure = jax.tree.flatten(params)
    drawn = [np.random.default_rng([SHUFFLING_SEED, n]).permutation(leaf.size) for n, leaf in enumerate(leaves)]
    return jax.tree.unflatten(structure, [jnp.asarray(order, jnp.int32) for order in drawn])
