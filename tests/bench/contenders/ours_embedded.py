"""Our own training step with an embedding as wide as the network: the parameters that PyTorch's network has."""

from tests.bench.contenders.ours import Ours
from tests.bench.job import Job


def prepare(job: Job) -> Ours:
    """The network whose weights can be handed over to the others'."""
    return Ours(job, embed_dim=job.shape.hidden)
