"""Network size and regularisation for "auto", by text, minutes and cores.

More text carries a wider network, more minutes train it, and the more often the same text is read, the more has to be
dropped while reading. Measurements: experiments/LOG.md under "Sizes".
"""

from typing import NamedTuple, TypeVar

from training.config.tables import Settings

S = TypeVar("S", bound=Settings)

LITTLE_TEXT = 100_000
"""Bytes of one's own text below which a voice is learned only roughly."""


class Size(NamedTuple):
    """Values for "auto": keys of [tokenizer] and [model]."""

    vocab_size: int
    hidden_dim: int
    dropout: float
    weight_drop: float
    embedding_dropout: float


MOST = float("inf")
TABLE: dict[float, dict[float, Size]] = {
    20_000: {MOST: Size(320, 192, 0.5, 0.5, 0.2)},
    LITTLE_TEXT: {4: Size(512, 192, 0.3, 0.3, 0.1), MOST: Size(512, 320, 0.5, 0.5, 0.2)},
    400_000: {4: Size(768, 256, 0.2, 0.2, 0.0), MOST: Size(768, 384, 0.4, 0.4, 0.1)},
    MOST: {
        3: Size(1024, 256, 0.0, 0.0, 0.0),
        12: Size(1024, 384, 0.2, 0.2, 0.0),
        60: Size(1024, 512, 0.3, 0.3, 0.1),
        MOST: Size(1024, 768, 0.5, 0.5, 0.1),
    },
}
"""Up to so many bytes of one's own text, and up to so many core-minutes: the size. Measured: experiments/LOG.md."""


def choose(own_bytes: int, minutes: float, cores: int) -> Size:
    """The size for this many bytes of the owner's text and this many minutes on this many cores."""
    by_work = next(row for limit, row in TABLE.items() if own_bytes <= limit)
    return next(size for limit, size in by_work.items() if minutes * cores <= limit)


def settled(settings: S, size: Size) -> S:
    """The settings with every "auto" replaced by its value."""
    values = size._asdict()
    return settings.model_copy(
        update={
            name: table.model_copy(update={key: values[key] for key in values if getattr(table, key, None) == "auto"})
            for name, table in (("tokenizer", settings.tokenizer), ("model", settings.model))
        }
    )
