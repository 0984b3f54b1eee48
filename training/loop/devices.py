"""Devices of a run: one XLA device for each core, or the GPUs there are; its allocator and compute dtype. Knows no network.

A processor's cores are fastest as devices of their own, each with its share of the batch: they then synchronise once a step,
to add up their gradients, and not within every matmul (measured: CHANGELOG.md and `make bench`). The number of devices is
fixed when a process starts JAX, which is why training has a process of its own.
"""

import ctypes
import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from training.config.tables import TrainConfig

AXIS = "batch"
"""The mesh's one axis, over the devices of every host: each has a part of the batch and all of the weights."""
TRIM_THRESHOLD, MMAP_MAX, ARENA_MAX = -1, -4, -8
"""Names of glibc's mallopt(3) settings, from malloc.h."""
UNLIMITED = 2**31 - 1
CPU_INFO = Path("/proc/cpuinfo")
CPU_FLAG = "avx512_bf16"
"""Linux's name of the instructions with which XLA's bfloat16 matmuls were measured: 1.4 to 2 times as fast as float32."""


def prepare(config: TrainConfig) -> None:
    """Set up the allocator and as many CPU devices as the run will use here; the latter only before JAX starts."""
    keep_freed_memory()
    wanted = requested_devices(config)
    single = "--xla_cpu_multi_thread_eigen=false"
    if wanted > 1 and single not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {single}".strip()
    try:
        jax.config.update("jax_num_cpu_devices", wanted)
        if config.hosts > 1:
            jax.config.update("jax_cpu_collectives_implementation", "gloo")
    except RuntimeError:  # JAX has started; make_mesh takes what there is
        return


def keep_freed_memory() -> None:
    """Keep freed memory for the next dispatch, where the C library is glibc; elsewhere do nothing.

    XLA allocates a step's memory at each dispatch, hundreds of megabytes. glibc returns blocks that large to the system at
    once, and each page costs a fault when it is touched again: a fifth of a step of 2 x 512. With these settings blocks of
    any size are cut from one heap, so the process may hold a little more than it uses.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        for setting, value in ((MMAP_MAX, 0), (TRIM_THRESHOLD, UNLIMITED), (ARENA_MAX, 1)):
            mallopt(setting, value)


def compute_dtype(config: TrainConfig) -> Any:
    """The dtype of training's matmuls: float32, or bfloat16 where the processor multiplies that faster.

    Only matmuls use it (inputs and weights rounded, sums in float32); weights, gates, losses and the optimizer stay in
    float32, as in Micikevicius et al. (1710.03740). Held-out posts are scored, and replies generated, in float32 throughout.
    """
    if config.precision != "auto":
        return jnp.dtype(config.precision)
    try:
        is_faster = jax.default_backend() == "cpu" and CPU_FLAG in CPU_INFO.read_text().split()
    except OSError:  # the system does not say
        is_faster = False
    return jnp.bfloat16 if is_faster else jnp.float32


def requested_devices(config: TrainConfig) -> int:
    """How many devices a run requests on this host: `train.devices`, or the cores that this process may use."""
    if config.devices != "auto":
        return config.devices
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def num_devices(config: TrainConfig) -> int:
    """How many devices a run has on all its hosts, assumed to be alike."""
    return requested_devices(config) * config.hosts


def make_mesh(config: TrainConfig, streams: int) -> Mesh:
    """The mesh of a run whose batch has `streams` rows: as many devices as there are and as divide them evenly.

    Every host has the same number; `streams` is a multiple of the number of hosts.
    """
    most, hosts = _fewest_per_host(), jax.process_count()
    wanted = most if config.devices == "auto" else min(config.devices, most)
    return _mesh(max(number for number in range(1, wanted + 1) if streams % (number * hosts) == 0))


def full_mesh(rows: int) -> Mesh:
    """A mesh of all devices, or of as many as there are rows, but at least one of each host."""
    return _mesh(min(_fewest_per_host(), -(-rows // jax.process_count())))


def _mesh(count: int) -> Mesh:
    """The first `count` devices of each host, host by host."""
    hosts = [jax.local_devices(process_index=host)[:count] for host in range(jax.process_count())]
    return Mesh(np.asarray(hosts).ravel(), (AXIS,))


def _fewest_per_host() -> int:
    return min(len(jax.local_devices(process_index=host)) for host in range(jax.process_count()))
