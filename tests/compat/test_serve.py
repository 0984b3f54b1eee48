"""Clients of 0eb29d7's HTTP API work unchanged with `dann serve` on its data folder."""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.compat.live import live
from tests.compat.recording import check

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("forked")  # before `present`: marks come before arguments
WHILE_LEARNING = ("dann_retraining_share", "dann_retraining_val_bpb")


@pytest.fixture(scope="module")
def present(old_folder: Path) -> Any:
    """Send all requests to one `dann serve`."""
    return asyncio.run(live(old_folder, ROOT, learn=False))


@pytest.fixture
def before(recorded: Any) -> Any:
    return recorded["live"]


def test_the_documents_paths_fields_and_answers_are_there(before: Any, present: Any) -> None:
    assert "POST /v1/chat/completions" in before["openapi"]
    was, now = ({name: promised(one) for name, one in found["openapi"].items()} for found in (before, present))
    check(was, now, exact=True)


def promised(node: Any, *, answers: bool = False) -> Any:
    """Let answers have more fields and values of them, and requests no more required ones."""
    if isinstance(node, list):
        return [promised(one, answers=answers) for one in node]
    if not isinstance(node, dict):
        return node
    found = {key: promised(one, answers=answers or key == "responses") for key, one in node.items()}
    if isinstance(required := found.get("required"), list):
        found["required"] = dict.fromkeys(required, True) if answers else sorted(required)
    if answers and isinstance(values := found.get("enum"), list):
        found["enum"] = dict.fromkeys(values, True)
    return found


def test_requests_are_answered_alike(before: Any, present: Any) -> None:
    check(before["answers"], present["answers"], exact=False)
    for exact in ("status", "type", "text", "done"):
        was, now = ({name: one.get(exact) for name, one in found["answers"].items()} for found in (before, present))
        assert now == was


def test_the_same_are_let_in(before: Any, present: Any) -> None:
    assert present["who may"] == before["who may"]


def test_metrics_keep_names_types_and_labels(before: Any, present: Any) -> None:
    was, now = set(counted(before["metrics"])), set(counted(present["metrics"]))
    assert "dann_replies_total" in was
    assert {line for line in was - now if not line.startswith(WHILE_LEARNING)} == set()


def test_what_is_told_only_while_it_learns_keeps_its_names(before: Any) -> None:
    """No retraining runs here (test_metrics and test_events play one); its names stand in the code."""
    code = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "bot").rglob("*.py"))
    told = [one for one in before["events"].values() if one["type"] == "retraining"]
    names = {key for one in told for key in one} | {
        name for name in before["metrics"] if name.startswith(WHILE_LEARNING)
    }
    assert names == {"type", "part", "share", "val_bpb", "dann_retraining_share", "dann_retraining_val_bpb"}
    assert [name for name in sorted(names) if f'"{name}"' not in code] == []


def counted(metrics: Any) -> Iterator[str]:
    for name, of in metrics.items():
        yield f"{name} {of['type']}"
        yield from of["samples"]
        yield from (f"{name}{{{label}}}" for label in of["labels"])
        yield from (f"{name}{{{label}={value}}}" for label, values in of["labels"].items() for value in values)


def test_events_tell_which_checkpoint_serves(before: Any, present: Any) -> None:
    check(before["events"]["checkpoint"], present["events"]["checkpoint"], exact=False)
