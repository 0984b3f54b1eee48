"""The machine's best matrix product: three libraries, each at the size where it is fastest. A step is one product."""

import statistics
import time
from collections.abc import Callable

SIZES = ((1024, 1024, 1024), (2048, 2048, 2048), (3072, 3072, 3072), (4096, 512, 2048), (512, 4096, 2048))
"""[m, k] times [k, n] as (m, k, n): squares, and what a large LSTM's input and weight gradients are."""
GPU_SIZES = (*SIZES, (8192, 8192, 8192))
TRIALS = 3

Product = Callable[[int], None]
"""Multiply so many times, and wait."""


class Products:
    """One library's product, at the size that `tune` finds fastest."""

    def __init__(self, made: Callable[[int, int, int], Product], on_gpu: bool = False) -> None:
        self.made = made
        self.sizes = GPU_SIZES if on_gpu else SIZES
        self.choose(self.sizes[0])
        self.facts: dict[str, str] = {}

    def choose(self, size: tuple[int, int, int]) -> None:
        """Multiply matrices of this size from now on."""
        m, k, n = size
        self.flops = 2.0 * m * k * n
        self.product = self.made(m, k, n)

    def tune(self) -> None:
        """Take the size with the most operations a second."""
        rates = {}
        for size in self.sizes:
            self.choose(size)
            self.product(1)
            rates[size] = self.flops / statistics.median(self.timed() for _ in range(TRIALS))
        best = max(rates, key=lambda size: rates[size])
        self.choose(best)
        m, k, n = best
        self.facts = {"size": f"[{m}, {k}] x [{k}, {n}]"}

    def timed(self) -> float:
        """Seconds a product takes."""
        began = time.perf_counter()
        self.product(1)
        return time.perf_counter() - began

    def steps(self, count: int) -> tuple[float, float]:
        """Multiply; there is no loss."""
        self.product(count)
        return 0.0, 0.0
