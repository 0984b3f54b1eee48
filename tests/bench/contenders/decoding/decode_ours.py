"""Our engine's decoding: so many replies that never end, drawn on round by round, as dann draws by default."""

from model.architectures import build
from model.checkpoints.checkpoint import Snapshot
from model.config import ModelConfig, SamplingParams
from model.engine import slots
from model.engine.batch import Batch
from model.engine.continuation import ContinuationRequest
from model.tokenizer import Tokenizer
from tests.bench.rounds.job import DECODE_STEPS, Job

ENDLESS = SamplingParams(max_tokens=4096)


class Decoding:
    """A step is a round of a Batch: all that the engine's thread does for DRAW_STEPS tokens of every reply."""

    def __init__(self, job: Job, embed_dim: int) -> None:
        assert slots.DECODE_STEPS == DECODE_STEPS
        shape = job.shape
        config = ModelConfig(
            vocab_size=shape.vocab, embed_dim=embed_dim, hidden_dim=shape.hidden, num_layers=shape.layers
        )
        tokenizer = Tokenizer.of_characters([chr(0x4E00 + number) for number in range(shape.vocab - 3)])
        self.streams = shape.batch
        self.batch = Batch(Snapshot("bench", build(config, seed=0), tokenizer), self.streams)
        self.flops, self.facts, self.seed = 1.0, {"embedding": str(embed_dim)}, 0

    def tune(self) -> None:
        """Nothing to choose."""

    def steps(self, count: int) -> tuple[float, float]:
        """Rounds; a reply that has 4,096 tokens makes room for the next."""
        for _ in range(count):
            while len(self.batch) < self.streams:
                self.seed += 1
                self.batch.admit(ContinuationRequest([0, 2], ENDLESS, self.seed))
            self.batch.round()
        return 0.0, 0.0


def prepare(job: Job) -> Decoding:
    """The network with one-hot input."""
    return Decoding(job, embed_dim=0)
