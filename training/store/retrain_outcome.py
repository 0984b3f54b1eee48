"""A retraining's progress and outcome: as its process reports them, the store records them and the bot shows them.

Knows no database and no network: whoever shows these must not wait for either to be imported.
"""

from dataclasses import dataclass
from typing import Literal

Verdict = Literal["published", "refused", "skipped", "failed"]
RunVerdict = Literal["running", Verdict]
"""A stored run's verdict: one without an outcome is still running, or was killed."""


@dataclass(frozen=True, slots=True)
class RetrainProgress:
    """Progress of a retraining: `share` of `part` is done, from 0 to 1; `run` is the id of the row that records it."""

    part: str = "starting"
    share: float = 0.0
    val_bpb: float | None = None
    run: int | None = None


@dataclass(frozen=True, slots=True)
class RetrainOutcome:
    """Outcome of a retraining; None is not known.

    `candidate` and `incumbent` are ids of checkpoints, their `_bpb` bits per byte of the same held-out posts, and `run` the
    id of the row that records it all.
    """

    verdict: Verdict
    reason: str = ""
    candidate: str | None = None
    incumbent: str | None = None
    candidate_bpb: float | None = None
    incumbent_bpb: float | None = None
    new_posts: int | None = None
    run: int | None = None
