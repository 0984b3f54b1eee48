"""What runs and checkpoints are called: by the time, so that their names sort as they came."""

from datetime import UTC, datetime
from pathlib import Path


def timestamp() -> str:
    """Now, as runs and checkpoints are named by it."""
    return datetime.now(UTC).strftime("%Y%m%d-%H%M%S")


def unused_name(root: Path, name: str) -> str:
    """`name`, with a number behind it if that is taken."""
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in names if not (root / candidate).exists())
