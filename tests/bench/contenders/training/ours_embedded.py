"""Our own training step with PyTorch's parameters (an embedding as wide as the network) and its products of float32."""

from tests.bench.contenders.training.ours import Ours
from tests.bench.rounds.job import Job


def prepare(job: Job) -> Ours:
    """The network whose weights can be handed over to the others'."""
    return Ours(job, embed_dim=job.shape.hidden, precision="float32")
