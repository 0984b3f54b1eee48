"""The small networks that the tests of architectures share, each built once."""

from collections.abc import Callable
from functools import cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from model.architectures import ARCHITECTURES, LanguageModel, build
from model.architectures.parts.language_model import RecurrentLM
from model.config import ModelConfig
from model.tokenizer import BOS
from tests.whole import also

V, H, B, T = 13, 8, 5, 12
EVERYTHING: dict[str, Any] = {"embed_dim": 5, "tie_embeddings": True, "num_layers": 2}
NO_EMBEDDING: dict[str, Any] = {"num_layers": 2}
OTHERS: list[dict[str, Any]] = [NO_EMBEDDING, {"embed_dim": 5}, {"embed_dim": H, "tie_embeddings": True}]
"""Without an embedding; with an output of its own; tied without a projection: what EVERYTHING does not have."""

ONE_LAYER: dict[str, Any] = {"embed_dim": 5}
WINDOW = 6
"""Tokens that an attention head sees: fewer than conversations have here."""

DEEP = (5e-6, "four blocks deep, and RMSNorm divides a stream's rounding errors by a stream that begins at 0.02")
CHUNKED_WITHIN: dict[str, tuple[float, str]] = {"looped": DEEP, "halting": DEEP}
"""How far apart logits and carries may be between chunks and the whole, and why, where more than 1e-6 is right."""

Shape = tuple[str, dict[str, Any]]


TEMPLATE = "cell_of_the_template"
"""The cell as `dann new cell` writes it, which the tests here find among the others (conftest.py)."""
NAMES = [*ARCHITECTURES, TEMPLATE]


def cells() -> list[str]:
    """The architectures that are cells in the shared network."""
    return [*(name for name, kind in ARCHITECTURES.items() if issubclass(kind, RecurrentLM)), TEMPLATE]


def first_of_each_pass() -> list[str]:
    """The first architecture of each forward pass: cells in the shared network share one, also with a head on it."""
    return _firsts(lambda kind: kind._hidden if issubclass(kind, RecurrentLM) else kind)


def shapes() -> list[Shape]:
    """Every architecture with everything at once, and in the other shapes the first of all that share how these are read.

    All but the very first without an embedding, which each reads by itself; the rest is one network's code for all of them.
    """
    alike = _firsts(lambda kind: kind._hidden if issubclass(kind, RecurrentLM) else kind.__call__)
    others = {name: OTHERS if name == alike[0] else [NO_EMBEDDING, *also(*OTHERS[1:])] for name in alike}
    return [(name, EVERYTHING) for name in NAMES] + [(name, shape) for name in alike for shape in others[name]]


def _firsts(key: Callable[[Any], Any]) -> list[str]:
    """The first architecture of each key."""
    found: dict[Any, str] = {}
    for name, kind in ARCHITECTURES.items():
        found.setdefault(key(kind), name)
    return list(found.values())


def cell_shapes() -> list[Shape]:
    """The same for cells alone, of which those that share a forward pass with another have one layer."""
    first = first_of_each_pass()
    return [
        (name, shape if name in {*first, "lstm_attention"} else ONE_LAYER)
        for name, shape in shapes()
        if name in cells()
    ]


def network(name: str, shape: dict[str, Any]) -> LanguageModel:
    """Return the network of this architecture and shape; nobody changes it."""
    return _network(name, tuple(shape.items()))


@cache
def _network(name: str, shape: tuple[tuple[str, Any], ...]) -> LanguageModel:
    head = {"attention_dim": 4, "attention_window": WINDOW}
    return build(ModelConfig(architecture=name, vocab_size=V, hidden_dim=H, **head, **dict(shape)), seed=1)


def random_tokens() -> jax.Array:
    """Random tokens, with a conversation that begins in the middle of each row."""
    drawn = np.random.default_rng(0).integers(1, V, (B, T))
    drawn[np.arange(B), [4, 7, 11, 3, 8]] = BOS
    return jnp.asarray(drawn)
