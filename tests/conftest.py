"""What all tests share: four CPU devices, as training on four cores has; compiled programs and times, kept between runs."""

import gc
import logging
import os
import shutil
import sys
import zlib
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from tests.forked import Helper, forking

COMPILED = Path(__file__).parents[1] / ".pytest_cache" / "dann-compiled"
"""One folder for all workers, the processes they start, and the next run. JAX's keys know versions, flags and devices."""
MOST_COMPILED = 1 << 30
"""Bytes of compiled programs above which a run begins with none; one run makes a fifth of it."""
LONGEST = "DANN_QUICK_LONGEST"
"""Environment variable by which tests/quick.py says of how many seconds a test may be."""
SECONDS = "dann/seconds"
"""What pytest's cache has of how long each test took, by name."""
SLOW_SECONDS, OTHER_SECONDS = 20.0, 0.5
"""What a test is taken to need that never ran here."""

os.environ.setdefault("DANN_TRAIN__BASE", "off")  # the base that ships: tests learn networks of their own, in seconds
os.environ.setdefault("DANN_TRAIN__CALIBRATION_REPLIES", "0")  # a thousand replies, where a test learns for a second
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ.setdefault("JAX_NUM_CPU_DEVICES", "4")
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(COMPILED))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0.05")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

# As JAX's own tests do: most of a test's time went into optimizing programs that run for milliseconds. Where bits or speed
# are what is tested, `optimized` compiles as in use.
os.environ.setdefault("JAX_DISABLE_MOST_OPTIMIZATIONS", "1")
# XLA's older emitters take half the time; and a program that is not split among threads is not put together again either.
os.environ.setdefault("XLA_FLAGS", "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1")

# A process that is killed, or only slow, leaves half a program for a moment or for good: it is compiled again.
# Here pyproject.toml says the same.
os.environ.setdefault("PYTHONWARNINGS", "ignore:Error reading persistent compilation cache entry")

# How long an example takes is the machine's affair: nothing here is timed.
hypothesis.settings.register_profile("dann", deadline=None)
hypothesis.settings.load_profile("dann")


@pytest.fixture(autouse=True)
def _logs_as_at_the_start() -> None:
    """A command with --quiet in an earlier test, or in a fixture, does not keep this test from seeing warnings."""
    logging.getLogger("dann").setLevel(logging.NOTSET)


@pytest.fixture(scope="module")
def optimized() -> Iterator[None]:
    """Compile this file's programs as they are compiled in use."""
    import jax
    from jax._src import compiler

    usual = compiler.get_compile_options

    def as_in_use(*given: Any, **more: Any) -> Any:
        options = usual(*given, **more)
        options.env_option_overrides = [*options.env_option_overrides, ("xla_cpu_use_fusion_emitters", "True")]
        return options

    def set_optimized(yes: bool) -> None:
        jax.config.update("jax_disable_most_optimizations", not yes)
        compiler.get_compile_options = as_in_use if yes else usual
        jax.clear_caches()  # neither programs nor what was found out about them outlive the change
        for cached in (_exact_methods, _programs, scoring._program, step._program):
            cached.cache_clear()

    from model.architectures.parts.batch_invariant import _exact_methods
    from model.engine.slots import _programs
    from training.loop import scoring, step

    set_optimized(True)
    yield
    set_optimized(False)


@pytest.fixture(scope="session")
def fork_helper() -> Iterator[Helper | None]:
    if sys.platform != "linux":  # others give no process another's children
        yield None
        return
    with Helper.start() as helper:
        yield helper


@pytest.fixture(scope="module")
def forked(fork_helper: Helper | None) -> Iterator[None]:
    """Fork this file's Python programs from a process that has imported their libraries."""
    with forking(fork_helper) if fork_helper else nullcontext():
        yield


class Times:
    """How long each test takes, for the next `make quick`."""

    def __init__(self, config: pytest.Config) -> None:
        self._config = config
        self._took: dict[str, float] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if not report.skipped:
            self._took[report.nodeid] = self._took.get(report.nodeid, 0.0) + report.duration

    def pytest_sessionfinish(self) -> None:
        if cache := getattr(self._config, "cache", None):
            took = {name: round(seconds, 1) for name, seconds in self._took.items()}
            cache.set(SECONDS, cache.get(SECONDS, {}) | took)


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):  # this process hands out the tests, or there is no other
        config.pluginmanager.register(Times(config))
        tidy(COMPILED)


def tidy(folder: Path, most: int = MOST_COMPILED) -> None:
    """Remove what has grown too large, and programs written since the last time that a kill cut short: JAX never would."""
    programs = {path: path.stat() for path in folder.glob("*-cache")}
    if sum(known.st_size for known in programs.values()) > most:
        shutil.rmtree(folder)
        return
    looked = folder / "looked"
    since = looked.stat().st_mtime if looked.exists() else 0.0
    for path in (path for path, known in programs.items() if known.st_mtime >= since and is_cut(path.read_bytes())):
        path.unlink()
    folder.mkdir(parents=True, exist_ok=True)
    looked.touch()


def is_cut(program: bytes) -> bool:
    """Whether it is the beginning of what zlib packs; JAX may also have packed it otherwise."""
    unpacking = zlib.decompressobj()
    try:
        unpacking.decompress(program)
    except zlib.error:
        return not program
    return not unpacking.eof


def pytest_xdist_auto_num_workers() -> int:
    """A worker more than cores: many tests wait, for processes, sockets and a browser. With two more, two cores were busy
    95 % of the time and it took no less of it: each collects, traces and compiles for itself."""
    return (os.cpu_count() or 1) + 1


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Put the longest files first, so that no worker is left with one of them in the end; `make quick` leaves tests out."""
    known = known_seconds(config)
    if longest := os.environ.get(LONGEST):
        config.hook.pytest_deselected(items=[item for item in items if expected(item, known) > float(longest)])
        items[:] = [item for item in items if expected(item, known) <= float(longest)]  # nearest first, as it was asked
        return
    seconds = dict.fromkeys((item.path for item in items), 0.0)
    for item in items:
        seconds[item.path] += expected(item, known)
    items.sort(key=lambda item: (-seconds[item.path], item.path))  # a file's own order stays


def pytest_collection_finish() -> None:
    """Start JAX, before a command that runs in this process asks for fewer devices, and then all tests had those.

    Take what was imported out of garbage collection: discord.py collects whenever a client closes, for 0.2 s each time.
    """
    if jax := sys.modules.get("jax"):
        jax.devices()
    gc.collect()
    gc.freeze()


def known_seconds(config: pytest.Config) -> dict[str, float]:
    cache = getattr(config, "cache", None)
    return cache.get(SECONDS, {}) if cache else {}


def expected(item: pytest.Item, known: dict[str, float]) -> float:
    return known.get(item.nodeid, SLOW_SECONDS if item.get_closest_marker("slow") else OTHER_SECONDS)
