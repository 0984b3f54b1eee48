"""NumPy's product, which is OpenBLAS's (Accelerate's on a Mac)."""

import numpy as np

from tests.bench.contenders.kernels.products import Product, Products
from tests.bench.rounds.job import Job


def made(m: int, k: int, n: int) -> Product:
    """The product of two matrices of float32, into the same memory again and again."""
    chance = np.random.default_rng(0)
    left, right = chance.standard_normal((m, k), np.float32), chance.standard_normal((k, n), np.float32)
    out = np.empty((m, n), np.float32)

    def product(count: int) -> None:
        for _ in range(count):
            np.matmul(left, right, out=out)

    return product


def prepare(job: Job) -> Products:  # noqa: ARG001 (a product has a size of its own)
    """OpenBLAS takes the cores that the process may use."""
    return Products(made)
