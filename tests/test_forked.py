"""A forked program is what an executed one would be: each of these runs both ways and compares."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest

from tests.bot.retraining.test_child import gone, wait_until
from tests.forked import Helper, forking

IMPORTED = "import sys; imported = 'jax' in sys.modules\n"
ABOUT = """
import json, os, signal, sys
heeds = signal.getsignal(signal.SIGINT) is signal.default_int_handler
print("aside", file=sys.stderr)
print(json.dumps([sys.argv, sys.path[:2], os.getcwd(), sorted(os.environ.items()), heeds, sys.stdin.read(), __name__,
    os.getppid(), os.getpgrp() == os.getpid(), os.getsid(0) == os.getpid(), sys.stdout.line_buffering, sys.stderr.errors,
    sorted(int(fd) for fd in os.listdir("/proc/self/fd") if os.path.exists(f"/proc/self/fd/{fd}"))[:3]]))
"""


@pytest.fixture(params=["executed", "forked"])
def _either_way(request: pytest.FixtureRequest, fork_helper: Helper) -> Iterator[None]:
    with forking(fork_helper) if request.param == "forked" else nullcontext():
        yield


def forks(helper: Helper, words: list[str], **given: Any) -> bool:
    """Whether it was forked, by what it finds imported at its beginning."""
    with forking(helper):
        said: bytes = subprocess.check_output([sys.executable, *words], **given)
    return said == b"True\n"


def about(folder: Path, **given: Any) -> tuple[list[Any], str]:
    """What such a program says of itself, and of what it says aside."""
    environment = {**os.environ, "PYTHONPATH": "/nowhere", "WORD": "zwölf"}
    process = subprocess.Popen(
        [sys.executable, "-c", ABOUT, "an", "argument"], cwd=folder, env=environment, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **given,
    )  # fmt: skip
    out, err = process.communicate("typed")
    assert process.returncode == 0, err
    return json.loads(out), err


@pytest.mark.parametrize("given", [{}, {"process_group": 0}, {"start_new_session": True}])
def test_it_is_told_what_an_executed_one_is_told(tmp_path: Path, fork_helper: Helper, given: dict[str, Any]) -> None:
    executed, aside = about(tmp_path, **given)
    assert executed[:3] == [["-c", "an", "argument"], ["", "/nowhere"], str(tmp_path)]
    assert executed[7] == os.getpid()
    with forking(fork_helper):
        assert about(tmp_path, **given) == (executed, aside)


@pytest.mark.usefixtures("_either_way")
def test_it_ends_as_an_executed_one_ends() -> None:
    for code, status in [("raise SystemExit(3)", 3), ("1 / 0", 1), ("import os; os.abort()", -signal.SIGABRT), ("", 0)]:
        ended = subprocess.run([sys.executable, "-c", code], check=False, capture_output=True, text=True)
        assert ended.returncode == status
        assert ("ZeroDivisionError" in ended.stderr) == (status == 1)
    at_exit = "import atexit, threading; atexit.register(print, 'last')\nthreading.Timer(0.1, print, ['then']).start()"
    assert subprocess.check_output([sys.executable, "-c", at_exit]) == b"then\nlast\n"


@pytest.mark.usefixtures("_either_way")
@pytest.mark.parametrize(("number", "status"), [(signal.SIGKILL, -9), (signal.SIGTERM, -15), (signal.SIGINT, -2)])
def test_signals_reach_it(number: signal.Signals, status: int) -> None:
    async def scenario() -> int:
        minds = "import signal, time; signal.signal(signal.SIGINT, signal.default_int_handler)"  # nohup has it ignored
        code = f"{minds}; print('here', flush=True); time.sleep(600)"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        assert process.stdout
        await process.stdout.readline()
        process.send_signal(number)
        return await process.wait()

    assert asyncio.run(scenario()) == status


@pytest.mark.usefixtures("_either_way")
def test_a_module_is_run_as_main_with_its_folder_first(tmp_path: Path) -> None:
    (tmp_path / "told.py").write_text("import sys; print(__name__, sys.argv[1:], sys.path[0], __file__)")
    found = subprocess.check_output([sys.executable, "-m", "told", "x"], cwd=tmp_path, text=True)
    assert found == f"__main__ ['x'] {tmp_path} {tmp_path}/told.py\n"


@pytest.mark.filterwarnings(
    "ignore:os.fork:RuntimeWarning"
)  # JAX minds the fork for `preexec_fn`, where it was started
def test_what_cannot_be_forked_is_executed(fork_helper: Helper) -> None:
    code = f"{IMPORTED}print(imported)"
    assert forks(fork_helper, ["-c", code])
    assert not forks(fork_helper, ["-W", "error", "-c", code])
    assert not forks(fork_helper, ["-c", code], env=os.environ | {"JAX_PLATFORMS": "other"})
    assert not forks(fork_helper, ["-c", code], env=os.environ | {"PYTHONHASHSEED": "1"})
    assert not forks(fork_helper, ["-c", code], preexec_fn=os.getpid)
    with forking(fork_helper), pytest.raises(FileNotFoundError):
        subprocess.Popen([sys.executable, "-c", code], cwd="/nowhere")
    assert not Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()[1:]  # the helper alone


def test_it_has_the_devices_that_its_environment_says(fork_helper: Helper) -> None:
    code = f"{IMPORTED}import jax; print(imported and len(jax.devices()) == 2)"
    assert forks(fork_helper, ["-c", code], env=os.environ | {"JAX_NUM_CPU_DEVICES": "2"})


def test_what_serves_forks_what_it_starts_and_ends_with_its_helper(fork_helper: Helper) -> None:
    code = (
        f"import os, subprocess, sys; words = [sys.executable, '-P', '-c', {IMPORTED + 'print(imported)'!r}]\n"
        "print(subprocess.check_output(words).decode(), end='', flush=True)\n"
        "print(open(f'/proc/self/task/{os.getpid()}/children').read(), flush=True); sys.stdin.read()"
    )
    with forking(fork_helper), subprocess.Popen(
        [sys.executable, "-c", code, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:  # fmt: skip
        assert process.stdout
        assert process.stdout.readline() == "True\n"
        (helper,) = process.stdout.readline().split()
        process.kill()
    wait_until(lambda: gone(int(helper)))
