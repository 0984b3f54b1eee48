"""`dann base train` killed with signal 9: `--resume` ends with the base that it would have become."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from tests.training.base.chats import small_base, write_chats
from tests.whole import WHOLE

MOMENTS = 10
STEPS = 600
NOTHING_TO_RESUME = b"no unfinished run to resume"


def start(folder: Path, *words: str) -> subprocess.Popen[bytes]:
    options = small_base(f"data.dir={folder}", f"train.steps={STEPS}", "train.save_seconds=0.2")
    command = [sys.executable, "-m", "training", "base", "train", *words, *options]
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True)


def finish(folder: Path, *words: str) -> bytes:
    with start(folder, *words) as process:
        _, err = process.communicate()
    assert process.returncode == 0 or NOTHING_TO_RESUME in err, err.decode()
    return err


def weights(folder: Path) -> dict[str, np.ndarray]:
    return load_file(folder / "bases" / "one" / "weights.safetensors")


@pytest.mark.skipif(not WHOLE, reason="ten processes; test_base_run.py ends one from within")
def test_killed_at_ten_moments_it_ends_with_the_same_base(tmp_path: Path) -> None:
    """From the imports to the measuring at the end: what was saved goes on, and where nothing was, nothing is in the way."""
    chats = str(write_chats(tmp_path / "chats.jsonl", channels=9, messages=400))
    finish(tmp_path / "warm", chats, "--name", "one")  # so that the next has its programs compiled, as all others have
    began = time.monotonic()
    finish(tmp_path / "whole", chats, "--name", "one")
    seconds = time.monotonic() - began
    resumed = 0
    for moment in range(MOMENTS):
        folder = tmp_path / str(moment)
        process = start(folder, chats, "--name", "one")
        time.sleep(seconds * (moment + 0.5) / MOMENTS)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
        if not (folder / "bases" / "one").exists():
            nothing = NOTHING_TO_RESUME in finish(folder, "--resume")
            resumed += not nothing
            if nothing:
                finish(folder, chats, "--name", "one")
        ours, theirs = weights(folder), weights(tmp_path / "whole")
        assert ours.keys() == theirs.keys()
        assert all(np.array_equal(ours[name], theirs[name]) for name in ours), f"killed at moment {moment}"
    assert resumed > 0
