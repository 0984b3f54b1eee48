"""Reading the weights that a token of decoding needs, with one-hot input, and adding them up: the memory's bandwidth."""

import jax
import jax.numpy as jnp

from tests.bench.rounds.job import DECODE_STEPS, Job


class Reading:
    """A step reads them DECODE_STEPS times."""

    def __init__(self, job: Job) -> None:
        shape = job.shape
        self.weights = jnp.ones(shape.decode_weights)
        self.read = jax.jit(jnp.sum)
        self.flops, self.facts = 1.0, dict[str, str]()

    def tune(self) -> None:
        """Nothing to choose."""

    def steps(self, count: int) -> tuple[float, float]:
        """Read."""
        for _ in range(count * DECODE_STEPS):
            self.read(self.weights).block_until_ready()
        return 0.0, 0.0


def prepare(job: Job) -> Reading:
    """The weights, as one vector."""
    return Reading(job)
