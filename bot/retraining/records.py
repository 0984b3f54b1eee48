"""Stored runs of retraining, for the bot: last outcome, and ends that no child reported.

A child that is killed leaves a row that says "running". Only the holder of train.lock knows that nothing runs and may close
it, so everything here happens under that lock, and blocks: run it in a daemon thread. Knows no process.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from model.checkpoints.folder import current_or_none
from training.config.tables import DataConfig
from training.lock import training_lock
from training.store.retrain_outcome import RetrainOutcome

if TYPE_CHECKING:
    from training.store.runs import RunStore


def last_outcome(data: DataConfig) -> RetrainOutcome | None:
    """Outcome of the newest run, None where there was none; rows left open are closed first.

    Raises DannError where a training is running, or the database cannot be used.
    """
    with _locked_runs(data) as runs:
        runs.close_abandoned(current_or_none(data.checkpoints))
        last = next(iter(runs.last(1)), None)
    return last.outcome if last else None


def record_silent_end(
    data: DataConfig, row: int | None, why: str, failed: RetrainOutcome, seconds: float
) -> RetrainOutcome:
    """Record that a run of `seconds` ended without a report; return its real outcome.

    `row` is the id that it reported. It may have published before it died, or recorded its outcome without being able to
    report it. One that reported no row has the open one, or else died before it had any and gets one. Raises DannError as
    `last_outcome` does.
    """
    with _locked_runs(data) as runs:
        left_open = {run.id for run in runs.last() if run.verdict == "running"}
        row = row if row is not None else max(left_open, default=None)
        runs.close_abandoned(current_or_none(data.checkpoints))
        if row is None:
            row = runs.begin(why, time.time() - seconds)
            left_open.add(row)
        if row in left_open and runs.get(row).verdict in {"running", "failed"}:
            runs.finish(row, "failed", failed.reason, seconds)
        return runs.get(row).outcome


@contextmanager
def _locked_runs(data: DataConfig) -> "Iterator[RunStore]":
    from training.store.runs import open_runs  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    with training_lock(data.dir / "train.lock"), open_runs(data.store_url) as runs:
        yield runs
