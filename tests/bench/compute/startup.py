"""How long a training process takes until its first step is done, with nothing cached and with JAX's compilation cache.

And the whole of `dann train` with a single step, on the made-up person of the demo: reading posts, the tokenizer, PPMd,
the first step, an evaluation, the checkpoint.
"""

import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tests.bench.compute.training_speed import ROWS
from tests.bench.report import Report, cores, spread, table
from tests.bench.rounds.children import ROOT, Child, Quartiles
from tests.bench.rounds.job import Job, Shape
from training.demo_persona import NAME, write_export

TIMES = 3
EXCHANGES = 1000


def run(quick: bool) -> Report:
    """Every shape of the training table, and the command."""
    times = 1 if quick else TIMES
    rows = [start(shape, times) for shape in (ROWS[:1] if quick else ROWS)]
    command = command_seconds(times)
    heads = [
        "seconds from nothing to the first step",
        "start",
        "first step",
        "together, nothing cached",
        "with a cache",
    ]
    parts = ("start", "first_step", "cold", "cached")
    lines = [[str(Shape(**row["shape"])), *(spread(row[part], ".1f") for part in parts)] for row in rows]
    lines.append(["`dann train`, 1 step", "–", "–", *(spread(command[part], ".1f") for part in ("cold", "cached"))])
    return Report(table(heads, lines), {"steps": rows, "command": command})


def start(shape: Shape, times: int) -> dict[str, Any]:
    """Our own contender, started `times` times without and then with a cache that an earlier start has filled."""
    cold = [started(shape, environment("")) for _ in range(times)]
    with tempfile.TemporaryDirectory() as folder:
        started(shape, environment(folder))
        cached = [started(shape, environment(folder)) for _ in range(times)]
    return {
        "shape": asdict(shape),
        "start": Quartiles.of([begin for begin, _ in cold]),
        "first_step": Quartiles.of([step for _, step in cold]),
        "cold": Quartiles.of([sum(both) for both in cold]),
        "cached": Quartiles.of([sum(both) for both in cached]),
    }


def started(shape: Shape, environment: dict[str, str]) -> tuple[float, float]:
    """Seconds until a new process is ready, and those of its first step."""
    with Child("ours", Job(shape, cores()), environment) as child:
        return child.start_seconds, child.steps(1)["seconds"]


def command_seconds(times: int) -> dict[str, Quartiles]:
    """The command, in a new process each time."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder, "export.jsonl")
        with export.open("w", encoding="utf-8") as file:
            write_export(file, EXCHANGES, seed=1)
        data = f"data.dir={folder}/data"
        dann("import", str(export), "--me", NAME, "--set", data, environment=environment(""))
        from_scratch = ("--set", "train.base=off")  # as versions without a base do
        training = ("train", "--set", data, "--set", "train.steps=1", *from_scratch)
        cold = [dann(*training, environment=environment("")) for _ in range(times)]
        cache = environment(f"{folder}/cache")
        dann(*training, environment=cache)
        return {"cold": Quartiles.of(cold), "cached": Quartiles.of([dann(*training, environment=cache) for _ in cold])}


def dann(*arguments: str, environment: dict[str, str]) -> float:
    """Run one of training's commands; returns its seconds. Its output is shown only where it fails."""
    began = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-m", "training", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr[-2000:]}")
    return time.perf_counter() - began


def environment(cache: str) -> dict[str, str]:
    """This process's environment, with JAX's compilation cache in that folder, or without any."""
    return os.environ | {
        "JAX_ENABLE_COMPILATION_CACHE": "true" if cache else "false",
        "JAX_COMPILATION_CACHE_DIR": cache,
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES": "-1",
    }
