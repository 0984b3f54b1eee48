"""Several hosts train as one: who is there, what they agree on, and what only the first of them does.

Every host runs the same program over the same text and holds its share of each batch. Host 0's clock and files count; the
others work in a folder that vanishes with them. A single host asks nobody and pays nothing. Knows no network and no posts.
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
"""After so long without a sign of life a host is lost, and the others end too."""
FAREWELL_SECONDS = 24 * 60 * 60
"""How long a host that is done waits for the others: host 0 may have much to score. A lost one is noticed all the same."""
LINGER_SECONDS = 3.0
"""Host 0 leaves so much later after a failure: its end is the others' end, and they may have a line to say."""
OWN = {"host", "coordinator", "minutes", "save_seconds"}
"""Settings in which hosts may differ; of the last two, host 0's count."""
GONE = "another host is gone, see what it said; `dann train --resume` on every host goes on from the last save"


def is_first() -> bool:
    """Whether this is the host whose files and lines count: the only one, or host 0."""
    return jax.process_index() == 0


@contextmanager
def join_hosts(settings: S) -> Iterator[S]:
    """Be one of `train.hosts` hosts; yields the settings to work with: those given, or on all but host 0 a folder to lose.

    Call devices.prepare first, and nothing else of JAX. Raises DannError if a host is missing, refused, or lost.
    """
    if settings.train.hosts == 1:
        yield settings
        return
    rendezvous.rendezvous(settings.train)
    leaving = [True]
    with _standard_output_on_error(), tempfile.TemporaryDirectory(prefix="dann-host-") as folder:
        _start(settings.train, leaving)
        if not is_first():
            told = "this is host %d of %d; host 0 tells how it goes"
            logging.getLogger("dann").warning(told, settings.train.host, settings.train.hosts)
        try:
            multihost_utils.sync_global_devices(
                "joined"
            )  # the first meeting has half a minute; later ones have all day
            data = settings.data.model_copy(update={"dir": Path(folder)})
            yield settings if is_first() else settings.model_copy(update={"data": data})
        except (jax.errors.JaxRuntimeError, ValueError) as error:
            if "Gloo" in str(error):
                raise DannError(GONE) from error
            raise
        leaving.clear()


def _start(train: TrainConfig, failing: list[bool]) -> None:
    """Start jax.distributed; while `failing` holds something, the process ends without waiting for the others."""

    def leave() -> None:
        if failing:
            time.sleep(LINGER_SECONDS if train.host == 0 else 0.0)
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)  # JAX would wait for the others to be done, and they for this host

    atexit.register(leave)
    jax.config.update("jax_enable_preemption_service", False)  # interruptible() hears SIGTERM
    jax.distributed.initialize(
        train.coordinator,
        train.hosts,
        train.host,
        heartbeat_timeout_seconds=HEARTBEAT_SECONDS,
        shutdown_timeout_seconds=FAREWELL_SECONDS,
    )


@contextmanager
def _standard_output_on_error() -> Iterator[None]:
    """Gloo prints a line whenever hosts meet; standard output is for the result alone."""
    sys.stdout.flush()
    kept = os.dup(1)
    os.dup2(2, 1)
    try:
        yield
    finally:
        os.dup2(kept, 1)
        os.close(kept)


def agree(ahead: np.ndarray, stop: bool, save: bool) -> tuple[np.ndarray, bool, bool]:
    """Host 0's `ahead[n]`, n at most DISPATCH_STEPS, bit by bit; and whether any host is to stop, and to save."""
    if jax.process_count() == 1:
        return ahead, stop, save
    told = np.array([ahead.size, stop, save, *np.pad(ahead, (0, DISPATCH_STEPS - ahead.size))], np.float64)
    # As whole numbers: JAX would round a float64.
    everyone = np.asarray(multihost_utils.process_allgather(told.view(np.uint32))).view(np.float64)
    first, any_stops, any_saves = everyone[0], everyone[:, 1].any(), everyone[:, 2].any()
    return first[3 : 3 + int(first[0])], bool(any_stops), bool(any_saves)


def gather_whole(tree: Any) -> Any:
    """`tree` with every array readable here: what is dealt out over hosts is gathered."""
    return jax.tree.map(_whole, tree)


def _whole(array: Any) -> Any:
    here = array.is_fully_addressable or array.is_fully_replicated
    return array if here else multihost_utils.process_allgather(array, tiled=True)


def check_same(shape: ModelConfig, config: TrainConfig, dataset: Dataset) -> None:
    """Raise DannError, on every host, unless all have the same network, settings and text."""
    if jax.process_count() == 1:
        return
    told = json.dumps([shape.model_dump(mode="json"), config.model_dump(mode="json", exclude=OWN)])
    setup, text = hashlib.sha256(told.encode()), hashlib.sha256()
    for array in (dataset.train.tokens, dataset.train.weights, dataset.quick.tokens, dataset.val.tokens):
        text.update(np.ascontiguousarray(array).tobytes())
    digests = np.frombuffer(text.digest() + setup.digest(), np.uint32).reshape(2, -1)
    everyone = np.asarray(multihost_utils.process_allgather(digests))
    for number, what in enumerate(("posts or text", "settings or network")):
        others = [host for host, found in enumerate(everyone[:, number]) if (found != everyone[0, number]).any()]
        if others:
            raise DannError(
                f"host {', '.join(map(str, others))} has other {what} than host 0; give every host the same and start anew"
            )


def copy_from_first_host(runs: Path, find: Callable[[Path], Path]) -> Path:
    """The folder that `find(runs)` finds on host 0; the other hosts have it copied into their own `runs`."""
    if jax.process_count() == 1:
        return find(runs)
    packed = io.BytesIO()
    if is_first():
        folder = find(runs)
        with zipfile.ZipFile(packed, "w") as archive:
            for file in sorted(folder.iterdir()):
                archive.write(file, f"{folder.name}/{file.name}")
    with zipfile.ZipFile(io.BytesIO(_from_first(packed.getvalue()))) as archive:
        name = archive.namelist()[0].split("/")[0]
        if not is_first():
            archive.extractall(runs)
    return runs / name


def _from_first(data: bytes) -> bytes:
    """Host 0's `data`, on every host."""
    size = int(multihost_utils.broadcast_one_to_all(np.uint32(len(data))))
    room = np.zeros(size, np.uint8)
    if is_first():
        room[:] = np.frombuffer(data, np.uint8)
    return np.asarray(multihost_utils.broadcast_one_to_all(room)).tobytes()
