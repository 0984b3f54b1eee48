"""What an inspection found: findings, each with its usual suspect, and the figures beside them. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from training.inspect.suspects import SUSPECTS, Suspect

Severity = Literal["error", "warning"]


class NotComparedError(Exception):
    """Raised by a probe that has nothing to compare with; its message is a line for people, and it did not check."""


@dataclass(frozen=True)
class InspectionFinding:
    """One thing that is not as it should be.

    `suspect` is the id of the likeliest cause in SUSPECTS, `also` other causes that look alike. `evidence` is what was seen,
    in numbers; `where` the file and name to look at first; `measured` the numbers by name. A
    `symptom` is what any of several causes brings about, and stands below findings of a cause.
    """

    suspect: str
    evidence: str
    where: str = ""
    also: tuple[str, ...] = ()
    severity: Severity = "error"
    measured: dict[str, float] = field(default_factory=dict)
    symptom: bool = False

    @property
    def about(self) -> Suspect:
        """The row of the table of usual suspects."""
        return SUSPECTS[self.suspect]

    @property
    def look(self) -> str:
        """Where to look first."""
        return self.where or self.about.where

    def as_json(self) -> dict[str, Any]:
        """The finding as --json prints it."""
        also = [{"id": name, "name": SUSPECTS[name].name} for name in self.also]
        about = {"id": self.suspect, "name": self.about.name, "severity": self.severity, "evidence": self.evidence}
        return {**about, "meaning": self.about.meaning, "where": self.look, "also": also, "measured": self.measured}


@dataclass(frozen=True)
class Report:
    """The result of one inspection: `findings`, the likeliest cause first, and `figures`, by name, for people to look at.

    `checked` are the names of the probes that ran, `notes` lines on what could not be compared.
    """

    name: str
    shape: str
    findings: tuple[InspectionFinding, ...]
    checked: tuple[str, ...]
    figures: dict[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def suspects(self) -> list[str]:
        """The ids of all suspects that findings name, the likeliest first; those of `also` come after."""
        named = [finding.suspect for finding in self.findings]
        return list(dict.fromkeys([*named, *(other for finding in self.findings for other in finding.also)]))

    def as_json(self) -> dict[str, Any]:
        """The object that --json prints; docs/inspect.md describes its keys."""
        return {
            "name": self.name,
            "shape": self.shape,
            "findings": [finding.as_json() for finding in self.findings],
            "checked": list(self.checked),
            "notes": list(self.notes),
            "suspects": [suspect._asdict() | {"id": id_} for id_, suspect in SUSPECTS.items()],
            "figures": self.figures,
        }


def by_likelihood(findings: Sequence[InspectionFinding]) -> tuple[InspectionFinding, ...]:
    """Order findings by the table of suspects: a cause stands above its consequences. Each suspect stays once."""
    order = list(SUSPECTS)
    first: dict[str, InspectionFinding] = {}
    for finding in sorted(findings, key=lambda finding: finding.symptom):
        first.setdefault(finding.suspect, finding)
    return tuple(sorted(first.values(), key=lambda finding: (finding.symptom, order.index(finding.suspect))))
