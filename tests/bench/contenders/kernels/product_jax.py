"""JAX's product on its one default device: XLA's on a CPU, cuBLAS's on a GPU."""

import jax
import jax.numpy as jnp

from tests.bench.contenders.kernels.products import Product, Products
from tests.bench.rounds.job import Job


def made(m: int, k: int, n: int) -> Product:
    """The product of two matrices of float32."""
    keys = jax.random.split(jax.random.key(0))
    left, right = jax.random.normal(keys[0], (m, k)), jax.random.normal(keys[1], (k, n))
    multiply = jax.jit(jnp.matmul)

    def product(count: int) -> None:
        for _ in range(count):
            out = multiply(left, right)
        out.block_until_ready()

    return product


def prepare(job: Job) -> Products:  # noqa: ARG001 (a product has a size of its own)
    """XLA takes the cores that the process may use."""
    return Products(made, on_gpu=jax.default_backend() == "gpu")
