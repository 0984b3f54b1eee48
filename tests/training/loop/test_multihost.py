"""Two hosts, each a process with one device, on loopback, train as one process with two devices does."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from model.checkpoints import checkpoint
from model.errors import DannError
from tests.training.loop.test_devices import WHOLE, after
from tests.training.loop.test_rendezvous import free_port
from tests.training.small_runs import SMALL, demo
from training.config.load import load_settings
from training.config.tables import Settings
from training.loop import multihost
from training.store.posts import open_store

pytestmark = pytest.mark.usefixtures("forked")

STEPS_AND_TROUBLE = """
import os, signal, sys
import jax, numpy as np
from model.config import ModelConfig
from model.errors import DannError
from training.loop import devices, multihost
from training.config.tables import Settings, TrainConfig
from training.data.dataset import Dataset, HeldOut, TokenStream
train = TrainConfig(hosts=2, host=int(sys.argv[1]), coordinator=sys.argv[2], devices=1)

def compared(shape, seed, first_token):
    held_out = HeldOut(np.zeros((1, 8), np.int32), np.ones((1, 8), np.float32), 8)
    tokens = np.array([first_token, 5, 6, 7], np.int32)
    dataset = Dataset(TokenStream(tokens, np.ones(4, np.float32)), held_out, held_out)
    try:
        multihost.check_same(shape, train.model_copy(update={"seed": seed, "minutes": 1.0 + train.host}), dataset)
        print("same", file=sys.stderr)
    except DannError as error:
        print(error, file=sys.stderr)

devices.prepare(train)
try:
    with multihost.join_hosts(Settings(train=train)):
        from tests.training.loop.test_devices import WHOLE, after
        state, rows, _ = after(1, **WHOLE)
        np.savez(sys.argv[3], *jax.tree.leaves(state), rows=rows)
        shape = ModelConfig(vocab_size=300)
        compared(shape, 1, 4)
        compared(shape, 1, 4 + train.host)
        compared(shape, 1 + train.host, 4)
        compared(ModelConfig(vocab_size=300 + train.host), 1, 4)
        if train.host:
            os.kill(os.getpid(), signal.SIGKILL)
        multihost.agree(np.zeros(1), stop=False, save=False)
except DannError as error:
    print(error, file=sys.stderr)
"""
TRAIN = "import sys; from bot.cli import main; sys.exit(main())"


def environment() -> dict[str, str]:
    """Environment of a host: one device, whatever this process has."""
    return {name: value for name, value in os.environ.items() if name != "JAX_NUM_CPU_DEVICES"}


@contextmanager
def pair(commands: list[list[str]]) -> Iterator[list[subprocess.Popen[str]]]:
    """Both hosts, started; none outlives the block."""
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    children = [subprocess.Popen([sys.executable, "-c", *command], env=environment(), **pipes) for command in commands]
    try:
        yield children
    finally:
        for child in children:
            child.kill()
            child.communicate()


def results(children: list[subprocess.Popen[str]]) -> list[tuple[int, str, str]]:
    """(exit code, standard output, standard error) of each."""
    outputs = [child.communicate(timeout=120) for child in children]
    return [(child.returncode, out, err) for child, (out, err) in zip(children, outputs, strict=True)]


def training(root: Path, *more: str) -> list[list[str]]:
    """`dann train --json` on two hosts, each with a data folder of its own."""
    where = f"--set=train.coordinator=127.0.0.1:{free_port()}"
    small = [
        f"--set={t}.{k}={v}" for t, table in SMALL.items() for k, v in table.items() if k not in {"steps", "devices"}
    ]
    own = [[f"--set=data.dir={root / str(host)}", f"--set=train.host={host}"] for host in (0, 1)]
    both = [where, "--set=train.hosts=2", "--set=train.devices=1", "train", "--json", *more]
    return [[TRAIN, *small, *sets, *both] for sets in own]


def fill(root: Path) -> None:
    for host in ("0", "1"):
        (root / host).mkdir()
        with open_store(f"sqlite:///{root / host / 'posts.db'}") as store, store.writing() as writer:
            writer.add(demo(60))


def wait_until_saved(root: Path, children: list[subprocess.Popen[str]]) -> None:
    """Wait until host 0 has saved what resuming needs."""
    deadline = time.monotonic() + 120
    while not list((root / "0" / "runs").glob("*/resume.safetensors")):
        assert all(child.poll() is None for child in children), results(children)
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.slow
def test_two_hosts_take_the_steps_of_one_with_two_devices_and_trouble_ends_both(tmp_path: Path) -> None:
    """After the steps other text or settings are refused on both, and a host that dies ends the other."""
    where = f"127.0.0.1:{free_port()}"
    files = [tmp_path / f"{host}.npz" for host in (0, 1)]
    with pair([[STEPS_AND_TROUBLE, str(host), where, str(file)] for host, file in enumerate(files)]) as children:
        outcomes = results(children)
    assert [(code, out) for code, out, _ in outcomes] == [(1, ""), (-signal.SIGKILL, "")], outcomes
    text, settings = (f"host 1 has other {what} than host 0" for what in ("posts or text", "settings or network"))
    for _, _, err in outcomes:
        lines = [line.split(";")[0] for line in err.splitlines() if line.startswith(("same", "host 1", "another"))]
        assert lines[:4] == ["same", text, settings, settings], err
    assert lines[4:] == []
    assert outcomes[0][2].splitlines()[-1] == multihost.HOST_LOST
    state, rows, _ = after(2, **WHOLE)
    for file in files:
        with np.load(file) as found:
            np.testing.assert_allclose(found["rows"], rows, rtol=2e-5)
            for number, leaf in enumerate(jax.tree.leaves(state)):
                np.testing.assert_allclose(found[f"arr_{number}"], leaf, atol=2e-4)


@pytest.mark.slow
def test_ctrl_c_on_any_host_stops_all_and_a_resumed_run_ends_by_the_clock_on_both(tmp_path: Path) -> None:
    fill(tmp_path)
    with pair(training(tmp_path, "--quiet", "--minutes=5", "--set=train.save_seconds=0.2")) as children:
        wait_until_saved(tmp_path, children)
        children[1].send_signal(signal.SIGINT)
        (code, out, err), other = results(children)
    assert (code, other[:2]) == (0, (0, "")), err + other[2]
    stopped = json.loads(out)
    minutes = stopped["seconds"] / 60 + 0.06
    with pair(training(tmp_path, "--resume", f"--minutes={minutes}")) as children:
        (code, out, err), other = results(children)
    assert (code, other[:2]) == (0, (0, "")), err + other[2]
    assert "resuming run" in err
    assert "this is host 1 of 2" in other[2]
    assert "bits per byte" not in other[2]
    done = json.loads(out)
    assert done["steps"] >= stopped["steps"]
    assert checkpoint.load(tmp_path / "0" / "checkpoints").id == done["checkpoint"]
    both = [path.parent.name for path in (tmp_path / "0" / "checkpoints").glob("*/meta.json")]
    assert sorted(both) == sorted([stopped["checkpoint"], done["checkpoint"]])
    assert not list((tmp_path / "0" / "runs").glob("*/resume.safetensors"))
    assert [path.name for path in (tmp_path / "1").iterdir()] == ["posts.db"]


@pytest.mark.parametrize(
    ("sets", "said"),
    [
        (["train.hosts=2", "train.host=2", "train.coordinator=a:1"], "host must be below hosts, from 0 to 1: it is 2"),
        (["train.host=1"], "host must be below hosts, from 0 to 0: it is 1"),
        (["train.hosts=2"], 'coordinator must be "address:port" of host 0'),
        (["train.hosts=2", "train.coordinator=10.0.0.1"], 'coordinator must be "address:port" of host 0'),
        (["train.hosts=3", "train.coordinator=a:1"], "make it a multiple of 3"),
    ],
)
def test_settings_that_cannot_be_are_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sets: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DannError, match=said) as caught:
        load_settings(Settings, None, sets)
    assert "\n" not in str(caught.value)


def test_a_single_host_communicates_with_nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError

    for name in ("process_allgather", "broadcast_one_to_all", "sync_global_devices"):
        monkeypatch.setattr(f"jax.experimental.multihost_utils.{name}", refuse)
    ahead = np.linspace(0.1, 0.3, 3)
    assert multihost.agree(ahead, stop=False, save=True) == (ahead, False, True)
    assert multihost.copy_from_first_host(tmp_path, lambda runs: runs / "newest") == tmp_path / "newest"
    with multihost.join_hosts(Settings()) as settings:
        assert settings == Settings()
    assert multihost.is_first()
