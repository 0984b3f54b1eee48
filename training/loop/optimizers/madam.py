"""Madam (Bernstein et al., 2006.14560): weights are multiplied, so each moves in proportion to its own size.

A weight keeps its sign for good and zero stays zero. What the owner's softmax rate asks ("proportional to how impactful it
is") this does with |w| as the measure, which is why the two are compared (experiments/q-softmax-rate.toml).
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from training.config.tables import TrainConfig
from training.loop.optimizers.adam import adam, is_matrix

SQUARES = 0.999
"""Memory of the gradient's square, as in the paper's code."""
MOST = 10.0
"""Largest normalized gradient."""
WIDEST = 3.0
"""No weight grows beyond this many times the root mean square that its tensor had at the start."""


class MadamState(NamedTuple):
    """The step's number, the mean square of gradients, and the largest size allowed in each tensor."""

    steps: jax.Array
    squares: Any
    largest: Any


def madam(config: TrainConfig) -> optax.GradientTransformation:
    """Madam for matrices; Adam for biases, as they start at zero, where multiplying moves nothing.

    Its update takes the learning rate as the keyword `rate`: w' = w exp(-rate sign(w) g / sqrt(v)) is not linear in it.
    """

    def who(params: Any) -> Any:
        return jax.tree.map(lambda matrix: "madam" if matrix else "adam", is_matrix(params))

    return optax.partition({"madam": _multiplicative(), "adam": adam(config)}, who)


def _multiplicative() -> optax.GradientTransformationExtraArgs:
    def init(params: Any) -> MadamState:
        largest = jax.tree.map(lambda w: WIDEST * jnp.sqrt(jnp.mean(w**2)), params)
        return MadamState(jnp.int32(0), jax.tree.map(jnp.zeros_like, params), largest)

    def update(gradient: Any, state: MadamState, params: Any, *, rate: Any, **_: Any) -> tuple[Any, MadamState]:
        steps = state.steps + 1
        squares = jax.tree.map(lambda v, g: SQUARES * v + (1 - SQUARES) * g**2, state.squares, gradient)

        def of(w: jax.Array, g: jax.Array, v: jax.Array, largest: jax.Array) -> jax.Array:
            root = jnp.sqrt(v / (1 - SQUARES**steps))
            normalized = jnp.clip(jnp.where(root > 0, g / jnp.where(root > 0, root, 1.0), 0.0), -MOST, MOST)
            moved = jnp.clip(w * jnp.exp(-rate * jnp.sign(w) * normalized), -largest, largest)
            # The step subtracts rate times this; at rate 0, a run's last step, nothing moves.
            return (w - moved) / jnp.where(rate > 0, rate, 1.0)

        return jax.tree.map(of, params, gradient, squares, state.largest), MadamState(steps, squares, state.largest)

    return optax.GradientTransformationExtraArgs(init, update)
