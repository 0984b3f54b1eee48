"""A retraining's event lines, parsed to progress and outcome. Knows no process.

A line is one JSON object with an "event" (`dann retrain --events`); any other line is ignored.
"""

import json
import math
from collections.abc import Callable
from typing import Any, get_args

from training.store.retrain_outcome import RetrainOutcome, RetrainProgress, Verdict

VERDICTS = get_args(Verdict)
LONGEST_LINE = 1 << 16
"""Bytes; a longer line is no event."""


def read_event(line: bytes) -> RetrainProgress | RetrainOutcome | None:
    """Parse one line; None where it is no event."""
    try:
        said = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(said, dict):
        return None
    if said.get("event") == "progress" and isinstance(part := said.get("part"), str):
        share = min(1.0, max(0.0, _number(said.get("share")) or 0.0))
        return RetrainProgress(part[:40], share, _number(said.get("val_bpb")), _whole(said.get("run")))
    if said.get("event") == "verdict" and said.get("verdict") in VERDICTS:
        return _ending_of(said)
    return None


def _ending_of(said: dict[str, Any]) -> RetrainOutcome:
    return RetrainOutcome(
        verdict=said["verdict"],
        reason=_text(said.get("reason")) or "",
        candidate=_text(said.get("candidate")),
        incumbent=_text(said.get("incumbent")),
        candidate_bpb=_number(said.get("candidate_bpb")),
        incumbent_bpb=_number(said.get("incumbent_bpb")),
        new_posts=_whole(said.get("new_posts")),
        run=_whole(said.get("run")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    """A finite number; training says NaN where a loss was none."""
    fits = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if fits and isinstance(value, int | float) else None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class LineBuffer:
    """Bytes as they come, handed on line by line; of a line that is too long, its beginning alone."""

    def __init__(self, take: Callable[[bytes], None]) -> None:
        self._take = take
        self._kept = b""
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Take what was read."""
        *whole, self._kept = (self._kept + data).split(b"\n")
        for line in whole:
            self._hand_on(line[:LONGEST_LINE])
            self._skipping = False
        if len(self._kept) > LONGEST_LINE:
            self._hand_on(self._kept[:LONGEST_LINE])
            self._kept, self._skipping = b"", True

    def end(self) -> None:
        """Nothing more will be read: a last line needs no line break."""
        if self._kept:
            self._hand_on(self._kept)
        self._kept = b""

    def _hand_on(self, line: bytes) -> None:
        if not self._skipping:
            self._take(line)
