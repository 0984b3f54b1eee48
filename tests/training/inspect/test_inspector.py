"""A whole inspection with its figures, its page and its views; what is refused, and how."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
from rich.console import Console

from model.architectures import build
from model.architectures.parts.language_model import RecurrentLM
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.config import ModelConfig
from model.errors import DannError
from model.tokenizer import Tokenizer
from tests.training.inspect.test_planted_faults import settings
from training.cli.main import main
from training.inspect import inspector
from training.inspect.page import html_page
from training.inspect.probes.loss_guesses import explain, wrong_losses
from training.inspect.report import InspectionFinding, Report, by_likelihood
from training.inspect.subject import Subject
from training.inspect.suspects import SUSPECTS
from training.inspect.terminal_view import print_report

pytestmark = pytest.mark.slow
SHARED = ("activations", "rate")
"""Groups that no other test runs on this network; figures need the runs of "loop" and "training" too."""


@pytest.fixture(scope="module")
def report() -> Report:
    return inspector.inspect_architecture(settings(), SHARED, figures=True)


def test_a_healthy_network_has_figures_and_no_finding(report: Report) -> None:
    assert report.findings == ()
    figures = report.figures
    names = [tensor["name"] for tensor in figures["tensors"]]
    assert {"gates", "i, f, g, o", "c_after", "shown"} <= set(names)
    assert all(re.fullmatch(r"[\w/]+\.py:\d+", tensor["line"]) for tensor in figures["tensors"])
    [split] = [tensor for tensor in figures["tensors"] if tensor["name"] == "i, f, g, o"]
    assert split["shape"] == (4, 16)
    assert split["each_step"]
    flops = {part["part"]: part["flops_per_token"] for part in figures["parts"] if "flops_per_token" in part}
    assert flops["weights.0"] == 2 * 16 * 64
    assert flops["output"] == 2 * 16 * 32
    assert figures["by_heart"][-1][1] < 0.01
    assert figures["loss"]["first"] == pytest.approx(figures["loss"]["ln_v"], abs=0.3)
    assert list(figures["saturated"]) == list(figures["dead"])
    assert not any("#" in name for name in figures["saturated"])
    assert figures["short_run"][-1][1] < figures["loss"]["counting_tokens"]
    reach = figures["gradient_by_distance"]
    assert reach[0] > reach[-1] > 0


class Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self.plots = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found += [value or "" for name, value in attrs if name in {"src", "href"}]
        self.plots += tag == "svg"


def test_the_page_stands_alone_with_its_plots(report: Report) -> None:
    text, links = html_page(report), Links()
    links.feed(text)
    assert links.found == []
    assert links.plots == 4
    assert "http" not in text
    assert "<script" not in text
    assert all(one.name.replace("'", "&#x27;") in text for one in SUSPECTS.values())
    finding = InspectionFinding("softmax-twice", "a < b & c")
    shown = html_page(Report("<x>", "", (finding,), ("one",)))
    assert "a &lt; b &amp; c" in shown
    assert "<x>" not in shown


def test_the_terminal_is_readable_at_80_columns(report: Report) -> None:
    found = StringIO()
    finding = InspectionFinding("target-leak", "tokens change 12% of the logits before them", also=("wrong-axis",))
    for one in (report, Report("lstm", "", (finding,), ("one",), report.figures)):
        print_report(one, Console(file=found, width=80), "data/inspect/lstm.html")
    text = found.getvalue()
    assert max(map(len, text.splitlines())) <= 80
    for expected in ("no findings", "targets leaking into inputs", "seen", "look", "c_after", "update/weight"):
        assert expected in text


def test_a_network_that_does_not_run_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any) -> None:
    right = RecurrentLM._logits
    monkeypatch.setattr(RecurrentLM, "_logits", lambda self, hidden, dtype: right(self, hidden[..., :-1], dtype))
    small = ["--set", "model.hidden_dim=16", "--set", "tokenizer.kind=characters", "--set", f"data.dir={tmp_path}"]
    assert main(["inspect", "lstm", *small]) == 1
    lines = capsys.readouterr().err.strip().splitlines()
    assert len(lines) == 1
    assert "(15" in lines[0] or "15" in lines[0]
    assert re.match(r"dann: lstm: model/architectures/[\w/]+\.py:\d+: ", lines[0])
    assert not (tmp_path / "inspect").exists()


def test_a_nan_is_traced_to_its_line(monkeypatch: pytest.MonkeyPatch) -> None:
    right = RecurrentLM._logits
    monkeypatch.setattr(RecurrentLM, "_logits", lambda self, hidden, dtype: jnp.log(right(self, hidden, dtype)))
    first, *_ = inspector.inspect_architecture(settings(), ("network",)).findings
    assert first.suspect == "not-finite"
    assert re.search(r"\d+% of the logits are NaN", first.evidence)
    assert re.search(r"tests/training/inspect/test_inspector.py:\d+", first.look)


@pytest.mark.parametrize("name", ["lstn", "no/such/folder"])
def test_an_unknown_name_is_refused_in_one_line(name: str, tmp_path: Path, capsys: Any) -> None:
    assert main(["inspect", name, "--set", f"data.dir={tmp_path}"]) == 1
    [line] = capsys.readouterr().err.strip().splitlines()
    assert line.startswith(f"dann: {name}: is n")
    assert "lstm" in line or "manifest.json" in line


def test_a_damaged_checkpoint_is_refused_in_one_line(tmp_path: Path, capsys: Any) -> None:
    folder = tmp_path / "checkpoints" / "one"
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text('{"format": 1, "files": {"weights.safetensors": "0"}}')
    for name in ("one", str(folder)):
        assert main(["inspect", name, "--set", f"data.dir={tmp_path}"]) == 1
        [line] = capsys.readouterr().err.strip().splitlines()
        assert "weights.safetensors is missing" in line


def test_the_command_prints_the_report_and_writes_the_page(
    report: Report, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    finding = InspectionFinding("tied-wrongly", "moves 3 logits")
    found = [report, Report(report.name, report.shape, (finding,), report.checked, report.figures)]
    monkeypatch.setattr(inspector, "inspect_architecture", lambda *_, **__: found.pop(0))
    command = ["inspect", "gru", "--set", f"data.dir={tmp_path}"]
    assert main([*command, "--json"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert printed["findings"] == []
    assert Path(printed["page"]).read_text() == html_page(report)
    assert {"name", "shape", "checked", "suspects", "figures"} <= printed.keys()
    assert main(command) == 1
    assert "weights tied wrongly" in capsys.readouterr().out


def test_a_checkpoint_is_inspected_with_its_own_weights_and_tokenizer(tmp_path: Path) -> None:
    tokenizer = Tokenizer.of_characters(["abcdefghijklmnopqrstuvwxyz ."])  # no question mark: such posts are left out
    shape = ModelConfig(architecture="gru", vocab_size=tokenizer.vocab_size, hidden_dim=16, embed_dim=8)
    meta = Meta(
        created="", step=1, seconds=1, val_bpb=1, posts=1, newest_post=None, seed=0, code_version="0", settings={}
    )
    checkpoint.save(tmp_path, "one", build(shape, seed=3), tokenizer, meta)
    snapshot = checkpoint.load(tmp_path, "one")
    report = inspector.inspect_architecture(settings(), ("data", "gradient"), snapshot=snapshot)
    assert report.name == "gru"
    assert report.findings == ()
    subject = Subject(settings(), snapshot)
    assert {name: array.tolist() for name, array in subject.start.items()} == {
        name: array.tolist() for name, array in checkpoint.weights_of(snapshot.model).items()
    }
    of_digits = replace(snapshot, tokenizer=Tokenizer.of_characters(["0123456789" * 3]))
    with pytest.raises(DannError, match="spells 0 of 667 posts"):
        inspector.inspect_architecture(settings(), ("data",), snapshot=of_digits)


def test_causes_stand_above_their_consequences() -> None:
    names = ("does-not-learn", "update-differs", "labels-shifted", "labels-shifted", "breaks")
    ordered = by_likelihood([InspectionFinding(name, str(place)) for place, name in enumerate(names)])
    assert [finding.suspect for finding in ordered] == ["labels-shifted", "update-differs", "does-not-learn", "breaks"]
    assert ordered[0].evidence == "2"
    symptom, cause = InspectionFinding("target-leak", "", symptom=True), InspectionFinding("same-window", "")
    assert by_likelihood([symptom, cause]) == (cause, symptom)


def test_each_wrong_loss_is_explained_as_itself() -> None:
    rng = np.random.default_rng(0)
    logits, rows = 3 * rng.standard_normal((3, 5, 11)), rng.integers(0, 11, (3, 10))
    weights = np.asarray(rng.random((3, 5)) < 0.7, np.float32)
    guesses = list(wrong_losses(logits, rows, 3, weights))
    for guess in guesses:
        found = explain(guess.value, logits, rows, 3, weights)
        assert found is not None
        assert found.value == pytest.approx(guess.value, rel=1e-5)
    assert explain(1.2345 * guesses[0].value, logits, rows, 3, weights) is None


def test_programs_compiled_before_a_change_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault planted in what a cached program has read must be seen; and it must not stay behind."""
    from training.loop import scoring

    assert inspector.inspect_architecture(settings(), ("evaluation",)).findings == ()
    right = scoring._advance
    with monkeypatch.context() as patch:

        def wrong(*given: Any) -> Any:
            carry, totals = right(*given)
            return carry, totals * jnp.asarray([2.0, 1.0])

        patch.setattr(scoring, "_advance", wrong)
        assert inspector.inspect_architecture(settings(), ("evaluation",)).findings
    assert inspector.inspect_architecture(settings(), ("evaluation",)).findings == ()
