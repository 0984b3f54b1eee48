"""Our own training step with products of float32, as everybody else's are. One-hot input."""

from tests.bench.contenders.training.ours import Ours
from tests.bench.rounds.job import Job


def prepare(job: Job) -> Ours:
    """The same network as `ours`."""
    return Ours(job, embed_dim=0, precision="float32")
