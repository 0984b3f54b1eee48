"""The parent's side of the contenders: start them, let one work while the others wait, and keep what each round took."""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from tests.bench.other_load import ticks
from tests.bench.rounds.job import Job

ROOT = Path(__file__).parents[3]
ALONE = {"JAX_ENABLE_COMPILATION_CACHE": "false", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}
"""Nothing that an earlier process compiled; and on a GPU memory is left for the others."""
ENVIRONMENTS = {
    "pytorch_tuned": {
        "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:glibc.malloc.mmap_threshold=4294967296:"
        "glibc.malloc.trim_threshold=4294967296"
    }
}
"""What a contender is given besides."""
PAUSE = 0.1
"""Seconds between turns: a library's threads spin for a while after their last work (OpenBLAS's for about 30 ms)."""


class ContenderError(Exception):
    """A contender's process ended by itself; the message holds the end of what it said."""


class Child:
    """A contender in its own process, waiting unless it is asked for something."""

    def __init__(self, name: str, job: Job, environment: dict[str, str] | None = None) -> None:
        self.name, self.job = name, job
        self._said = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (closed with the process)
        self._began = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.bench.rounds.child", name, json.dumps(job.to_json())],
            cwd=ROOT,
            env=environment or os.environ | ALONE | ENVIRONMENTS.get(name, {}),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )
        try:
            self._take_answer()
        except BaseException:
            self.end()
            raise
        self.start_seconds = time.perf_counter() - self._began
        self.idle_cpu = self.idle_wall = 0.0

    def _take_answer(self) -> dict[str, Any]:
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            self._process.wait()
            self._said.seek(0)
            raise ContenderError(f"{self.name} ended by itself:\n{self._said.read()[-2000:]}")
        answer: dict[str, Any] = json.loads(line)
        self._answered = time.perf_counter()
        self.flops: float = answer["flops"]
        self.facts: dict[str, str] = answer["facts"]
        self.peak_mb: float = answer["peak_mb"]
        return answer

    def _ask(self, **order: Any) -> dict[str, Any]:
        assert self._process.stdin
        waited = time.perf_counter() - self._answered
        try:
            self._process.stdin.write(json.dumps(order) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # it has ended: reading says how
        answer = self._take_answer()
        self.idle_cpu += answer["idle_cpu"]
        self.idle_wall += waited
        return answer

    def take(self, job: Job) -> None:
        """Go on with another job on the same cores; what the process has imported it need not import again."""
        assert job.cores == self.job.cores
        self.job = job
        self._ask(do="take", job=job.to_json())

    def first_step(self) -> float:
        """Take the first step, which compiles, and one more; returns the first one's seconds.

        `first_peak_mb` is the memory up to here: choosing what is fastest, later, takes memory of its own.
        """
        seconds: float = self.steps(1)["seconds"]
        self.step_seconds: float = self.steps(1)["seconds"]
        self.first_peak_mb = self.peak_mb
        return seconds

    def tune(self) -> None:
        """Let it choose what is fastest here, and find out how long a step takes."""
        self._ask(do="tune")
        self.step_seconds = self.steps(1)["seconds"]

    def steps(self, count: int, warm: int = 0) -> dict[str, Any]:
        """Take `warm` steps and then `count` timed ones: `seconds`, and the last one's `loss` and `norm`."""
        return self._ask(do="steps", count=count, warm=warm)

    def turn(self, seconds: float) -> float:
        """Work for about so long after one step to warm up; returns the seconds a step took."""
        count = max(1, round(seconds / self.step_seconds))
        self.step_seconds = self.steps(count, warm=1)["seconds"] / count
        return self.step_seconds

    @property
    def idle_share(self) -> float:
        """How much of a core it used while it should have waited."""
        return self.idle_cpu / self.idle_wall if self.idle_wall else 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def end(self) -> None:
        """Stop the process, wherever it is."""
        self._process.kill()
        self._process.communicate()
        self._said.close()


@contextmanager
def started(jobs: Sequence[tuple[str, Job]]) -> Iterator[list[Child]]:
    """Contenders, one a name and job, started one after the other so that none disturbs another's start."""
    with ExitStack() as stack:
        yield [stack.enter_context(Child(name, job)) for name, job in jobs]


def prepare(children: Sequence[Child]) -> list[float]:
    """Compile and tune everybody; returns the seconds of each one's first step."""
    seconds = []
    for child in children:
        seconds.append(child.first_step())
        child.tune()
    return seconds


@dataclass(frozen=True)
class Quartiles:
    """A median with the quartiles around it."""

    low: float
    middle: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Self:
        """Of at least one value."""
        if len(values) == 1:
            return cls(values[0], values[0], values[0])
        return cls(*statistics.quantiles(values, n=4, method="inclusive"))


@dataclass
class Rounds:
    """Seconds a step took, a contender and round: `seconds[contender][round]`.

    `others` is the share of all cores at work while everybody waited, which is strangers' work; 0 where it is not known.
    """

    children: Sequence[Child]
    seconds: list[list[float]] = field(default_factory=list)
    others: float = 0.0

    def rate(self, number: int, amount: float) -> Quartiles:
        """`amount` of something a step, as so much a second."""
        return Quartiles.of([amount / seconds for seconds in self.seconds[number]])

    def ratio(self, number: int, other: int, work: float = 1.0) -> Quartiles:
        """How many times as fast as another a contender was, round by round; `work` where a step of its is more."""
        pairs = zip(self.seconds[number], self.seconds[other], strict=True)
        return Quartiles.of([work * theirs / own for own, theirs in pairs])


def alternate(children: Sequence[Child], turn: float, budget: float, least: int) -> Rounds:
    """Let every contender work about `turn` seconds, in turn, round after round, until `budget` seconds are over.

    There are `least` rounds at any rate. Each round begins with another contender, so that nobody always follows the same.
    """
    rounds = Rounds(children, [[] for _ in children])
    began, done = time.perf_counter(), 0
    busy = elapsed = 0
    while done < least or time.perf_counter() - began < budget:
        for place in range(len(children)):
            number = (place + done) % len(children)
            time.sleep(PAUSE / 2)  # by now the last one's threads have stopped spinning
            before = ticks()
            time.sleep(PAUSE / 2)
            busy, elapsed = (
                sum_ + now - then for sum_, now, then in zip((busy, elapsed), ticks(), before, strict=True)
            )
            rounds.seconds[number].append(children[number].turn(turn))
        done += 1
    rounds.others = busy / elapsed if elapsed else 0.0
    return rounds
