"""A sweep and what its runs have come to: what can begin now, which candidates are best. Starts nothing."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.lab import results
from training.lab.results import Ended, Result
from training.lab.sweep_plan import Candidate, Plan

PLAN = "plan.json"


@dataclass(frozen=True)
class SweepRun:
    """One run of a sweep. A final one is never ended early."""

    candidate: Candidate
    seed: int
    final: bool

    def __str__(self) -> str:
        return f"{self.candidate.label}, seed {self.seed}"


@dataclass
class Sweep:
    """A sweep and what its runs have come to, by candidate number and seed."""

    id: str
    plan: Plan
    runs: Path
    outcomes: dict[tuple[int, int], Result | Ended] = field(default_factory=dict)

    def group(self, candidate: Candidate) -> str:
        """The group of a candidate's results."""
        return f"{self.id}-{candidate.number:03}"

    def load(self) -> None:
        """Read what the runs that were done before have come to; raises DannError for a damaged one."""
        table = self.plan.table
        for candidate in self.plan.candidates:
            for seed in range(table.seeds + table.final_seeds):
                if outcome := results.outcome(self.folder(SweepRun(candidate, seed, final=False))):
                    self.outcomes[candidate.number, seed] = outcome

    def folder(self, run: SweepRun) -> Path:
        """The folder of a run."""
        return results.folder_of(self.runs, self.group(run.candidate), run.seed)

    def result(self, candidate: Candidate, seed: int) -> Result | None:
        """The result of a run, None where it has none."""
        outcome = self.outcomes.get((candidate.number, seed))
        return outcome if isinstance(outcome, Result) else None

    def finished(self) -> list[Result]:
        """All results, by candidate and seed."""
        return [result for _, result in sorted(self.outcomes.items()) if isinstance(result, Result)]

    def queue(self) -> list[SweepRun]:
        """Runs without an outcome that can begin now: first the screening, seed by seed; when it is over, the finals."""
        table = self.plan.table
        return self._open(self.plan.candidates, range(table.seeds), final=False) or self._open(
            self.finalists(), range(table.seeds, table.seeds + table.final_seeds), final=True
        )

    def _open(self, candidates: Sequence[Candidate], seeds: Sequence[int], *, final: bool) -> list[SweepRun]:
        return [
            SweepRun(candidate, seed, final)
            for seed in seeds
            for candidate in candidates
            if (candidate.number, seed) not in self.outcomes
        ]

    def finalists(self) -> list[Candidate]:
        """The best candidate of the baseline and of each of the best variants beside it."""
        best = sorted(self.best_candidates().items(), key=lambda item: item[1][1])
        baseline = self.plan.table.baseline
        others = [name for name, _ in best if name != baseline][: self.plan.table.finalists]
        return [candidate for name, (candidate, _) in best if name in {baseline, *others}]

    def best_candidates(self) -> dict[str, tuple[Candidate, float]]:
        """Of each variant the candidate with the least mean over the screening's seeds; one without all of them is none."""
        found: dict[str, tuple[Candidate, float]] = {}
        for candidate in self.plan.candidates:
            screened = [self.result(candidate, seed) for seed in range(self.plan.table.seeds)]
            figures = [result.figure for result in screened if result]
            if len(figures) < len(screened):
                continue
            mean = sum(figures) / len(figures)
            if candidate.variant not in found or mean < found[candidate.variant][1]:
                found[candidate.variant] = (candidate, mean)
        return found

    def rivals(self, run: SweepRun) -> dict[str, Any] | None:
        """What a run is held against while it learns: the curves of the runs that are finished by now."""
        table = self.plan.table
        finished = self.finished()
        if run.final or not table.early_margin or len(finished) < table.early_after:
            return None
        curves = [_shares(results.folder_of(self.runs, result.group, result.seed), result) for result in finished]
        return {"share": table.early_share, "margin": table.early_margin, "curves": curves}


def _shares(folder: Path, result: Result) -> list[tuple[float, float]]:
    """Bits per byte by the share of the run that was done."""
    return [(step / result.steps, bpb) for _, step, bpb in results.evaluations(folder)]
