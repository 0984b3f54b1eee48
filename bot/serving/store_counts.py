"""What the store holds, in figures: one look at the database, which takes as long as it takes. Knows no event loop."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class StoreCounts:
    """How many posts there are, by kind ("mine", "context"), and how many retraining runs have ended, by verdict."""

    posts: Mapping[str, int]
    runs: Mapping[str, int]


def count_stored(url: str) -> StoreCounts:
    """Count what is in the store at a SQLAlchemy URL. Raises DannError where it cannot be read."""
    from training.store.posts import open_store  # noqa: PLC0415 (serving has no other use for SQLAlchemy)
    from training.store.runs import open_runs  # noqa: PLC0415

    with open_store(url) as store:
        mine, context = store.count()
    with open_runs(url) as runs:
        return StoreCounts(posts={"mine": mine, "context": context}, runs=runs.count())
