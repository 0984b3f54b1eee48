"""Decoding as one writes it by hand in PyTorch: nn.Embedding, nn.LSTMCell a layer, nn.Linear, and min-p sampling.

No reply has settings, a seed or an end of its own, and no repetition to count: less work than ours. How many
threads are fastest is found out first.
"""

import time

import torch
from torch import nn

from model.config import SamplingParams
from tests.bench.rounds.job import DECODE_STEPS, Job

MIN_P = SamplingParams().min_p
TRIALS = 5


class Loop:
    """A step draws DECODE_STEPS tokens for every stream."""

    def __init__(self, job: Job) -> None:
        torch.set_flush_denormal(True)  # as XLA does
        torch.manual_seed(0)
        shape = job.shape
        self.cores = job.cores
        self.embed = nn.Embedding(shape.vocab, shape.hidden)
        self.cells = [nn.LSTMCell(shape.hidden, shape.hidden) for _ in range(shape.layers)]
        self.output = nn.Linear(shape.hidden, shape.vocab)
        self.carry = [(torch.zeros(shape.batch, shape.hidden),) * 2 for _ in self.cells]
        self.tokens = torch.full((shape.batch,), 2)
        self.flops, self.facts = 1.0, dict[str, str]()

    def tune(self) -> None:
        """Take the number of threads that is fastest."""
        seconds = {}
        for threads in range(1, self.cores + 1):
            torch.set_num_threads(threads)
            self.steps(1)
            began = time.perf_counter()
            self.steps(TRIALS)
            seconds[threads] = time.perf_counter() - began
        best = min(seconds, key=lambda threads: seconds[threads])
        torch.set_num_threads(best)
        self.facts = {"threads": str(best)}

    def steps(self, count: int) -> tuple[float, float]:
        """Plain eager steps."""
        with torch.inference_mode():
            for _ in range(count * DECODE_STEPS):
                self.step()
        return 0.0, 0.0

    def step(self) -> None:
        """A token for every stream."""
        hidden = self.embed(self.tokens)
        for layer, cell in enumerate(self.cells):
            self.carry[layer] = cell(hidden, self.carry[layer])
            hidden = self.carry[layer][0]
        chances = torch.softmax(self.output(hidden), -1)
        kept = chances.masked_fill(chances < MIN_P * chances.amax(-1, keepdim=True), 0.0)
        self.tokens = torch.multinomial(kept, 1)[:, 0]


def prepare(job: Job) -> Loop:
    """The network."""
    return Loop(job)
