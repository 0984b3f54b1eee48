"""Times as ISO 8601 writes them, with or without a fraction or a zone. Knows no other forms."""

from datetime import UTC, datetime


def seconds(text: object) -> float | None:
    """Return Unix seconds, taking a time without a zone for UTC; None for what is not such a time."""
    if not isinstance(text, str):
        return None
    try:
        time = datetime.fromisoformat(text.strip())
        return (time if time.tzinfo else time.replace(tzinfo=UTC)).timestamp()
    except (ValueError, OverflowError):
        return None
