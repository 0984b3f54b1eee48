"""What a run begins with: the tokenizer its settings ask for, and the network with its first weights."""

from collections.abc import Iterable

import jax
import jax.numpy as jnp
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.tokenizer import Tokenizer
from training.config.tables import Settings, TokenizerConfig


def learned_tokenizer(table: TokenizerConfig, texts: Iterable[str]) -> Tokenizer:
    """A tokenizer learned from `texts`; `table.vocab_size` is settled already."""
    if table.kind == "characters":
        return Tokenizer.of_characters(texts)
    return Tokenizer.train(texts, int(table.vocab_size))


def fresh_network(settings: Settings, vocab_size: int) -> LanguageModel:
    """The network that `settings`, with every "auto" settled, describe; nothing is learned yet."""
    shape = ModelConfig.model_validate(settings.model.model_dump() | {"vocab_size": vocab_size})
    model = build(shape, settings.train.seed)
    if settings.train.init_range:
        spread_evenly(model, settings.train.init_range, settings.train.seed)
    return model


def num_params(model: LanguageModel) -> int:
    """How many weights there are."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(model, nnx.Param)))


def spread_evenly(model: LanguageModel, width: float, seed: int) -> None:
    """Draw every weight and bias anew, uniform in +-width, as char-rnn does.

    A bias that the architecture begins elsewhere than at zero stays: the LSTM's forget gates begin at 1 there too.
    """
    leaves, structure = jax.tree.flatten(nnx.state(model, nnx.Param))
    keys = jax.random.split(jax.random.key(seed), len(leaves))
    drawn = [
        jax.random.uniform(k, leaf.shape, minval=-width, maxval=width) for k, leaf in zip(keys, leaves, strict=True)
    ]
    kept = [jnp.where((leaf != 0) & (leaf.ndim == 1), leaf, new) for leaf, new in zip(leaves, drawn, strict=True)]
    nnx.update(model, jax.tree.unflatten(structure, kept))
