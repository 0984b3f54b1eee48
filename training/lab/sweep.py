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
            for seed in range(table.choosing_seeds + table.final_seeds):
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
        """Runs without an outcome that can begin now: the screening, seed by seed; after it the run-offs; then the finals."""
        table = self.plan.table
        return (
            self._open(self.plan.candidates, range(table.seeds))
            or self._open(self._runoffs(), range(table.seeds, table.choosing_seeds))
            or self._open(self._finalists(), self._final_seeds, final=True)
        )

    def _open(self, candidates: Sequence[Candidate], seeds: Sequence[int], *, final: bool = False) -> list[SweepRun]:
        return [
            SweepRun(candidate, seed, final)
            for seed in seeds
            for candidate in candidates
            if (candidate.number, seed) not in self.outcomes
        ]

    @property
    def _final_seeds(self) -> range:
        table = self.plan.table
        return range(table.choosing_seeds, table.choosing_seeds + table.final_seeds)

    def _leading(self) -> list[str]:
        """The baseline and the best variants beside it, by the screening, best first."""
        ranked = [(self._ranked(variant, self.plan.table.seeds), variant) for variant in self.plan.variants]
        best = [variant for _, variant in sorted((of[0][1], variant) for of, variant in ranked if of)]
        baseline = self.plan.table.baseline
        others = [variant for variant in best if variant != baseline][: self.plan.table.finalists]
        return [variant for variant in best if variant in {baseline, *others}]

    def _runoffs(self) -> list[Candidate]:
        """The two best candidates of each leading variant that has two."""
        pairs = [self._ranked(variant, self.plan.table.seeds)[:2] for variant in self._leading()]
        return [candidate for pair in pairs if len(pair) > 1 for candidate, _ in pair]

    def _finalists(self) -> list[Candidate]:
        """The best candidate of each leading variant, by screening and run-off."""
        return [self._ranked(variant, self.plan.table.choosing_seeds)[0][0] for variant in self._leading()]

    def _ranked(self, variant: str, seeds: int) -> list[tuple[Candidate, float]]:
        """A variant's candidates that have a result for each seed of the screening, the best first, with their means.

        Those with most results of the first `seeds` seeds come before the others.
        """
        found = []
        for candidate in self.plan.candidates:
            figures = [result.figure for seed in range(seeds) if (result := self.result(candidate, seed))]
            screened = all(self.result(candidate, seed) for seed in range(self.plan.table.seeds))
            if candidate.variant == variant and screened:
                found.append((-len(figures), sum(figures) / len(figures), candidate))
        return [(candidate, mean) for _, mean, candidate in sorted(found, key=lambda one: one[:2])]

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
