"""The record of retraining runs, on SQLite and PostgreSQL."""

import math
import time
from collections.abc import Iterator

import pytest

from training.store.post import Post
from training.store.posts import open_store
from training.store.runs import RetrainRun, RunStore, open_runs


@pytest.fixture
def runs(url: str) -> Iterator[RunStore]:
    with open_runs(url) as opened:
        yield opened


def test_a_run_is_there_from_its_beginning_and_complete_at_its_end(runs: RunStore) -> None:
    before = time.time()
    id_ = runs.begin("schedule")
    (begun,) = runs.last(1)
    assert (begun.id, begun.why, begun.verdict, begun.reason, begun.seconds) == (id_, "schedule", "running", "", None)
    assert before <= begun.started <= time.time()
    runs.update(id_, posts=1200, new_posts=300, newest_post=1600000000.123456, incumbent="20261101-030000")
    figures = {"candidate": {"copied": 0.01}, "incumbent": None, "umlaut": "ü"}
    runs.finish(id_, "refused", "it is worse", 181.5, candidate="20261102-030000", candidate_bpb=2.5, figures=figures)
    assert runs.last() == [
        RetrainRun(
            id_,
            "schedule",
            begun.started,
            "refused",
            "it is worse",
            181.5,
            1200,
            300,
            1600000000.123456,
            "20261102-030000",
            "20261101-030000",
            2.5,
            None,
            figures,
        )
    ]


def test_the_last_runs_come_with_the_newest_last_whatever_the_clock_said(
    runs: RunStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = iter([5000.0, 1000.0, 3000.0])
    monkeypatch.setattr(time, "time", lambda: next(clock))
    ids = [runs.begin(why) for why in ("one", "two", "three")]
    assert [run.id for run in runs.last()] == ids == sorted(ids)
    assert [run.why for run in runs.last(2)] == ["two", "three"]
    assert runs.last(0) == []


def test_runs_that_were_killed_failed_and_those_that_ended_stay_as_they_are(runs: RunStore) -> None:
    for verdict in ("published", "refused", "skipped", "failed"):
        runs.finish(runs.begin("by hand"), verdict, f"it was {verdict}", 1.0)
    ended = runs.last()
    killed = [runs.begin("schedule"), runs.begin("schedule")]
    assert runs.close_abandoned() == 2
    assert runs.last()[:4] == ended
    assert [(run.id, run.verdict, run.reason) for run in runs.last(2)] == [(k, "failed", "interrupted") for k in killed]
    assert runs.close_abandoned() == 0


def test_a_run_killed_after_publishing_published(runs: RunStore) -> None:
    published, before = runs.begin("schedule"), runs.begin("schedule")
    runs.update(published, candidate="new", candidate_bpb=2.0)
    runs.update(before, candidate="other")
    assert runs.close_abandoned("new") == 2
    assert [(run.verdict, run.candidate_bpb) for run in runs.last()] == [("published", 2.0), ("failed", None)]


def test_a_loss_that_is_no_number_can_be_recorded(runs: RunStore) -> None:
    id_ = runs.begin("schedule")
    runs.finish(id_, "refused", "its loss is not a finite number", 1.0, candidate_bpb=math.nan)
    (run,) = runs.last()
    assert run.candidate_bpb is None or math.isnan(run.candidate_bpb)  # SQLite knows no such number


def test_posts_and_runs_live_in_one_database_also_one_from_before_there_were_runs(url: str) -> None:
    post = Post("a:1", "a", mine=True, time=10.0, text="hi")
    with open_store(url) as store, store.writing() as writer:
        writer.add([post])
    with open_runs(url) as runs:
        runs.begin("by hand")
    with open_store(url) as store, open_runs(url) as runs:
        assert list(store.posts()) == [post]
        assert len(runs.last()) == 1
