"""Small snapshots for tests: networks of random weights, and a parrot that replies a given text."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures import build
from model.architectures.parts.dropout import DropoutKeys
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta, Snapshot
from model.config import ModelConfig, SamplingParams
from model.tokenizer import BOS, ME, Tokenizer

TOKENIZER = Tokenizer.train(["hey lol", "the loss goes down lol"] * 3, 280)
WILD = SamplingParams(temperature=2.0, top_k=0, top_p=1.0, min_p=0.0, word_min_p=0.0, guidance=0.0, max_tokens=40)
TINY_TRANSFORMER: dict[str, Any] = {
    "architecture": "transformer", "hidden_dim": 16, "embed_dim": 16, "attention_window": 12, "num_heads": 2,
}  # fmt: skip
TINY_LOOPED = TINY_TRANSFORMER | {"architecture": "looped", "num_layers": 2, "rounds": 2}
"""For `snapshot`, of which prompts and replies fill the ring several times."""
GREEDY = SamplingParams(temperature=0.0, guidance=0.0, max_tokens=40)


def snapshot(
    tokenizer: Tokenizer = TOKENIZER, id_: str = "test", seed: int = 3, *, guidable: bool = False, **shape: Any
) -> Snapshot:
    """A network of random weights, whose replies are long gibberish."""
    config = ModelConfig(vocab_size=tokenizer.vocab_size, **{"hidden_dim": 16, **shape})
    return Snapshot(id_, build(config, seed=seed), tokenizer, guidable=guidable)


class Parrot(nnx.Module):
    """A network that predicts `following[V]` after each token. Its carry is the last token, as a float."""

    def __init__(self, following: list[int]) -> None:
        self.config = ModelConfig(vocab_size=len(following))
        self.following = nnx.Param(jnp.asarray(following, jnp.float32))

    def initial_carry(self, batch_size: int) -> Any:
        return jnp.zeros((batch_size, 1))

    def __call__(
        self, tokens: jax.Array, carry: Any, *, noise: DropoutKeys | None = None, dtype: Any = jnp.float32
    ) -> tuple[jax.Array, Any]:
        next_ids = self.following[...][tokens].astype(jnp.int32)
        return 100.0 * jax.nn.one_hot(next_ids, self.config.vocab_size), tokens[:, -1:].astype(jnp.float32)


def parrot(text: str, *, forever: bool = False, tokenizer: Tokenizer = TOKENIZER) -> Snapshot:
    """A snapshot that replies `text`, whose tokens must all be different, and ends, or begins again `forever`."""
    tokens = tokenizer.encode(text)
    assert len(set(tokens)) == len(tokens)
    following = [BOS] * tokenizer.vocab_size
    for token, after in zip([ME, *tokens], [*tokens, tokens[0] if forever else BOS], strict=True):
        following[token] = after
    return Snapshot(text, Parrot(following), tokenizer)


META = Meta(
    created="2026-01-01T00:00:00+00:00", step=1, seconds=1.0, val_bpb=2.3456, posts=4, newest_post=None, seed=0,
    code_version="0", settings={},
)  # fmt: skip


def save(root: Path, *ids: str, seed: int = 3, publish: bool = True, posts: int = 0, **shape: Any) -> None:
    """Save networks of random weights as checkpoints of these ids, and let each of them serve in turn.

    Without `posts` they have learned none, so that they serve without a store to guard them by.
    """
    network = snapshot(seed=seed, **shape)
    for id_ in ids:
        checkpoint.save(root, id_, network.model, network.tokenizer, META.model_copy(update={"posts": posts}))
        if publish:
            checkpoint.publish(root, id_)
