"""LSTM layers by our scan."""

from tests.bench.contenders.kernels.layers import Layers, by_scan
from tests.bench.rounds.job import Job


def prepare(job: Job) -> Layers:
    """Compiled at the first step."""
    return Layers(job, by_scan)
