"""The high-water mark: what counts as new, whatever was published, refused, rolled back from or killed."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from model.checkpoints.folder import MANIFEST
from training.retrain.high_water import HighWaterMark, high_water, mark_of, new_since
from training.store.post import Post
from training.store.retrain_outcome import RunVerdict
from training.store.runs import RetrainRun


def posts(*times: float | None) -> list[Post]:
    return [Post(f"p{n}", "a", mine=True, time=time, text="x") for n, time in enumerate(times)]


def run(
    verdict: RunVerdict, newest: float | None, number: int, *, id_: int = 1, candidate: str | None = None
) -> RetrainRun:
    return RetrainRun(id_, "schedule", 1000.0 * id_, verdict, posts=number, newest_post=newest, candidate=candidate)


def shelved(
    root: Path, id_: str, newest: float | None, number: int, created: str = "2026-01-01T00:00:00+00:00"
) -> None:
    folder = root / id_
    folder.mkdir(parents=True)
    meta = {"created": created, "step": 1, "seconds": 1.0, "val_bpb": 2.0, "posts": number, "newest_post": newest}
    (folder / "meta.json").write_text(json.dumps(meta | {"seed": 0, "code_version": "0", "settings": {}}))
    (folder / MANIFEST).write_text("{}")


def test_before_any_training_all_posts_are_new(tmp_path: Path) -> None:
    assert high_water(tmp_path / "none", []) == HighWaterMark()
    assert new_since([*posts(1.0, None), Post("o", "a", mine=False, time=9.0, text="x")], HighWaterMark()) == 2
    assert mark_of([*posts(1.0, None, 3.0), Post("o", "a", mine=False, time=9.0, text="x")]) == HighWaterMark(3.0, 3)
    assert mark_of(posts(None)) == HighWaterMark(None, 1)


def test_newer_posts_are_new_and_so_is_what_came_late() -> None:
    mark = HighWaterMark(10.0, 3)
    assert new_since(posts(1.0, 2.0, 10.0), mark) == 0
    assert new_since(posts(1.0, 2.0, 10.0, 10.1, 11.0), mark) == 2
    assert new_since(posts(1.0, 2.0, 10.0, 0.5, None), mark) == 2  # an older export, plain text
    assert new_since(posts(10.0, 11.0), mark) == 1  # others were deleted meanwhile
    assert new_since([], mark) == 0


@pytest.mark.parametrize(("verdict", "seen"), [("published", True), ("refused", True), ("failed", False),
                                               ("skipped", False), ("running", False)])  # fmt: skip
def test_a_run_has_seen_its_posts_if_it_brought_a_candidate_to_judge(
    tmp_path: Path, verdict: RunVerdict, seen: bool
) -> None:
    before = run("published", 10.0, 3)
    assert high_water(tmp_path, [before, run(verdict, 20.0, 9, id_=2)]) == (
        HighWaterMark(20.0, 9) if seen else HighWaterMark(10.0, 3)
    )


def test_after_a_rollback_the_mark_is_that_of_what_was_rolled_back_from(tmp_path: Path) -> None:
    """Also of one trained by hand, which has no row; and not of a candidate that nobody has judged."""
    shelved(tmp_path, "20260101", 10.0, 3)
    shelved(tmp_path, "20260102", 30.0, 5)
    (tmp_path / "CURRENT").write_text("20260101\n")
    assert high_water(tmp_path, []) == HighWaterMark(30.0, 5)
    assert high_water(tmp_path, [run("failed", 30.0, 5, candidate="20260102")]) == HighWaterMark(10.0, 3)
    assert high_water(tmp_path, [run("refused", 30.0, 5, candidate="20260102")]) == HighWaterMark(30.0, 5)


def test_of_equal_times_the_last_training_counts(tmp_path: Path) -> None:
    """An older export came between them, or posts were forgotten: how many there were then has changed."""
    runs = [run("published", 10.0, 50, id_=1), run("published", 10.0, 40, id_=2)]
    assert high_water(tmp_path, runs) == HighWaterMark(10.0, 40)
    shelved(tmp_path, "20260101", 10.0, 99)
    assert high_water(tmp_path, runs) == HighWaterMark(10.0, 99)
    assert high_water(tmp_path, [replace(one, started=one.started + 4e9) for one in runs]) == HighWaterMark(10.0, 40)


def test_a_damaged_checkpoint_stops_nothing(tmp_path: Path) -> None:
    shelved(tmp_path, "20260101", 10.0, 3)
    shelved(tmp_path, "20260102", 30.0, 5)
    (tmp_path / "20260102" / "meta.json").write_bytes(b"\xff{")
    shelved(tmp_path, "20260103", 40.0, 6, created="yesterday")
    (tmp_path / "20260104").mkdir()
    (tmp_path / "20260104" / MANIFEST).write_text("{}")
    assert high_water(tmp_path, []) == HighWaterMark(40.0, 6)


def test_a_mark_of_no_date_hides_no_new_post() -> None:
    for newest in (float("inf"), 1704103200000.0):
        assert new_since(posts(1.0, 2.0), HighWaterMark(newest, 2)) == 2
