"""Looped blocks (Universal Transformers: Dehghani et al., 1807.03819): the same few blocks, several rounds.

    block1 => block2 => block1 => block2        num_layers = 2, rounds = 2

A network of 2 blocks and 4 rounds is as deep as one of 8 blocks and has a quarter of its weights; a token costs as much time
as with 8. Blocks are the transformer's. What a block keeps of a token differs from round to round, so each round has a ring
of its own: the carry grows with depth, as the transformer's does.
"""

from typing import Any

import jax
import jax.numpy as jnp

from model.architectures.parts.residual_lm import Pass
from model.architectures.transformer import Transformer


class Looped(Transformer):
    """A language model of attention blocks that run `rounds` times; the carry is a ring a block, `[B, rounds, ...]`."""

    def initial_carry(self, batch_size: int) -> Any:
        """The carry before the first token: an empty ring for each round of each block."""
        rounds = self.config.rounds
        return jax.tree.map(lambda array: jnp.stack([array] * rounds, axis=1), super().initial_carry(batch_size))

    def run_blocks(self, stream: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """The residual stream after all rounds, and the carry."""

        def one_round(stream: jax.Array, rings: Any) -> tuple[jax.Array, Any]:
            return super(Looped, self).run_blocks(stream, rings, now)

        stream, rings = jax.lax.scan(one_round, stream, swap_rounds(carry))
        return stream, swap_rounds(rings)


def swap_rounds(carry: Any) -> Any:
    """Swap the first two axes: a scan goes over the first, which in a carry is the batch."""
    return jax.tree.map(lambda array: array.swapaxes(0, 1), carry)
