"""The store's record of retraining runs, one row each. Knows no network and no checkpoint.

A row with verdict "running" is a run in progress, or one that was killed. The holder of train.lock knows that no other run
is in progress, and closes such rows before it starts its own.
"""

import json
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, replace
from typing import Any, get_args

import sqlalchemy as sa

from training.store.database import explain_errors, open_database, writing
from training.store.retrain_outcome import RetrainOutcome, RunVerdict, Verdict
from training.store.summary import count_by
from training.store.tables import RUNS


@dataclass(frozen=True)
class RetrainRun:
    """One retraining run; None stands for a value that is not known (yet).

    `started` is Unix seconds, `seconds` the duration. `posts` are the owner's in the store at the start, `new_posts` those
    that no earlier training had seen, `newest_post` the time of the newest in Unix seconds. `candidate` and `incumbent` are
    checkpoint ids, their `_bpb` bits per byte on the same held-out posts; `figures` has all measurements (retrain/gate.py).
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


_columns = [RUNS.c[field.name] for field in fields(RetrainRun)]


class RunStore:
    """The runs of one data folder, opened and closed by `open_runs`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def begin(self, why: str, started: float | None = None) -> int:
        """Add a run that starts now or at `started` (Unix seconds); return its id."""
        started = time.time() if started is None else started
        row = RUNS.insert().values(why=why, started=started, verdict="running", reason="", figures="{}")
        with writing(self._engine) as connection:
            return int(connection.execute(row.returning(RUNS.c.id)).scalar_one())

    def update(self, id_: int, **known: Any) -> None:
        """Set fields of a RetrainRun as they become known, for the case that the run is killed."""
        if "figures" in known:
            known["figures"] = json.dumps(known["figures"])
        with writing(self._engine) as connection:
            connection.execute(RUNS.update().where(RUNS.c.id == id_).values(known))

    def finish(self, id_: int, verdict: Verdict, reason: str, seconds: float, **known: Any) -> None:
        """Set a run's verdict, reason, duration and further fields."""
        self.update(id_, verdict=verdict, reason=reason, seconds=seconds, **known)

    def close_abandoned(self, current: str | None = None) -> int:
        """Close the rows of killed runs and return how many; only for the holder of train.lock.

        Their verdict is "failed", or "published" for a run whose candidate is `current`, the serving checkpoint.
        """
        running = RUNS.update().where(RUNS.c.verdict == "running")
        serves = running.where(RUNS.c.candidate == (current or ""))
        with writing(self._engine) as connection:
            published = connection.execute(serves.values(verdict="published", reason="interrupted after publishing"))
            failed = connection.execute(running.values(verdict="failed", reason="interrupted"))
            return published.rowcount + failed.rowcount

    def last(self, number: int | None = None) -> list[RetrainRun]:
        """Return the last `number` runs, or all; newest last."""
        query = sa.select(*_columns).order_by(RUNS.c.id.desc()).limit(number)
        with explain_errors(self._engine), self._engine.connect() as connection:
            return [_run(row) for row in connection.execute(query)][::-1]

    def get(self, id_: int) -> RetrainRun:
        """Return the run with this id, which must exist."""
        query = sa.select(*_columns).where(RUNS.c.id == id_)
        with explain_errors(self._engine), self._engine.connect() as connection:
            return _run(connection.execute(query).one())

    def count(self) -> dict[str, int]:
        """Count finished runs by verdict, including verdicts without any run."""
        with explain_errors(self._engine), self._engine.connect() as connection:
            counts = count_by(connection, RUNS.c.verdict)
        return {verdict: counts.get(verdict, 0) for verdict in get_args(Verdict)}


def _run(row: Sequence[Any]) -> RetrainRun:
    run = RetrainRun(*row)
    return replace(run, figures=json.loads(str(run.figures)))


@contextmanager
def open_runs(url: str, wait: float | None = None) -> Iterator[RunStore]:
    """Open the runs in the database at a SQLAlchemy URL, as `open_database` does."""
    with open_database(url, wait) as engine:
        yield RunStore(engine)
