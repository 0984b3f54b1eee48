"""ISO 8601 times, with or without a fraction or zone, to Unix seconds. Knows no others."""

from datetime import UTC, datetime


def seconds(text: object) -> float | None:
    """Return Unix seconds, reading a time without a zone as UTC; None for anything else."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
