"""Whatever a child does, it comes to an ending that says what happened, and nothing of it is left."""

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.platforms import settings_class
from bot.retraining.child import ChildLimits, RetrainChild, resident_bytes
from bot.retraining.event_lines import LONGEST_LINE, LineBuffer
from bot.retraining.supervisor import child_environment
from tests.forked import HELPER
from training.store.retrain_outcome import RetrainOutcome, RetrainProgress

ROOT = Path(__file__).parents[3]
FAKE = "tests.bot.retraining.fake_child"
LIMITS = ChildLimits(niceness=0, cores=0, seconds=120.0, memory_bytes=0)
LONG = 60.0
"""Seconds that nothing here takes, on however slow a machine."""


def child(
    behaviour: str, limits: ChildLimits = LIMITS, on_progress: Callable[[RetrainProgress], None] = lambda _: None
) -> RetrainChild:
    return RetrainChild([FAKE, behaviour], child_environment(settings_class()()), limits, on_progress)


def run(behaviour: str, limits: ChildLimits = LIMITS) -> tuple[RetrainOutcome, list[RetrainProgress]]:
    told: list[RetrainProgress] = []
    return asyncio.run(child(behaviour, limits, told.append).run()), told


def gone(pid: int) -> bool:
    """Whether a process has ended: a zombie that nobody looks at has."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] in {"Z", "X"}
    except OSError:
        return True


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LONG
    while not condition():
        assert time.monotonic() < until
        time.sleep(0.02)


def test_what_it_tells_is_heard_to_the_verdict() -> None:
    ending, told = run("well")
    assert told == [RetrainProgress("reading", 0.5), RetrainProgress("learning", 0.25, 2.5)]
    assert ending == RetrainOutcome("published", "", "two", "one", 2.25, 2.5, 1234, 7)


def test_a_crash_is_a_failure_with_its_traceback_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    ending, told = run("crash")
    assert (ending.verdict, ending.reason, len(told)) == ("failed", "it ended with code 1", 1)
    assert "RuntimeError: the child has lost the plot" in caplog.text
    assert "Traceback (most recent call last)" in caplog.text


def test_what_it_has_to_say_is_the_reason() -> None:
    assert run("unwilling")[0] == RetrainOutcome("failed", "no posts to learn from; import some")


def test_ending_without_a_verdict_is_a_failure() -> None:
    assert run("silent")[0] == RetrainOutcome("failed", "it ended without a verdict")


def test_a_signal_is_named() -> None:
    assert run("abort")[0] == RetrainOutcome("failed", "it was ended by SIGABRT")


def test_one_that_hangs_is_ended_when_its_time_is_over() -> None:
    limits = ChildLimits(niceness=0, cores=0, seconds=3.0, memory_bytes=0)
    assert run("deaf", limits)[0] == RetrainOutcome("failed", "it was not done after 0 minutes and was ended")


def test_one_that_eats_memory_is_ended() -> None:
    ending, _ = run("hungry", ChildLimits(niceness=0, cores=0, seconds=LONG, memory_bytes=200_000_000))
    assert ending.verdict == "failed"
    assert ending.reason.endswith("MB of memory and was ended: bot.schedule.memory_mb allows 200")


def test_nonsense_is_passed_over_and_told_of_once_without_its_words(caplog: pytest.LogCaptureFixture) -> None:
    ending, told = run("garbage")
    assert ending.verdict == "published"
    assert told[0] == RetrainProgress("learning", 1.0, None)
    assert [record.getMessage().count("passed over") for record in caplog.records] == [1]
    assert "lovely" not in caplog.text


def test_what_cannot_be_started_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    assert run("well")[0] == RetrainOutcome("failed", "it could not be started (No such file or directory)")


def test_whatever_it_started_ends_with_it() -> None:
    ending, _ = run("parent_of_another")
    assert ending.verdict == "skipped"
    wait_until(lambda: gone(int(ending.reason)))


@pytest.mark.parametrize(
    ("behaviour", "ending"),
    [
        ("hang", RetrainOutcome("failed", "dann was stopped meanwhile")),
        ("deaf", RetrainOutcome("failed", "dann was stopped meanwhile")),
        ("obedient", RetrainOutcome("failed", "asked to stop", run=7)),
    ],
)
def test_stopping_asks_first_and_insists_then(behaviour: str, ending: RetrainOutcome) -> None:
    async def scenario() -> RetrainOutcome:
        started = asyncio.Event()
        one = child(behaviour, on_progress=lambda _: started.set())
        await one.stop(0.0)  # there is none yet
        running = asyncio.create_task(one.run())
        await started.wait()
        await one.stop(0.5 if behaviour == "deaf" else LONG)
        return await running

    assert asyncio.run(scenario()) == ending


def test_cancelling_kills_it() -> None:
    async def scenario() -> int:
        started = asyncio.Event()
        running = asyncio.create_task(child("deaf", on_progress=lambda _: started.set()).run())
        await started.wait()
        (pid,) = children(os.getpid())
        running.cancel()
        await asyncio.wait({running})
        return pid

    assert gone(asyncio.run(scenario()))


def children(parent: int) -> list[int]:
    """The processes that this one has started and that live, but for the helper that forks them."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            name, _, more = stat.read_text().rpartition(")")
        except OSError:
            continue
        state, above = more.split()[:2]
        if int(above) == parent and state != "Z" and not name.endswith(f"({HELPER}"):
            found.append(int(stat.parent.name))
    return found


@pytest.mark.parametrize("behaviour", ["hang", "deaf"])
def test_it_does_not_outlive_a_parent_that_is_killed(behaviour: str) -> None:
    script = (
        "import asyncio\nfrom tests.bot.retraining.test_child import child\n"
        f"asyncio.run(child({behaviour!r}, on_progress=lambda _: print('begun', flush=True)).run())"
    )
    with subprocess.Popen([sys.executable, "-c", script], cwd=ROOT, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "begun\n"
        (pid,) = children(parent.pid)
        assert not gone(pid)
        parent.kill()
    wait_until(lambda: gone(pid))


def test_where_no_signal_comes_the_closing_pipe_ends_it() -> None:
    """Linux's signal is for its parent's death; here the parent lives on, as it would where there is no such signal."""
    command = [sys.executable, "-m", "bot.retraining.child_main", str(os.getpid()), "0", "", FAKE, "deaf"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        assert b"learning" in process.stdout.readline()
        process.stdin.close()
        assert process.wait(LONG) == -signal.SIGKILL


def test_one_whose_parent_died_before_it_was_on_its_leash_ends() -> None:
    command = [sys.executable, "-m", "bot.retraining.child_main", "1", "0", "", FAKE, "well"]
    done = subprocess.run(command, cwd=ROOT, stdin=subprocess.PIPE, capture_output=False, check=False, timeout=LONG)
    assert done.returncode == -signal.SIGKILL


def test_it_gives_way_keeps_to_its_cores_and_has_the_settings_of_its_parent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DISCORD_TOKEN", "a secret")
    monkeypatch.setenv("TELEGRAM_TOKEN", "a secret")
    monkeypatch.setenv("DANN_API_KEY", "a secret")
    monkeypatch.setenv("DANN_WEB_PASSWORD", "a secret")
    monkeypatch.setenv("DANN_TRAIN__MINUTES", "99")
    monkeypatch.setenv("dann_eval__samples", "99")
    tables = {"data": {"dir": "some where", "url": "sqlite:///x.db", "me": "sam"}, "train": {"minutes": 3.5}}
    settings = settings_class().model_validate({**tables, "eval": {"samples": 10}, "model": {"hidden_dim": 32}})
    begin = RetrainChild(
        [FAKE, "tells_of_itself", "and", "this"],
        child_environment(settings),
        ChildLimits(7, 1, LONG, 0),
        lambda _: None,
    )
    told = json.loads(asyncio.run(begin.run()).reason)
    assert (told["nice"], told["cores"], told["group"], told["oom"]) == (min(19, os.nice(0) + 7), 1, True, "1000")
    assert told["arguments"] == ["and", "this"]
    assert told["secrets"] == []
    assert told["settings"] == {
        name: table for name, table in settings.model_dump(mode="json").items() if name in told["settings"]
    }


def test_a_folder_called_training_where_dann_was_started_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "__init__.py").write_text("raise SystemExit('not this one')")
    monkeypatch.chdir(tmp_path)
    assert run("well")[0].verdict == "published"


def test_only_its_last_lines_are_logged(caplog: pytest.LogCaptureFixture) -> None:
    assert run("talks_and_fails")[0] == RetrainOutcome("failed", "it ended with code 3")
    assert "line 999" in caplog.text
    assert "line 900\n" not in caplog.text


def test_lines_come_whole_however_they_were_cut() -> None:
    taken: list[bytes] = []
    lines = LineBuffer(taken.append)
    long = b"y" * (3 * LONGEST_LINE)
    for byte in b"one\ntwo\n\n":
        lines.feed(bytes([byte]))
    for start in range(0, len(long), 50_000):
        lines.feed(long[start : start + 50_000])
    lines.feed(b"\nthree\nfour")
    lines.end()
    lines.end()
    assert [line[:5] for line in taken] == [b"one", b"two", b"", b"yyyyy", b"three", b"four"]
    assert all(len(line) <= LONGEST_LINE for line in taken)


def test_memory_of_a_process_that_is_gone_is_none() -> None:
    assert resident_bytes(os.getpid()) > 10_000_000
    assert resident_bytes(2**22 + 1) == 0
