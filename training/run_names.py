"""Names of runs and checkpoints: timestamps, so that they sort by age."""

from datetime import UTC, datetime
from pathlib import Path


def timestamp() -> str:
    """The present time in UTC, as a name."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def unused_name(root: Path, name: str) -> str:
    """`name`, with a number appended if it is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in names if not (root / candidate).exists())
