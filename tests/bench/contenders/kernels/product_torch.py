"""PyTorch's product: its BLAS (MKL in the usual build) on a CPU, cuBLAS's on a GPU."""

import torch

from tests.bench.contenders.kernels.products import Product, Products
from tests.bench.rounds.job import Job


def made(m: int, k: int, n: int) -> Product:
    """The product of two matrices of float32, into the same memory again and again."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    left, right, out = (torch.randn(shape, device=device) for shape in ((m, k), (k, n), (m, n)))

    def product(count: int) -> None:
        for _ in range(count):
            torch.mm(left, right, out=out)
        if device == "cuda":
            torch.cuda.synchronize()

    return product


def prepare(job: Job) -> Products:
    """PyTorch takes the threads it is given."""
    torch.set_num_threads(job.cores)
    return Products(made, on_gpu=torch.cuda.is_available())
