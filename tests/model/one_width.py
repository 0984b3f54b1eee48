"""Engines with programs for one batch size alone, where other sizes are not what is tested (tests/model/engine is)."""

from collections.abc import Iterator
from contextlib import contextmanager

from model.engine import batch

WIDTH = 16
"""Rows of the programs: enough for a round of samples, few enough for one reply alone."""


def set_one_width() -> None:
    """Have engines that are made from now on compile each program once, instead of for 1, 4, 16 and 64 rows."""
    batch.batch_sizes = lambda size: [min(size, WIDTH)]


@contextmanager
def one_width() -> Iterator[None]:
    """The same, for a while."""
    whole = batch.batch_sizes
    set_one_width()
    yield
    batch.batch_sizes = whole
