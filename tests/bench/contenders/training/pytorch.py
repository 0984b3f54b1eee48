"""PyTorch at its best: nn.Embedding, nn.LSTM (oneDNN's primitive on a CPU, cuDNN's on a GPU), nn.Linear, AdamW.

Time comes first, as the primitive wants it, so that nothing is transposed. Which AdamW is fastest here is
measured before the rounds begin, and a profile says whether the primitive is used. Takes no part where PyTorch is missing.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from tests.bench.rounds.job import BETAS, CLIP_NORM, LEARNING_RATE, WEIGHT_DECAY, Job

PRIMITIVE = {"cpu": "mkldnn_rnn_layer", "cuda": "_cudnn_rnn"}
"""The operator that the profiler must see, a device."""
TRIALS = 5


class PyTorch:
    """One step: forward, cross entropy, backward, clip_grad_norm_, AdamW."""

    def __init__(self, job: Job) -> None:
        torch.set_num_threads(job.cores)
        torch.set_flush_denormal(True)  # as XLA does
        torch.manual_seed(0)
        shape = job.shape
        self.device = "cuda" if torch.cuda.is_available() else "cpu"
        self.embed = nn.Embedding(shape.vocab, shape.hidden)
        self.lstm = nn.LSTM(shape.hidden, shape.hidden, shape.layers)
        self.output = nn.Linear(shape.hidden, shape.vocab)
        modules = [module.to(self.device) for module in (self.embed, self.lstm, self.output)]
        self.params = [param for module in modules for param in module.parameters()]
        if job.weights:
            self.load(job.weights)
        self.windows = torch.from_numpy(job.windows()).long().to(self.device)
        zeros = torch.zeros(shape.layers, shape.batch, shape.hidden, device=self.device)
        self.carry = (zeros, zeros)
        self.optimizer = self.adamw(fused=True)
        self.flops = shape.flops
        self.taken = 0
        self.facts = {"threads": str(torch.get_num_threads()), "device": self.device}

    def adamw(self, **how: bool) -> torch.optim.AdamW:
        """AdamW with decay on matrices alone, in one of its implementations."""
        matrices = [param for param in self.params if param.ndim > 1]
        vectors = [param for param in self.params if param.ndim < 2]
        groups = [{"params": matrices, "weight_decay": WEIGHT_DECAY}, {"params": vectors, "weight_decay": 0.0}]
        return torch.optim.AdamW(groups, lr=LEARNING_RATE, betas=BETAS, **how)

    def tune(self) -> None:
        """Take the fastest AdamW, and see which operator computes the LSTM."""
        with torch.profiler.profile() as profile:
            self.steps(1)
        seen = {event.key.removeprefix("aten::") for event in profile.key_averages()}
        primitive = PRIMITIVE[self.device]
        implementations = {
            "fused": self.optimizer,
            "foreach": self.adamw(foreach=True),
            "a loop": self.adamw(foreach=False),
        }
        adamw = fastest({name: which.step for name, which in implementations.items()})
        self.optimizer = implementations[adamw]
        self.facts |= {"AdamW": adamw, "LSTM": primitive if primitive in seen else f"WITHOUT {primitive}"}

    def steps(self, count: int) -> tuple[float, float]:
        """Plain eager steps."""
        for _ in range(count):
            loss, norm = self.step(self.windows[self.taken % len(self.windows)])
            self.taken += 1
        if self.device == "cuda":
            torch.cuda.synchronize()
        return float(loss), float(norm)

    def step(self, window: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """One of them, on a window `[T + 1, B]`."""
        self.optimizer.zero_grad(set_to_none=True)
        hidden, carry = self.lstm(self.embed(window[:-1]), self.carry)
        loss = functional.cross_entropy(self.output(hidden).flatten(0, 1), window[1:].flatten())
        loss.backward()
        norm = nn.utils.clip_grad_norm_(self.params, CLIP_NORM)
        self.optimizer.step()
        self.carry = tuple(part.detach() for part in carry)
        return loss.detach(), norm

    def load(self, file: str) -> None:
        """Take the weights that same_work.py wrote. PyTorch's gates come in our order, its matrices transposed.

        Its second bias, which no equation needs, stays zero and gets no gradient, or every bias would learn twice.
        """
        with np.load(file) as found, torch.no_grad():
            arrays = {name: torch.from_numpy(found[name]) for name in found.files}
            self.embed.weight.copy_(arrays["embedding"])
            for number in range(self.lstm.num_layers):
                getattr(self.lstm, f"weight_ih_l{number}").copy_(arrays[f"inputs.{number}"].T)
                getattr(self.lstm, f"weight_hh_l{number}").copy_(arrays[f"weights.{number}"].T)
                getattr(self.lstm, f"bias_ih_l{number}").copy_(arrays[f"biases.{number}"])
                getattr(self.lstm, f"bias_hh_l{number}").zero_()
            self.output.weight.copy_(arrays["output"].T)
            self.output.bias.copy_(arrays["output_bias"])
        for number in range(self.lstm.num_layers):
            getattr(self.lstm, f"bias_hh_l{number}").register_hook(torch.zeros_like)


def fastest(choices: dict[str, Callable[[], object]]) -> str:
    """The name of the choice with the smallest median time, tried in turn; the first trial of each is not counted."""
    seconds: dict[str, list[float]] = {name: [] for name in choices}
    for _ in range(TRIALS + 1):
        for name, act in choices.items():
            began = time.perf_counter()
            act()
            if torch.cuda.is_available():
                torch.cuda.synchronize()
            seconds[name].append(time.perf_counter() - began)
    return min(choices, key=lambda name: statistics.median(seconds[name][1:]))


def prepare(job: Job) -> PyTorch:
    """The network; the oneDNN primitive prepares itself at the first step."""
    return PyTorch(job)
