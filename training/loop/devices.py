"""What a run computes on: one XLA device a core, or the GPUs there are. Knows no network and no data.

A processor's cores work fastest as devices of their own, each with its share of the batch: then they meet once a step,
to add up their gradients, and not within every product (measured: CHANGELOG.md and `make bench`). The number of devices
holds for a whole process and from its start, which is why training has a process of its own.
"""

import os

import jax
import numpy as np
from jax.sharding import Mesh

from training.config.tables import TrainConfig
from training.loop.allocator import keep_freed_memory

AXIS = "batch"
"""The mesh's one axis, over the devices of every host: each has a part of the batch and all of the weights."""


def prepare(config: TrainConfig) -> None:
    """Ask for as many CPU devices as the run will use here; once JAX has started, it changes nothing."""
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


def requested_devices(config: TrainConfig) -> int:
    """How many devices a run asks for on this host: the cores that this process may use, or as many as the settings say."""
    if config.devices != "auto":
        return config.devices
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def num_devices(config: TrainConfig) -> int:
    """How many devices a run has on all its hosts, taken to be alike."""
    return requested_devices(config) * config.hosts


def make_mesh(config: TrainConfig, streams: int) -> Mesh:
    """The devices of a run whose batch has so many `streams`: as many as there are and as divide it evenly.

    Every host takes part with the same number; `streams` is a multiple of the number of hosts.
    """
    most, hosts = _fewest_of_a_host(), jax.process_count()
    wanted = most if config.devices == "auto" else min(config.devices, most)
    return _mesh(max(number for number in range(1, wanted + 1) if streams % (number * hosts) == 0))


def full_mesh(rows: int) -> Mesh:
    """All the devices there are, or as many as have a row each, but one of each host at least."""
    return _mesh(min(_fewest_of_a_host(), -(-rows // jax.process_count())))


def _mesh(count: int) -> Mesh:
    """The first `count` devices of each host, host by host."""
    hosts = [jax.local_devices(process_index=host)[:count] for host in range(jax.process_count())]
    return Mesh(np.asarray(hosts).ravel(), (AXIS,))


def _fewest_of_a_host() -> int:
    return min(len(jax.local_devices(process_index=host)) for host in range(jax.process_count()))
