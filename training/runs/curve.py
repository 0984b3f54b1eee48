"""Learning curve of a run, one point per evaluation; also saved with its checkpoint."""

import json
import math
from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from model.checkpoints.curve import Point
from training.loop.trainer import StepMetrics, TrainProgress


class CurveRecorder:
    """Points of one run, oldest first, starting with those already saved in `path`."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.points: list[Point] = [(*point,) for point in json.loads(path.read_text())] if path.exists() else []

    def add(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Add a point for an evaluation.

        The training loss is in nats per token; it is converted to bits per byte by the ratio that the held-out loss has.
        """
        score = progress.score
        if score is None or not math.isfinite(score.bpb) or not score.loss > 0:
            return
        train_bpb = metrics.loss * score.bpb / score.loss
        self.points.append((round(metrics.seconds, 1), metrics.step, round(train_bpb, 4), round(score.bpb, 4)))

    def save(self) -> None:
        """Save the points; raises DannError when there is no room, leaving the older file."""
        replace_file(self._path, json.dumps(self.points).encode())
