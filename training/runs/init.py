"""Initial tokenizer and network of a run."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from training.config.tables import Settings, TokenizerConfig


def train_tokenizer(table: TokenizerConfig, texts: Iterable[str]) -> Tokenizer:
    """Train a tokenizer on `texts`; `table.vocab_size` is no longer "auto"."""
    if table.kind == "characters":
        return Tokenizer.of_characters(texts)
    return Tokenizer.train(texts, int(table.vocab_size))


def fresh_network(settings: Settings, vocab_size: int) -> LanguageModel:
    """Build the network that `settings`, without any "auto", describe, with random weights."""
    shape = ModelConfig.model_validate(settings.model.model_dump() | {"vocab_size": vocab_size})
    model = build(shape, settings.train.seed)
    if settings.train.init_range:
        init_uniform(model, settings.train.init_range, settings.train.seed)
    return model


def num_params(model: LanguageModel) -> int:
    """Count the weights."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def init_uniform(model: LanguageModel, width: float, seed: int) -> None:
    """Redraw every weight and bias, uniform in +-width, as char-rnn does.

    A bias that the architecture starts elsewhere than at zero stays: the LSTM's forget gates start at 1 there too.
    """
    leaves, structure = jax.tree.flatten(nnx.state(model, nnx.Param))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    uniform = [
        jax.random.uniform(k, leaf.shape, minval=-width, maxval=width) for k, leaf in zip(keys, leaves, strict=True)
    ]
    initial = [jnp.where((leaf != 0) & (leaf.ndim == 1), leaf, new) for leaf, new in zip(leaves, uniform, strict=True)]
    nnx.update(model, jax.tree.unflatten(structure, initial))
