"""A mistake in a cell is reported at once, before a tokenizer is trained or a step is taken."""

from pathlib import Path

import pytest

from model.architectures import cells
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import Settings
from training.lab.source import TextSource
from training.runs.learning import Diverged, set_up

BROKEN = """
import jax.numpy as jnp
from model.architectures.parts.language_model import RecurrentLM
class Planted(RecurrentLM):
    num_gates, carry_size = 1, 1
    @staticmethod
    def cell(x, r, carry):
        jnp.tanh(x + r)
"""


def test_it_is_reported_before_a_tokenizer_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cells, "__path__", [*cells.__path__, str(tmp_path)])
    monkeypatch.setattr(Tokenizer, "train", lambda *_: pytest.fail("the tokenizer came first"))
    (tmp_path / "planted.py").write_text(BROKEN)
    (tmp_path / "text.txt").write_text("the loss goes down " * 2000)
    settings = Settings.model_validate({"model": {"architecture": "planted", "hidden_dim": 16}})
    with pytest.raises(DannError, match=r"planted\.py:6: cell\(.*\) returns NoneType; it must return the carry"):
        set_up(settings, TextSource(tmp_path / "text.txt", 0.9))


def test_a_loss_that_was_never_finite_is_not_blamed_on_the_rate_alone() -> None:
    assert "`dann inspect`" in str(Diverged(0, 0.01, "nothing changed"))
    assert "`dann inspect`" not in str(Diverged(8, 0.01, "nothing changed"))
