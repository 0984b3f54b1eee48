"""The compute dtype of training's matmuls: float32, or bfloat16 where the processor multiplies that faster.

Only matmuls use it (inputs and weights rounded, sums in float32); weights, gates, losses and the optimizer stay in float32,
as in Micikevicius et al. (1710.03740). Held-out posts are scored, and replies generated, in float32 throughout.
"""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp

from training.config.tables import TrainConfig

CPU_INFO = Path("/proc/cpuinfo")
CPU_FLAG = "avx512_bf16"
"""Linux's name of the instructions with which XLA's bfloat16 matmuls were measured: 1.4 to 2 times as fast as float32."""


def compute_dtype(config: TrainConfig) -> Any:
    """The dtype of training's matmuls."""
    if config.precision == "auto":
        return jnp.bfloat16 if jax.default_backend() == "cpu" and _multiplies_bfloat16() else jnp.float32
    return jnp.dtype(config.precision)


def _multiplies_bfloat16() -> bool:
    """Whether this processor multiplies bfloat16; False where the system does not say."""
    try:
        return CPU_FLAG in CPU_INFO.read_text().split()
    except OSError:
        return False
