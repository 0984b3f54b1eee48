"""Training on several hosts: joining, agreeing on each dispatch, and what only host 0 does. Knows no network and no posts.

Every host runs the same program over the same text and holds its share of each batch. Host 0's clock and files count; the
others work in a temporary folder. A single host communicates with nobody and pays nothing.
"""

import atexit
import hashlib
import io
import json
import logging
import os
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jax.experimental import multihost_utils

from model.config import ModelConfig
from model.errors import DannError
from training.config.tables import Settings, TrainConfig
from training.data.dataset import Dataset
from training.loop import rendezvous
from training.loop.clock import DISPATCH_STEPS

S = TypeVar("S", bound=Settings)
HEARTBEAT_SECONDS = 60
"""A host that is silent for so long counts as lost, and the others end too."""
SHUTDOWN_SECONDS = 24 * 60 * 60
"""How long a finished host waits for the others: host 0 may have much to score. A lost one is noticed all the same."""
LINGER_SECONDS = 3.0
"""Host 0 exits so much later after a failure: its end ends the others, which may still have an error to print."""
HOST_SETTINGS = {"host", "coordinator", "minutes", "save_seconds"}
"""Settings in which hosts may differ; host 0's last two count for all."""
HOST_LOST = "another host is gone, see its output; `dann train --resume` on every host goes on from the last save"


def is_first() -> bool:
    """Whether this is the only host or host 0, whose files and output count."""
    return jax.process_index() == 0


@contextmanager
def join_hosts(settings: S) -> Iterator[S]:
    """Join `train.hosts` hosts; yields the settings to use, which on all but host 0 have a temporary data folder.

    Call devices.prepare first, and nothing else of JAX. Raises DannError if a host is missing, refused, or lost.
    """
    if settings.train.hosts == 1:
        yield settings
        return
    rendezvous.rendezvous(settings.train)
    failing = [True]
    with _standard_output_on_error(), tempfile.TemporaryDirectory(prefix="dann-host-") as folder:
        _start(settings.train, failing)
        if not is_first():
            logging.getLogger("dann").warning(
                "this is host %d of %d; host 0 shows the progress", settings.train.host, settings.train.hosts
            )
        try:
            # The first one times out after half a minute, later ones do not.
            multihost_utils.sync_global_devices("joined")
            data = settings.data.model_copy(update={"dir": Path(folder)})
            yield settings if is_first() else settings.model_copy(update={"data": data})
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if "Gloo" in str(error):
                raise DannError(HOST_LOST) from error
            raise
        failing.clear()


def _start(train: TrainConfig, failing: list[bool]) -> None:
    """Start jax.distributed; a process that exits while `failing` is not empty does not wait for the others."""

    def leave() -> None:
        if failing:
            time.sleep(LINGER_SECONDS if train.host == 0 else 0.0)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)  # JAX would wait for the others, and they for this host

    atexit.register(leave)
    jax.config.update("jax_enable_preemption_service", False)  # interruptible() hears SIGTERM
    jax.distributed.initialize(
        train.coordinator,
        train.hosts,
        train.host,
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        shutdown_timeout_seconds=SHUTDOWN_SECONDS,
    )


@contextmanager
def _standard_output_on_error() -> Iterator[None]:
    """Send standard output to standard error: Gloo prints a line at each connection, and stdout is for the result."""
    sys.stdout.flush()
    stdout = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(stdout, 1)
        os.close(stdout)


def agree(ahead: np.ndarray, stop: bool, save: bool) -> tuple[np.ndarray, bool, bool]:
    """Host 0's `ahead[n]`, n at most DISPATCH_STEPS, bit by bit; and whether any host is to stop or to save."""
    if jax.process_count() == 1:
        return ahead, stop, save
    message = np.array([ahead.size, stop, save, *np.pad(ahead, (0, DISPATCH_STEPS - ahead.size))], np.float64)
    # As whole numbers: JAX would round a float64.
    all_hosts = np.asarray(multihost_utils.process_allgather(message.view(np.uint32))).view(np.float64)
    first, any_stops, any_saves = all_hosts[0], all_hosts[:, 1].any(), all_hosts[:, 2].any()
    return first[3 : 3 + int(first[0])], bool(any_stops), bool(any_saves)


def gather_whole(tree: Any) -> Any:
    """`tree` with every array readable on this host: those split over hosts are gathered."""
    return jax.tree.map(_whole, tree)


def _whole(array: Any) -> Any:
    here = array.is_fully_addressable or array.is_fully_replicated
    return array if here else multihost_utils.process_allgather(array, tiled=True)


def check_same(shape: ModelConfig, config: TrainConfig, dataset: Dataset) -> None:
    """Raise DannError, on every host, unless all have the same network, settings and text."""
    if jax.process_count() == 1:
        return
    settings = json.dumps([shape.model_dump(mode="json"), config.model_dump(mode="json", exclude=HOST_SETTINGS)])
    setup, text = hashlib.sha256(settings.encode()), hashlib.sha256()
    for array in (dataset.train.tokens, dataset.train.weights, dataset.quick.tokens, dataset.val.tokens):
        text.update(np.ascontiguousarray(array).tobytes())
    digests = np.frombuffer(text.digest() + setup.digest(), np.uint32).reshape(2, -1)
    all_hosts = np.asarray(multihost_utils.process_allgather(digests))
    for number, what in enumerate(("posts or text", "settings or network")):
        others = [host for host, digest in enumerate(all_hosts[:, number]) if (digest != all_hosts[0, number]).any()]
        if others:
            raise DannError(
                f"host {', '.join(map(str, others))} has other {what} than host 0; give every host the same and start again"
            )


def copy_from_first_host(runs: Path, find: Callable[[Path], Path]) -> Path:
    """The folder that `find(runs)` returns on host 0, copied into `runs` on the other hosts."""
    if jax.process_count() == 1:
        return find(runs)
    packed = io.BytesIO()
    if is_first():
        folder = find(runs)
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, f"{folder.name}/{file.name}")
    with zipfile.ZipFile(io.BytesIO(_broadcast(packed.getvalue()))) as archive:
        name = archive.namelist()[0].split("/")[0]
        if not is_first():
            archive.extractall(runs)
    return runs / name


def _broadcast(data: bytes) -> bytes:
    """Send host 0's `data` to every host."""
    size = int(multihost_utils.broadcast_one_to_all(np.uint32(len(data))))
    buffer = np.zeros(size, np.uint8)
    if is_first():
        buffer[:] = np.frombuffer(data, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(buffer)).tobytes()
