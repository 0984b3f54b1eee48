"""What is kept of how a network was learned: its points, with the run and with the checkpoint."""

import json
import math
from itertools import pairwise
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from model.checkpoints.curve import CURVE, MOST_POINTS, Point, read_curve, write_curve
from model.checkpoints.folder import Meta
from tests.training.retrain.test_run import RecordingConsole
from tests.training.runs.test_train import console
from tests.training.small_runs import demo, small_settings
from training.loop import clock
from training.loop.scoring import Score
from training.loop.trainer import StepMetrics, TrainProgress
from training.retrain.run import retrain
from training.runs.resumable_run import CurveRecorder
from training.runs.train import resume_last, train
from training.store.posts import open_store


def metrics(step: int, loss: float = 2.0) -> StepMetrics:
    return StepMetrics(step, loss, 1.0, 0.01, 0.5, 1000.0, step / 10, 1.0)


def scored(loss: float, bpb: float) -> TrainProgress:
    return TrainProgress(score=Score(loss, 0.5, bpb))


def test_the_loss_of_training_is_told_in_bits_a_byte_as_the_held_out_one(tmp_path: Path) -> None:
    curve = CurveRecorder(tmp_path / "curve.json")
    curve.add(metrics(10, loss=3.0), scored(4.0, 2.0))
    curve.add(metrics(20), scored(4.0, math.nan))
    curve.add(metrics(30), TrainProgress())
    assert curve.points == [(1.0, 10, 1.5, 2.0)]


def test_a_resumed_run_goes_on_with_its_points(tmp_path: Path) -> None:
    before = CurveRecorder(tmp_path / "curve.json")
    before.add(metrics(10), scored(4.0, 2.0))
    before.save()
    before.add(metrics(20), scored(4.0, 1.9))  # the run is killed here
    after = CurveRecorder(tmp_path / "curve.json")
    after.add(metrics(20), scored(4.0, 1.8))
    assert [point[1:] for point in after.points] == [(10, 1.0, 2.0), (20, 0.9, 1.8)]


def test_of_a_long_curve_few_points_stay_among_them_the_first_and_the_last(tmp_path: Path) -> None:
    points: list[Point] = [(float(step), step, 2.0, 2.0) for step in range(1234)]
    write_curve(tmp_path, points)
    thinned = read_curve(tmp_path)
    assert len(thinned) == MOST_POINTS
    assert (thinned[0], thinned[-1]) == (points[0], points[-1])
    assert {round(after[1] - before[1]) for before, after in pairwise(thinned)} == {6, 7}


@pytest.mark.parametrize(
    "written", ["", "{}", "[1]", "[[1, 2]]", '[["a", 1, 2, 3]]', "[[1e999, 1, 2, 3]]", "3", "\xff"]
)
def test_what_is_no_curve_is_none(tmp_path: Path, written: str) -> None:
    (tmp_path / CURVE).write_bytes(written.encode("latin-1"))
    assert read_curve(tmp_path) == []
    assert read_curve(tmp_path / "nothing") == []


@pytest.mark.slow
def test_a_trained_and_a_retrained_checkpoint_have_their_curve_and_ppmds_figure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "DISPATCH_SECONDS", 1e9)  # 32 steps and 8: two evaluations on any machine
    settings = small_settings(tmp_path)
    root = settings.data.checkpoints
    with open_store(settings.data.store_url) as store, store.writing() as writer:
        writer.add(demo())
    trained = train(settings, demo(), console(), lambda: False)
    run = retrain(settings, RecordingConsole(), lambda: False, why="test", force=True)
    assert run.candidate
    for id_ in (trained.checkpoint, run.candidate):
        curve, meta = read_curve(root / id_), checkpoint.load(root, id_).meta
        assert [step for _, step, _, _ in curve] == sorted({step for _, step, _, _ in curve})
        assert len(curve) == settings.train.evaluations
        assert all(0 < bpb < 20 for _, _, learned, held in curve for bpb in (learned, held))
        assert meta is not None
        assert set(meta.baselines) == {"ppmd"}
        assert CURVE in json.loads((root / id_ / "manifest.json").read_text())["files"]
    assert checkpoint.load(root, trained.checkpoint).meta.baselines["ppmd"] == pytest.approx(trained.ppmd, abs=1e-4)  # type: ignore[union-attr]


@pytest.mark.slow
def test_a_run_that_was_stopped_and_resumed_has_one_curve(tmp_path: Path) -> None:
    settings = small_settings(tmp_path, evaluations=4, save_seconds=0.001)
    stops = iter([False] * 3)
    stopped = train(settings, demo(), console(), lambda: next(stops, True))
    resumed = resume_last(settings, demo(), console(), lambda: False)
    first, whole = (read_curve(settings.data.checkpoints / one.checkpoint) for one in (stopped, resumed))
    assert first
    assert whole[: len(first)] == first
    assert len(whole) > len(first)


def test_a_meta_from_before_has_no_baselines() -> None:
    fields = {"created": "", "step": 1, "seconds": 1.0, "val_bpb": 2.0, "posts": 1, "newest_post": None, "seed": 0}
    assert Meta.model_validate(fields | {"code_version": "", "settings": {}}).baselines == {}
