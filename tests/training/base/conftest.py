"""A small base, learned once, that nobody writes to."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.cli import main
from tests.training.base.chats import small_base, write_chats
from training.base import measure
from training.base import run as base_run


@pytest.fixture(scope="package", autouse=True)
def _few_replies() -> Iterator[None]:
    """Look for copies in some replies: a hundred take seconds."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(measure, "REPLIES", 20)
        yield


@pytest.fixture(scope="package")
def data(tmp_path_factory: pytest.TempPathFactory, _few_replies: None) -> Path:
    """A data folder with the base "small"."""
    folder = tmp_path_factory.mktemp("base")
    chats = write_chats(folder / "chats.jsonl", channels=9, messages=2_200)
    options = small_base(f"data.dir={folder}", "train.steps=120")
    assert main(["base", "train", str(chats), "--name", "small", "-q", *options]) == 0
    return folder


@pytest.fixture
def unmeasured(monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw no replies and measure no listening at the end of a base."""
    monkeypatch.setattr(base_run, "measure", lambda *_: [])
