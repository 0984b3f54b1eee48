"""What `dann doctor` found out about one thing. Plain data."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` was looked at; `seen` is how it is. With `trouble` it keeps dann from serving, and `advice` says what to do."""

    what: str
    seen: str
    trouble: bool = False
    advice: str = ""
