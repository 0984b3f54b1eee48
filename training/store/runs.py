"""The store's record of retraining: one row a run, from the moment it begins. Knows no network and no checkpoint's inside.

A row that still says "running" is that of a run under way, or of one that was killed. Whoever holds train.lock knows that no
other run is under way, and closes such rows before beginning its own.
"""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

import sqlalchemy as sa

from training.store.database import explain_errors, open_database, writing
from training.store.retrain_outcome import RetrainOutcome, RunVerdict, Verdict
from training.store.tables import RUNS


@dataclass(frozen=True)
class RetrainRun:
    """One run. `started` is Unix seconds, `seconds` how long it took; None, here and below, is not known (yet).

    `posts` are one's own in the store when it began, `new_posts` those among them that no training before had seen, and
    `newest_post` the time of the newest, in Unix seconds. `candidate` and `incumbent` are ids of checkpoints, their `_bpb`
    bits per byte on the same held-out posts; `figures` is all that was measured of both (gate.py).
    """

    id: int
    why: str
    started: float
    verdict: RunVerdict = "running"
    reason: str = ""
    seconds: float | None = None
    posts: int | None = None
    new_posts: int | None = None
    newest_post: float | None = None
    candidate: str | None = None
    incumbent: str | None = None
    candidate_bpb: float | None = None
    incumbent_bpb: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def outcome(self) -> RetrainOutcome:
        """The run's outcome; one that did not finish has failed."""
        verdict: Verdict = "failed" if self.verdict == "running" else self.verdict
        checkpoints = self.candidate, self.incumbent, self.candidate_bpb, self.incumbent_bpb
        return RetrainOutcome(verdict, self.reason, *checkpoints, self.new_posts, self.id)


_columns = [RUNS.c[one.name] for one in fields(RetrainRun)]


class RunStore:
    """The runs of one data folder. Open with `open_runs`, which also closes it."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, why: str, started: float | None = None) -> int:
        """Record that a run begins now, or began then (Unix seconds); returns its id."""
        row = {
            "why": why,
            "started": time.time() if started is None else started,
            "verdict": "running",
            "reason": "",
            "figures": "{}",
        }
        with writing(self._engine) as connection:
            return int(connection.execute(RUNS.insert().values(row).returning(RUNS.c.id)).scalar_one())

    def note(self, id_: int, **known: Any) -> None:
        """Record fields of Run that are known by now: what is left of a run that is killed."""
        if "figures" in known:
            known["figures"] = json.dumps(known["figures"])
        with writing(self._engine) as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == id_).values(known))

    def finish(self, id_: int, verdict: Verdict, reason: str, seconds: float, **known: Any) -> None:
        """Record how a run ended, and further fields of Run."""
        self.note(id_, verdict=verdict, reason=reason, seconds=seconds, **known)

    def close_abandoned(self, current: str | None = None) -> int:
        """End the rows of runs that were killed; only for the holder of train.lock. Returns how many there were.

        They failed, but for one whose candidate is `current`, the checkpoint that serves: it was killed after publishing.
        """
        running = RUNS.update().where(RUNS.c.verdict == "running")
        serves = running.where(RUNS.c.candidate == (current or ""))
        with writing(self._engine) as connection:
            published = connection.execute(serves.values(verdict="published", reason="interrupted after publishing"))
            failed = connection.execute(running.values(verdict="failed", reason="interrupted"))
            return published.rowcount + failed.rowcount

    def last(self, number: int | None = None) -> list[RetrainRun]:
        """The last `number` runs, or all; newest last."""
        query = sa.select(*_columns).order_by(RUNS.c.id.desc()).limit(number)
        with explain_errors(self._engine), self._engine.connect() as connection:
            found = [RetrainRun(*row) for row in connection.execute(query)]
        return [replace(run, figures=json.loads(str(run.figures))) for run in reversed(found)]

    def one(self, id_: int) -> RetrainRun:
        """The run with this id, which must be there."""
        query = sa.select(*_columns).where(RUNS.c.id == id_)
        with explain_errors(self._engine), self._engine.connect() as connection:
            run = RetrainRun(*connection.execute(query).one())
        return replace(run, figures=json.loads(str(run.figures)))

    def count(self) -> dict[str, int]:
        """How many runs have ended, by verdict: all of them, also those that no run has had."""
        query = sa.select(RUNS.c.verdict, sa.func.count()).group_by(RUNS.c.verdict)
        with explain_errors(self._engine), self._engine.connect() as connection:
            found = {str(verdict): int(number) for verdict, number in connection.execute(query)}
        return {verdict: found.get(verdict, 0) for verdict in get_args(Verdict)}


@contextmanager
def open_runs(url: str, wait: float | None = None) -> Iterator[RunStore]:
    """The runs in the database at a SQLAlchemy URL; `wait` and what it raises are those of `opened` (database.py)."""
    with open_database(url, wait) as engine:
        yield RunStore(engine)
