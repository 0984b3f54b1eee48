"""How a run learned, evaluation by evaluation: kept beside what resuming needs, and with the checkpoint that comes of it."""

import json
import math
from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from model.checkpoints.curve import Point
from training.loop.trainer import StepMetrics, TrainProgress


class CurveRecorder:
    """One run's points, oldest first; those that `path` holds of it are there from the beginning."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.points: list[Point] = [(*point,) for point in json.loads(path.read_text())] if path.exists() else []

    def add(self, metrics: StepMetrics, progress: TrainProgress) -> None:
        """Note an evaluation.

        The loss of training is nats per token, and becomes bits per byte as that of the held-out posts does.
        """
        score = progress.score
        if score is None or not math.isfinite(score.bpb) or not score.loss > 0:
            return
        learned = metrics.loss * score.bpb / score.loss
        self.points.append((round(metrics.seconds, 1), metrics.step, round(learned, 4), round(score.bpb, 4)))

    def keep(self) -> None:
        """Write the points down; raises DannError when there is no room, leaving what was there."""
        replace_file(self._path, json.dumps(self.points).encode())
