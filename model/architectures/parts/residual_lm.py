"""The language model around blocks on a residual stream: embedding, blocks, logits. Knows no mixer's equations.

    x = embedding of the token                              the residual stream, of `hidden_dim` units
    x = x + mixer(norm(x))                                  each block looks back at earlier tokens,
    x = x + (silu(norm(x) W_gate) * norm(x) W_up) W_down    then thinks about what it found (SwiGLU: Shazeer, 2002.05202)
    logits = norm(x) W_output + b

transformer.py, mingru.py and the rest share it: each has its own mixer, the part that sees other tokens and owns the carry.
norm is RMSNorm (Zhang and Sennrich, 1910.07467), before each part and not after it, so that gradients pass by on the stream.

A window and a step of decoding share all lines but those of the mixer. They differ in the axes before the units ([B, T] or
[B]) and in the matmul: a step's has the same bits in any batch.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures.parts.batch_invariant import batch_invariant_matmul, batch_invariant_sum
from model.architectures.parts.dropout import DropoutKeys, embedding_mask, unit_mask, weight_drop
from model.architectures.parts.language_model import uniform
from model.architectures.parts.scan import MatmulDtype, copied_transpose, matmul
from model.config import ModelConfig
from model.tokenizer import BOS

TABLE_STD = 0.02
"""Of the embedding and the output matrix, as in GPT-2: the first logits are small, and the first loss is near ln V."""
EPSILON = 1e-6
FEEDFORWARD_QUANTUM = 8


class Pass(NamedTuple):
    """What all parts of one call share: `keep`, `[B, T]` or at a step `[B]`, is False where a conversation begins.

    `part` numbers the parts of the network, each with dropout masks of its own.
    """

    keep: jax.Array
    noise: DropoutKeys | None
    dtype: MatmulDtype
    config: ModelConfig
    part: int = 0

    @property
    def is_step(self) -> bool:
        """Whether it is one step of decoding, of arrays `[B, ...]` without an axis for time."""
        return self.keep.ndim == 1

    def matmul(self, inputs: jax.Array, weight_KxN: jax.Array) -> jax.Array:
        """Multiply `inputs[..., K]` by a weight: in the compute dtype, or at a step with the same bits in any batch."""
        return batch_invariant_matmul(inputs, weight_KxN) if self.is_step else matmul(inputs, weight_KxN, self.dtype)

    def normalize(self, values: jax.Array, scale_H: jax.Array) -> jax.Array:
        """RMSNorm: divide `values[..., H]` by their root mean square, and multiply each unit by its scale."""
        squares = values * values
        mean = batch_invariant_sum(squares) / len(scale_H) if self.is_step else squares.mean(-1)
        return values * jax.lax.rsqrt(mean + EPSILON)[..., None] * scale_H

    def drop_units(self, values: jax.Array, rate: float) -> jax.Array:
        """Drop units of `values[B, T, N]`, the same ones at every step of the window."""
        mask = unit_mask(self._noise, rate, values.shape[-1])
        return values if mask is None else values * mask[:, None]

    def drop_connections(self, weight: jax.Array) -> jax.Array:
        """Drop connections of the matrix through which a mixer hands on what it found in earlier tokens."""
        return weight_drop(weight, self._noise, self.config.weight_drop)

    @property
    def _noise(self) -> DropoutKeys | None:
        return self.noise.fold(self.part) if self.noise else None


class Mixer(nnx.Module):
    """The part of a block that sees other tokens."""

    def initial_carry(self, batch_size: int) -> Any:
        """What it keeps of a conversation before the first token: a pytree of arrays whose first axis is the batch."""
        raise NotImplementedError

    def __call__(self, values: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """What each token finds, in the shape of `values[B, T, H]`, or at a step `[B, H]`, and the carry after the last.

        `now.keep` says before which tokens the carry is to be emptied.
        """
        raise NotImplementedError


class Block(nnx.Module):
    """A mixer, then a feed-forward layer, both added to the residual stream."""

    def __init__(self, config: ModelConfig, mixer: Mixer, rngs: nnx.Rngs) -> None:
        H = config.hidden_dim
        F = config.feedforward_dim or FEEDFORWARD_QUANTUM * -(-8 * H // (3 * FEEDFORWARD_QUANTUM))
        self.mixer = mixer
        self.mixer_norm, self.feedforward_norm = (nnx.Param(jnp.ones(H)) for _ in range(2))
        self.gate, self.up = (nnx.Param(uniform(rngs, (H, F), H)) for _ in range(2))
        self.down = nnx.Param(uniform(rngs, (F, H), F) * residual_scale(config))

    def __call__(self, stream: jax.Array, carry: Any, now: Pass) -> tuple[jax.Array, Any]:
        """The residual stream after the block, and the mixer's carry."""
        rate = now.config.hidden_dropout
        found, carry = self.mixer(now.normalize(stream, self.mixer_norm[...]), carry, now)
        stream = stream + now._replace(part=2 * now.part).drop_units(found, rate)
        normed = now.normalize(stream, self.feedforward_norm[...])
        units = jax.nn.silu(now.matmul(normed, self.gate[...])) * now.matmul(normed, self.up[...])
        added = now.matmul(units, self.down[...])
        return stream + now._replace(part=2 * now.part + 1).drop_units(added, rate), carry


class ResidualLM(nnx.Module):
    """A language model of `num_layers` blocks; a subclass defines their mixer. The carry is a tuple of the mixers'."""

    def __init__(self, config: ModelConfig, *, rngs: nnx.Rngs) -> None:
        V, E, H = config.vocab_size, config.embed_dim, config.hidden_dim
        self.config = config
        # A one-hot vector times a matrix is a row of it: without an embedding, the rows are as wide as the stream.
        self.embedding = nnx.Param(_table(rngs, (V, E or H)))
        self.input = nnx.Param(uniform(rngs, (E, H), E)) if E not in (0, H) else None
        self.blocks = nnx.List([Block(config, self.mixer(rngs), rngs) for _ in range(config.num_layers)])
        self.norm = nnx.Param(jnp.ones(H))
        self.projection = nnx.Param(uniform(rngs, (H, E), H)) if config.tie_embeddings and E != H else None
        self.output = None if config.tie_embeddings else nnx.Param(_table(rngs, (H, V)))
        self.output_bias = nnx.Param(jnp.zeros(V))

    def mixer(self, rngs: nnx.Rngs) -> Mixer:
        """A new mixer for one block."""
        raise NotImplementedError

    def initial_carry(self, batch_size: int) -> Any:
        """The carry before the first token, empty."""
        return tuple(block.mixer.initial_carry(batch_size) for block in self.blocks)

    def __call__(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: MatmulDtype = jnp.float32
    ) -> tuple[jax.Array, Any]:
        """Logits of the token after each of `tokens[B, T]`, and the carry to hand to the next call."""
        stream, now = self.read(tokens, noise, dtype)
        stream, carry = self.run_blocks(stream, carry, now)
        return self.logits(stream, now), carry

    def read(self, tokens: jax.Array, noise: DropoutKeys | None, dtype: MatmulDtype) -> tuple[jax.Array, Pass]:
        """The residual stream before the first block, `[B, T, H]`, or `[B, H]` of one token without dropout."""
        ids = tokens[:, 0] if tokens.shape[1] == 1 and noise is None else tokens
        now = Pass(ids != BOS, noise, dtype, self.config, part=2 * self.config.num_layers)
        table = self.embedding[...]
        mask = embedding_mask(noise, self.config.embedding_dropout, self.config.vocab_size)
        table = table if mask is None else table * mask[:, None]
        stream = now.drop_units(table[ids], self.config.input_dropout)
        return stream if self.input is None else now.matmul(stream, self.input[...]), now

    def run_blocks(self, stream: jax.Array, carry: Sequence[Any], now: Pass) -> tuple[jax.Array, Any]:
        """The residual stream after all blocks, and their carries."""
        after = []
        for layer, (block, before) in enumerate(zip(self.blocks, carry, strict=True)):
            stream, its_carry = block(stream, before, now._replace(part=layer))
            after.append(its_carry)
        return stream, tuple(after)

    def logits(self, stream: jax.Array, now: Pass) -> jax.Array:
        """Logits `[B, T, V]` of the residual stream; T is 1 at a step."""
        last = now._replace(part=now.part + 1)
        hidden = last.drop_units(now.normalize(stream, self.norm[...]), self.config.dropout)
        if self.projection is not None:
            hidden = now.matmul(hidden, self.projection[...])
        output = self.output[...] if self.output is not None else copied_transpose(self.embedding[...].T)
        logits = now.matmul(hidden, output) + self.output_bias[...]
        return logits[:, None] if now.is_step else logits


def residual_scale(config: ModelConfig) -> float:
    """What is added to the stream at first is smaller, the more parts add to it, as in GPT-2: their sum has one size."""
    return float((2 * config.num_layers) ** -0.5)


def _table(rngs: nnx.Rngs, shape: tuple[int, int]) -> jax.Array:
    return TABLE_STD * jax.random.normal(rngs.params(), shape)
