"""Looped blocks that stop by themselves: adaptive computation time (Graves, 1603.08983) over rounds, a token at a time.

    p_n = sigmoid(x_n w + b)                  after round n, each token's chance to stop there
    N = the first round at which p_1 + ... + p_N >= 1 - epsilon, and at most `rounds`
    r = 1 - (p_1 + ... + p_{N-1})             the remainder: what is left for the last round
    x = p_1 x_1 + ... + p_{N-1} x_{N-1} + r x_N
    extra loss = ponder_penalty (N + r)          a round must be worth what it costs; the gradient is the remainder's

A token that has stopped keeps its x_N, which later tokens' attention finds in the rounds after (as in 1807.03819). All rounds
are computed, also for tokens that have stopped: it shows how many rounds a token needs, and saves no time here.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.looped import Looped, swap_rounds
from model.architectures.parts.dropout import DropoutKeys
from model.architectures.parts.language_model import uniform
from model.architectures.parts.residual_lm import Pass
from model.architectures.parts.scan import MatmulDtype
from model.architectures.transformer import Transformer
from model.config import ModelConfig

EPSILON = 0.01
"""So much of a token's chance to stop may be left over when it stops: one round can then be enough."""
INITIAL_BIAS = 1.0
"""A new network stops after one or two rounds."""


class Halted(NamedTuple):
    """Of each token: x, the weighted sum of its x so far, the sum of its p, and its N + r so far."""

    stream: jax.Array
    mean: jax.Array
    total: jax.Array
    ponder: jax.Array


class Halting(Looped):
    """A language model of looped attention blocks with a chance to stop after each round; the carry is Looped's."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        super().__init__(config, rngs=rngs)
        self.halt = nnx.Param(uniform(rngs, (config.hidden_dim, 1), config.hidden_dim))
        self.halt_bias = nnx.Param(jnp.full(1, INITIAL_BIAS))

    def run_blocks(self, stream: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """The mean of the residual stream over each token's rounds, and the carry."""
        halted, carry = self._rounds(stream, carry, now)
        return halted.mean, carry

    def call_with_extra_loss(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: MatmulDtype = jnp.float32
    ) -> tuple[jax.Array, Any, jax.Array]:
        """What a call returns, and the ponder cost of each of `tokens[B, T]` in nats."""
        stream, now = self.read(tokens, noise, dtype)
        halted, carry = self._rounds(stream, carry, now)
        ponder = self.config.ponder_penalty * halted.ponder[..., 0]
        return self.logits(halted.mean, now), carry, ponder.reshape(tokens.shape)

    def _rounds(self, stream: jax.Array, carry: Any, now: Pass) -> tuple[Halted, Any]:
        rounds, zeros = self.config.rounds, jnp.zeros((*stream.shape[:-1], 1))

        def one_round(halted: Halted, of_round: tuple[jax.Array, Any]) -> tuple[Halted, Any]:
            number, rings = of_round
            after, rings = Transformer.run_blocks(self, halted.stream, rings, now)
            goes_on = halted.total < 1.0 - EPSILON
            stream = jnp.where(goes_on, after, halted.stream)
            chance = jax.nn.sigmoid(now.matmul(stream, self.halt[...]) + self.halt_bias[...])
            stops = goes_on & ((halted.total + chance >= 1.0 - EPSILON) | (number == rounds - 1))
            left = 1.0 - halted.total
            share = jnp.where(stops, left, jnp.where(goes_on, chance, 0.0))
            return Halted(
                stream,
                halted.mean + share * stream,
                jnp.where(stops, 1.0, halted.total + share),
                halted.ponder + goes_on + jnp.where(stops, left, 0.0),
            ), rings

        start = Halted(stream, jnp.zeros_like(stream), zeros, zeros)
        halted, rings = jax.lax.scan(one_round, start, (jnp.arange(rounds), swap_rounds(carry)))
        return halted, swap_rounds(rings)
