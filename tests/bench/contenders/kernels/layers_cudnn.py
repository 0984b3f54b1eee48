"""LSTM layers by cuDNN, on an NVIDIA GPU only."""

from tests.bench.contenders.kernels.layers import Layers, by_cudnn
from tests.bench.rounds.job import Job


def prepare(job: Job) -> Layers:
    """Compiled at the first step."""
    return Layers(job, by_cudnn)
