"""Names of runs and checkpoints: timestamps, so that they sort by age."""

from datetime import UTC, datetime
from pathlib import Path


def unused_name(root: Path, prefix: str = "", suffix: str = "") -> str:
    """The present time in UTC after `prefix`, with a number appended if `root` has that name and `suffix`."""
    name = f"{prefix}{datetime.now(UTC):%Y%m%d-%H%M%S}"
    names = [name, *(f"{name}-{number}" for number in range(2, 1000))]
    return next(candidate for candidate in names if not (root / f"{candidate}{suffix}").exists())
