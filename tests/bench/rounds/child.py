"""One contender in a process of its own: reads what to do from its input, a line each, and answers with seconds.

Every library settles threads, devices and flags once a process; in one process they would measure each other. Started
by children.py as `python -m tests.bench.rounds.child NAME JOB`.
"""

import json
import os
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.bench.contenders import contender_named
from tests.bench.rounds.job import Contender, Job


def main() -> None:
    began = time.perf_counter()
    name, job = sys.argv[1], Job.from_json(json.loads(sys.argv[2]))
    answers = os.fdopen(os.dup(1), "w", buffering=1, encoding="utf-8")
    os.dup2(2, 1)  # what a library prints must not look like an answer
    keep_to(job.cores)
    prepare: Callable[[Job], Contender] = contender_named(name).prepare
    contender = prepare(job)
    answer: dict[str, Any] = {"seconds": time.perf_counter() - began}
    while True:
        answer |= {"flops": contender.flops, "facts": contender.facts, "peak_mb": peak_mb()}
        used = time.process_time()
        answers.write(json.dumps(answer) + "\n")
        line = sys.stdin.readline()
        if not line:
            return
        idle, order = time.process_time() - used, json.loads(line)
        if order["do"] == "take":
            del contender
            contender = prepare(Job.from_json(order["job"]))
            answer = {"idle_cpu": idle}
        else:
            answer = act(contender, order) | {"idle_cpu": idle}


def act(contender: Contender, order: dict[str, Any]) -> dict[str, Any]:
    """Do what one line asks for, and time it."""
    if order["do"] == "tune":
        contender.tune()
        return {}
    if order["warm"]:
        contender.steps(order["warm"])
    began = time.perf_counter()
    loss, norm = contender.steps(order["count"])
    return {"seconds": time.perf_counter() - began, "loss": loss, "norm": norm}


def keep_to(cores: int) -> None:
    """Use the first so many of the cores this process may use, where the system lets one say so."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])


def peak_mb() -> float:
    """The most memory this process has held, in MB.

    Linux hands a parent's peak down to its children in ru_maxrss, so it is read from the process's own record there.
    """
    status = Path("/proc/self/status")
    if status.exists():
        (line,) = (line for line in status.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) / 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


if __name__ == "__main__":
    main()
