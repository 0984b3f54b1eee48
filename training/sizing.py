"""From the amount of text and the minutes to the size of the network, where config.toml says "auto"."""

from dataclasses import dataclass
from typing import TypeVar

from training.config import Settings

S = TypeVar("S", bound=Settings)

LITTLE_TEXT = 100_000
"""Bytes of one's own text under which a voice is learned only roughly."""


@dataclass(frozen=True)
class Size:
    """What "auto" stands for."""

    vocab_size: int
    hidden_dim: int
    dropout: float


_BY_TEXT = (
    (20_000, Size(320, 96, 0.3)),
    (LITTLE_TEXT, Size(512, 192, 0.3)),
    (400_000, Size(768, 256, 0.2)),
    (float("inf"), Size(1024, 768, 0.0)),
)
"""Bytes of one's own text, up to which the vocabulary, the widest layer and the dropout are these."""
_BY_MINUTES = ((1.5, 256), (5.0, 384), (20.0, 512), (float("inf"), 768))
"""Minutes, up to which a layer of this width sees enough text on two cores."""


def choose(own_bytes: int, minutes: float) -> Size:
    """The size for so many bytes of one's own text and so many minutes on two cores.

    Measured on persona.jsonl (1.09 MB) at one and three minutes, where 256 and 384 do equally well within noise; the
    other rows are judged from the epochs they allow and not yet measured.
    """
    size = next(size for limit, size in _BY_TEXT if own_bytes <= limit)
    affordable = next(width for limit, width in _BY_MINUTES if minutes <= limit)
    return Size(size.vocab_size, min(size.hidden_dim, affordable), size.dropout)


def settled(settings: S, size: Size) -> S:
    """The settings with every "auto" replaced by what it stands for."""
    model = {"hidden_dim": size.hidden_dim, "dropout": size.dropout}
    tables = (("tokenizer", settings.tokenizer, {"vocab_size": size.vocab_size}), ("model", settings.model, model))
    return settings.model_copy(
        update={
            name: table.model_copy(update={key: value for key, value in sizes.items() if getattr(table, key) == "auto"})
            for name, table, sizes in tables
        }
    )
