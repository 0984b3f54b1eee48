"""What a contender is asked to do: the shape of a network and of a batch, and what the work of a step is counted as.

Imports nothing heavy: the parent and every child share it.
"""

from dataclasses import asdict, dataclass
from typing import Protocol

import numpy as np

LEARNING_RATE, BETAS, WEIGHT_DECAY, CLIP_NORM = 0.002, (0.9, 0.99), 0.05, 1.0
"""AdamW's numbers, the same for all; decay acts on matrices alone. No schedule: the rate is constant."""
WINDOWS = 100
"""Windows in a stream before it begins again."""
DECODE_STEPS = 8
"""Tokens that a step of decoding draws for every stream."""
RESERVED = 1
"""Token 0 begins a conversation (it empties our network's carry), so that no stream holds it."""


@dataclass(frozen=True)
class Shape:
    """`layers` LSTM layers of `hidden` on a vocabulary of `vocab`; a step reads `batch` windows of `window` tokens."""

    layers: int
    hidden: int
    vocab: int
    batch: int
    window: int

    def __str__(self) -> str:
        return f"{self.layers} x {self.hidden}, V {self.vocab}, {self.batch} x {self.window}"

    @property
    def tokens(self) -> int:
        """Tokens that a step learns from."""
        return self.batch * self.window

    @property
    def flops(self) -> float:
        """Floating-point operations counted for a step, the same for everybody, however they come to the result.

        A product of [m, k] and [k, n] is 2 m k n. Forward, a token needs the recurrent product of each layer (H x 4H),
        the input product of each layer above the first (H x 4H) and the output's (H x V); backward needs two products
        for each of those, so 3 x 2 x (L 4H^2 + (L - 1) 4H^2 + H V) a token. The first layer's input product is not
        counted, because choosing a row of a table does its work; nor is anything elementwise, clipping or AdamW.
        """
        gates = 4 * self.hidden**2
        return 6.0 * self.tokens * ((2 * self.layers - 1) * gates + self.hidden * self.vocab)

    @property
    def decode_weights(self) -> int:
        """Weights that are multiplied for a token of decoding with one-hot input."""
        return (2 * self.layers - 1) * 4 * self.hidden**2 + self.hidden * self.vocab


@dataclass(frozen=True)
class Job:
    """A shape on so many cores. With `weights` (a file that same_work.py wrote) it starts from these.

    `period` is 0 for a stream of random tokens, or a number of tokens after which the stream repeats, beginning with the
    cycle's token number `phase`: so that contenders can be made to read the same.
    """

    shape: Shape
    cores: int
    weights: str = ""
    period: int = 0
    phase: int = 0

    def to_json(self) -> dict[str, object]:
        """For the child's command line."""
        return asdict(self)

    @classmethod
    def from_json(cls, found: dict[str, object]) -> "Job":
        """What `to_json` made."""
        shape = found.pop("shape")
        assert isinstance(shape, dict)
        return cls(Shape(**shape), **found)  # type: ignore[arg-type]

    def stream(self) -> np.ndarray:
        """Token ids `[batch * window * WINDOWS]`, one stream after the other; never the token 0."""
        length = self.shape.tokens * WINDOWS
        if not self.period:
            return np.random.default_rng(0).integers(RESERVED, self.shape.vocab, length, dtype=np.int32)
        assert self.shape.window % self.period == 0  # so that every window and every stream begins alike
        cycle = np.random.default_rng(1).integers(RESERVED, self.shape.vocab, self.period, dtype=np.int32)
        return np.resize(np.roll(cycle, -self.phase), length)

    def windows(self) -> np.ndarray:
        """The same tokens as `[steps, window + 1, batch]`: a step's inputs and, one later, their targets."""
        rows = self.stream().reshape(self.shape.batch, -1).T
        starts = range(0, len(rows) - self.shape.window, self.shape.window)
        return np.stack([rows[start : start + self.shape.window + 1] for start in starts])


class Contender(Protocol):
    """Somebody who takes steps. `flops` is what one counts as; `facts` says what it chose, for the notes."""

    flops: float
    facts: dict[str, str]

    def tune(self) -> None:
        """Choose what is fastest here, after the first step and before anything is timed."""

    def steps(self, count: int) -> tuple[float, float]:
        """Take `count` steps and wait until they are done; returns the last one's loss and gradient norm before clipping."""
