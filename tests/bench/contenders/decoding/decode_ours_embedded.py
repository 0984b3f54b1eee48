"""Our engine's decoding of a network with an embedding as wide as itself: the parameters that PyTorch's network has."""

from tests.bench.contenders.decoding.decode_ours import Decoding
from tests.bench.rounds.job import Job


def prepare(job: Job) -> Decoding:
    """Compiled at the first step."""
    return Decoding(job, embed_dim=job.shape.hidden)
