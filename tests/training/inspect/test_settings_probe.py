"""Settings that are far from anything that works, named before anything is trained."""

from types import SimpleNamespace
from typing import Any, cast

import pytest

from training.inspect.probes.schedule_probes import probe_settings
from training.inspect.subject import Subject
from training.inspect.suspects import SUSPECTS
from training.lab.preset import ExperimentSettings


def named(**train: Any) -> list[str]:
    settings = ExperimentSettings.model_validate({"train": train})
    found = list(probe_settings(cast("Subject", SimpleNamespace(settings=settings))))
    assert {finding.suspect for finding in found} <= SUSPECTS.keys()
    assert {finding.severity for finding in found} <= {"warning"}
    return [finding.suspect for finding in found]


def test_the_defaults_are_fine() -> None:
    assert named() == []


@pytest.mark.parametrize(
    ("rate", "decay", "more"), [(1.0, 0.05, {}), (0.01, 0.3, {"rate_scaling": "linear", "batch_size": 512})]
)
def test_a_decay_that_takes_more_than_is_learned_is_named(rate: float, decay: float, more: dict[str, Any]) -> None:
    """SGD at AdamW's default decay learned how often each token comes and nothing more; without it, as much as AdamW."""
    assert named(learning_rate=rate, weight_decay=decay, **more) == ["decay-too-strong"]
    assert named(learning_rate=rate, weight_decay=0.0, **more) == []


def test_a_limit_that_cuts_every_gradient_to_nothing_is_named() -> None:
    assert named(clip_norm=0.01) == ["clip-too-low"]
    assert named(clip_norm=0.0) == []
