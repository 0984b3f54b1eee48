"""A contender that sleeps: what the tests try the machinery with."""

import time

from tests.bench.rounds.job import Job

SECONDS = 0.001


class Sleeper:
    """A step is a short sleep."""

    def __init__(self) -> None:
        self.flops, self.facts = 1.0, {"tuned": "no"}

    def tune(self) -> None:
        """Note that it was asked to."""
        self.facts = {"tuned": "yes"}

    def steps(self, count: int) -> tuple[float, float]:
        """Sleep."""
        time.sleep(SECONDS * count)
        return 0.0, 0.0


def prepare(job: Job) -> Sleeper:  # noqa: ARG001 (it sleeps alike on any)
    """Nothing to prepare."""
    return Sleeper()
