"""Faults planted in network, loop and data are named by the inspector; healthy networks have no finding.

Here at hidden 16, V 32, each fault by the probes of its group; `make soak` has every probe on every fault, and every healthy
network with other seeds and sizes.
"""

import re
from typing import Any

import pytest

from tests.training.inspect.planted_faults import FAULTS
from tests.training.inspect.unseen_faults import FAULTS as UNSEEN
from tests.whole import WHOLE
from training.config.tables import Settings
from training.inspect.inspector import GROUPS, inspect_architecture

pytestmark = pytest.mark.slow
HEALTHY: dict[str, tuple[dict[str, Any], tuple[str, ...]]] = {
    "lstm": ({}, tuple(group for group in GROUPS if group not in {"rate", "activations"})),
    "gru": ({"architecture": "gru"}, ("network", "gradient", "activations")),
    "rnn": ({"architecture": "rnn"}, ("loop", "gradient")),
    "attention": (
        {"architecture": "lstm_attention", "attention_dim": 4, "attention_window": 8},
        ("network", "gradient"),
    ),
    "tied, two layers": ({"num_layers": 2, "tie_embeddings": True}, ("loop", "evaluation")),
}
"""Networks, and the groups of probes that look at them here."""


def settings(seed: int = 0, **network: Any) -> Settings:
    return Settings.model_validate(
        {
            "model": {"hidden_dim": 16, "embed_dim": 8} | network,
            "tokenizer": {"kind": "characters"},
            "train": {"batch_size": 4, "bptt_length": 16, "seed": seed},
        }
    )


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_named_first(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    fault = FAULTS[name]
    fault.plant(monkeypatch)
    report = inspect_architecture(settings(), tuple(GROUPS) if WHOLE else fault.groups)
    assert report.findings, f"{name} is not found"
    first = report.findings[0]
    assert first.suspect in fault.names, [(finding.suspect, finding.evidence) for finding in report.findings]
    assert any(character.isdigit() for character in first.evidence)
    assert ".py" in first.look


@pytest.mark.parametrize("name", [name for name, fault in UNSEEN.items() if WHOLE or fault.groups])
def test_a_fault_that_was_written_without_knowing_the_inspector_is_named_first(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = UNSEEN[name]
    fault.plant(monkeypatch)
    report = inspect_architecture(settings(), tuple(GROUPS) if WHOLE else fault.groups)
    assert report.findings, f"{name} is not found"
    first = report.findings[0]
    assert re.search(fault.told, f"{first.about.name} {first.about.meaning} {first.evidence}".lower())


@pytest.mark.parametrize("name", HEALTHY)
@pytest.mark.parametrize("seed", range(5) if WHOLE else [0])
def test_a_healthy_network_has_no_finding(name: str, seed: int) -> None:
    network, groups = HEALTHY[name]
    report = inspect_architecture(settings(seed, **network), tuple(GROUPS) if WHOLE else groups)
    assert [(finding.suspect, finding.evidence) for finding in report.findings] == []
    assert report.checked
