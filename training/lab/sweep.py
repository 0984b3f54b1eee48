"""A sweep and what its runs have come to: what can begin now, which candidates are best. Starts nothing."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from training.lab import results
from training.lab.results import Ended, Result
from training.lab.sweep_plan import Candidate, Plan

PLAN = "plan.json"
ENDINGS = {"early": "ended early", "diverged": "diverged"}
"""An Ended's ending in words."""


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
        for stage, candidates, seeds in self._stages():
            if found := self._open(candidates, seeds, final=stage == "final"):
                return found
        return []

    def missing(self) -> str:
        """Say how many runs are missing in the first stage that is not done; "" where the sweep is finished."""
        for stage, candidates, seeds in self._stages():
            if found := len(self._open(candidates, seeds)):
                return f"{found} of {len(candidates) * len(seeds)} {stage} runs are missing"
        return ""

    def _stages(self) -> Iterator[tuple[str, list[Candidate], range]]:
        """Each stage with its candidates and seeds; a later one can be asked for when those before it are done."""
        yield "screening", self.plan.candidates, self._screening_seeds
        yield "run-off", self._runoffs(), range(self.plan.table.seeds, self.plan.table.choosing_seeds)
        yield "final", self._finalists(), self.final_seeds

    def _open(self, candidates: Sequence[Candidate], seeds: Sequence[int], *, final: bool = False) -> list[SweepRun]:
        return [
            SweepRun(candidate, seed, final)
            for seed in seeds
            for candidate in candidates
            if (candidate.number, seed) not in self.outcomes
        ]

    @property
    def _screening_seeds(self) -> range:
        return range(self.plan.table.seeds)

    @property
    def choosing_seeds(self) -> range:
        """The seeds that candidates are chosen by."""
        return range(self.plan.table.choosing_seeds)

    @property
    def final_seeds(self) -> range:
        """The seeds that variants are compared by."""
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
        for candidate in self._of(variant):
            figures = self._figures(candidate, range(seeds))
            if figures.keys() >= {*self._screening_seeds}:
                found.append((-len(figures), sum(figures.values()) / len(figures), candidate))
        return [(candidate, mean) for _, mean, candidate in sorted(found, key=lambda one: one[:2])]

    def best(self, variant: str) -> Candidate | None:
        """The candidate that stands for a variant: its finalist, as far as is known by now; None where none has a result."""
        screened = [candidate for candidate, _ in self._ranked(variant, self.plan.table.seeds)]
        if self._open(self._of(variant), self._screening_seeds) or not screened:
            return self._best_so_far(self._of(variant), self._screening_seeds)
        if self._open(screened[:2], self.choosing_seeds):
            return self._best_so_far(screened[:2], self.choosing_seeds)
        return self._ranked(variant, self.plan.table.choosing_seeds)[0][0]

    def _best_so_far(self, candidates: Sequence[Candidate], seeds: range) -> Candidate | None:
        """The best on the seeds that all candidates have, of those of which fewest runs were given up.

        A mean over more seeds is no better for that: else the candidate that was run first would be the best.
        """
        found = [(self._given_up(one, seeds), one, of) for one in candidates if (of := self._figures(one, seeds))]
        least = min((given_up for given_up, _, _ in found), default=0)
        rest = [(one, figures) for given_up, one, figures in found if given_up == least]
        common = set(seeds).intersection(*(figures for _, figures in rest)) or set(seeds)

        def rank(of: tuple[Candidate, dict[int, float]]) -> tuple[int, float]:
            figures = [figure for seed, figure in of[1].items() if seed in common]
            return -len(figures), sum(figures) / len(figures)

        return min(rest, key=rank)[0] if rest else None

    def _of(self, variant: str) -> list[Candidate]:
        return [candidate for candidate in self.plan.candidates if candidate.variant == variant]

    def _figures(self, candidate: Candidate, seeds: range) -> dict[int, float]:
        return {seed: result.figure for seed in seeds if (result := self.result(candidate, seed))}

    def _given_up(self, candidate: Candidate, seeds: range) -> int:
        return sum(isinstance(self.outcomes.get((candidate.number, seed)), Ended) for seed in seeds)

    def given_up(self) -> list[str]:
        """Of each variant a few words on the runs without a result, where those are its finals, its best's, or all it has."""
        found = []
        for variant in self.plan.variants:
            best = self.best(variant)
            found += self._endings(variant, [best], self.final_seeds, "finals") if best else []
            found += self._endings(variant, [best] if best else self._of(variant), self.choosing_seeds, "runs")
        return found

    def _endings(self, variant: str, candidates: Sequence[Candidate], seeds: range, what: str) -> list[str]:
        runs = [(candidate.number, seed) for candidate in candidates for seed in seeds]
        known = [self.outcomes[run] for run in runs if run in self.outcomes]
        total = len(runs) if what == "finals" else len(known)
        counts = Counter(ENDINGS[outcome.ending] for outcome in known if isinstance(outcome, Ended))
        said = [f"all {ending}" if n == total else f"{n} of {total} {what} {ending}" for ending, n in counts.items()]
        return [f"{variant}: {', '.join(said)}"] if said else []

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
