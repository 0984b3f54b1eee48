"""What a retraining tells while it runs and at its end, read from the lines that it writes. Knows no process.

A line is one JSON object with an "event" (training's `retrain --events`); what is none of them is passed over.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, get_args

Verdict = Literal["published", "refused", "skipped", "failed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
LONGEST_LINE = 1 << 16
"""Bytes; a longer line is no event."""


@dataclass(frozen=True, slots=True)
class RetrainProgress:
    """Where a retraining is: `share` of `part` is done, from 0 to 1; `val_bpb` bits per byte where there is a figure yet.

    `run` is the row that records it, None until there is one.
    """

    part: str = "starting"
    share: float = 0.0
    val_bpb: float | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """How a retraining ended; None is what is not known.

    `candidate` and `incumbent` are checkpoints' ids, the figures bits per byte of the same held-out posts, `run` is the row
    that records it all.
    """

    verdict: Verdict
    reason: str = ""
    candidate: str | None = None
    incumbent: str | None = None
    candidate_bpb: float | None = None
    incumbent_bpb: float | None = None
    new_posts: int | None = None
    run: int | None = None


def read_event(line: bytes) -> RetrainProgress | RetrainOutcome | None:
    """What a line tells; None where it tells nothing."""
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
