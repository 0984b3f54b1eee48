"""What the store keeps of retraining, for the process that answers: how the last one ended, and that one ended untold.

A child that is killed leaves a row that says "running". Only the holder of train.lock knows that nothing runs and may close
it, so everything here happens under that lock, and blocks: call it with `aside`. Knows no process.
"""

import time

from bot.ending import Ending, Verdict
from model import checkpoint
from training.config import DataConfig
from training.lock import only_training
from training.store.runs import Run, RunStore, open_runs


def last_ending(data: DataConfig) -> Ending | None:
    """How the newest run ended, None where there was none; rows that were left open are closed first.

    Raises DannError where a training is under way, or the database cannot be used.
    """
    with only_training(data.dir / "train.lock"), open_runs(data.store_url) as runs:
        last = _closed(data, runs)
    return ending_of(last) if last else None


def settle(data: DataConfig, why: str, failed: Ending, seconds: float) -> Ending:
    """Record that a run, begun `seconds` ago, ended without telling; returns how it really ended.

    It may have published before it died, or recorded its end without being able to tell it; or died before it had a row, and
    gets one. Raises DannError as `last_ending` does.
    """
    with only_training(data.dir / "train.lock"), open_runs(data.store_url) as runs:
        open_rows = {run.id for run in runs.last(1) if run.verdict == "running"}
        last = _closed(data, runs)
        if last is None or last.started < time.time() - seconds - 1:
            runs.finish(runs.begin(why, time.time() - seconds), "failed", failed.reason, seconds)
        elif last.id in open_rows and last.verdict == "failed":
            runs.finish(last.id, "failed", failed.reason, seconds)
        (last,) = runs.last(1)
        return ending_of(last)


def _closed(data: DataConfig, runs: RunStore) -> Run | None:
    runs.close_abandoned(checkpoint.current(data.checkpoints))
    return next(iter(runs.last(1)), None)


def ending_of(run: Run) -> Ending:
    """How a run ended, from its row."""
    verdict: Verdict = "failed" if run.verdict == "running" else run.verdict
    return Ending(
        verdict, run.reason, run.candidate, run.incumbent, run.candidate_bpb, run.incumbent_bpb, run.new_posts, run.id
    )
