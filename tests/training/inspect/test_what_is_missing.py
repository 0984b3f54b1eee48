"""What an inspection has nothing to compare with, or has no figure of, is said; and the reference's own optimizers."""

import json
from collections.abc import Iterator
from io import StringIO
from types import SimpleNamespace
from typing import Any

import optax
import pytest
from rich.console import Console

from training.cli.shared import print_json
from training.config.tables import TrainConfig
from training.inspect import inspector
from training.inspect.page import html_page
from training.inspect.probes.schedule_probes import probe_optimizer
from training.inspect.reference import KNOWN, ReferenceOptimizer
from training.inspect.report import InspectionFinding, NotComparedError, Report
from training.inspect.terminal_view import _bars, print_report
from training.loop import optimizers

NAN = float("nan")


def suspects(name: Any) -> list[str]:
    """What the optimizer's probe finds; of NumPy's reference and a program of two small arrays."""
    subject: Any = SimpleNamespace(train=TrainConfig(optimizer=name))
    return [finding.suspect for finding in probe_optimizer(subject)]


@pytest.mark.parametrize("name", KNOWN)
def test_the_reference_takes_the_projects_steps_and_sees_one_that_goes_uphill(
    name: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert suspects(name) == []
    right = optimizers.OPTIMIZERS[name]
    uphill = lambda config: optax.chain(right(config), optax.scale(-1.0))  # noqa: E731
    monkeypatch.setitem(optimizers.OPTIMIZERS, name, uphill)
    assert suspects(name)


@pytest.mark.parametrize("name", [name for name in optimizers.OPTIMIZERS if name not in KNOWN])
def test_an_optimizer_that_the_reference_has_not_is_said(name: Any) -> None:
    with pytest.raises(NotComparedError, match=f"^the updates of {name} are not compared; those of adamw, .* are$"):
        ReferenceOptimizer(TrainConfig(optimizer=name))
    with pytest.raises(NotComparedError):
        suspects(name)


def test_a_probe_that_has_nothing_to_compare_with_has_not_checked() -> None:
    def probe_updates(made: str) -> Iterator[InspectionFinding]:
        yield InspectionFinding("frozen-layer", made)
        raise NotComparedError("the updates of x are not compared")

    def probe_other(_: str) -> Iterator[InspectionFinding]:
        yield from ()

    checked, notes = list[str](), list[str]()
    findings = inspector._run((probe_updates, probe_other), "seen", checked, notes)
    assert [finding.evidence for finding in findings] == ["seen"]
    assert (checked, notes) == (["other"], ["the updates of x are not compared"])


FIGURES: dict[str, Any] = {
    "tensors": [], "parts": [], "layers": [], "saturated": {}, "dead": {}, "carry": [],
    "loss": {"first": NAN, "ln_v": 3.5, "counting_tokens": 3.0}, "by_heart": [[8, NAN]], "short_run": [],
    "rate_finder": [[0.1, NAN]], "rates": {"configured": 0.01, "best": NAN, "blows_up": NAN},
    "gradient_by_distance": [NAN], "distance_step": 8, "tokens_per_second": {"this": 1, "lstm": 2},
}  # fmt: skip


def test_figures_of_a_network_that_gives_no_numbers_are_shown_all_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    report, found = Report("bad", "", (), ("one",), FIGURES, ("a < b",)), StringIO()
    print_report(report, Console(file=found, width=80), "page.html")
    assert found.getvalue().count("no points") == 3
    assert "a < b" in found.getvalue()
    page = html_page(report)
    assert page.count("no points") == 4
    assert "a &lt; b" in page
    print_json(report.as_json())
    printed = json.loads(capsys.readouterr().out, parse_constant=pytest.fail)
    assert printed["figures"]["by_heart"] == [[8, None]]
    assert printed["notes"] == ["a < b"]


def test_bars_are_of_the_heights_that_are_numbers() -> None:
    assert _bars([[1, 0.0], [2, NAN], [3, 7.0]], digits=2) == "▁█ to 7.00"
    assert _bars([[1, 0.0], [2, float("inf")]]) == "▁"
    assert _bars([]) == "no points"
