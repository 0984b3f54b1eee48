"""Parse event lines (`dann retrain --events`): each a JSON object; other lines are ignored. Knows no process."""

import json
import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any, get_args

from training.store.retrain_outcome import RetrainOutcome, RetrainProgress, Verdict

VERDICTS = get_args(Verdict)
LONGEST_LINE = 1 << 16
"""Bytes; a longer line is no event."""


def read_event(line: bytes) -> RetrainProgress | RetrainOutcome | None:
    """Parse one line; None where it is no event."""
    try:
        event = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    if event.get("event") == "progress" and isinstance(part := event.get("part"), str):
        share = min(1.0, max(0.0, _number(event.get("share")) or 0.0))
        return RetrainProgress(part[:40], share, _number(event.get("val_bpb")), _whole(event.get("run")))
    if event.get("event") == "verdict" and event.get("verdict") in VERDICTS:
        return _outcome(event)
    return None


def _outcome(event: dict[str, Any]) -> RetrainOutcome:
    return RetrainOutcome(
        verdict=event["verdict"],
        reason=_text(event.get("reason")) or "",
        candidate=_text(event.get("candidate")),
        incumbent=_text(event.get("incumbent")),
        candidate_bpb=_number(event.get("candidate_bpb")),
        incumbent_bpb=_number(event.get("incumbent_bpb")),
        new_posts=_whole(event.get("new_posts")),
        run=_whole(event.get("run")),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _number(value: object) -> float | None:
    """The value as a float; None unless it is a finite number: a loss may be NaN, an integer too large for a float."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return None
    with suppress(OverflowError):
        return float(value) if math.isfinite(value) else None
    return None


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


class LineBuffer:
    """Splits arriving bytes into lines; of one that is too long, only the beginning."""

    def __init__(self, on_line: Callable[[bytes], None]) -> None:
        self._on_line = on_line
        self._rest = b""
        self._skipping = False

    def feed(self, data: bytes) -> None:
        """Add bytes that were read."""
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            self._pass_on(line[:LONGEST_LINE])
            self._skipping = False
        if len(self._rest) > LONGEST_LINE:
            self._pass_on(self._rest[:LONGEST_LINE])
            self._rest, self._skipping = b"", True

    def end(self) -> None:
        """Pass on the last line, which needs no line break."""
        if self._rest:
            self._pass_on(self._rest)
        self._rest = b""

    def _pass_on(self, line: bytes) -> None:
        if not self._skipping:
            self._on_line(line)
