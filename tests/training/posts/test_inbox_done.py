"""Imported exports are removed from the inbox's done/ after some days, and never sooner."""

from pathlib import Path

import pytest

from tests.training.posts.test_inbox import InboxHarness
from training.posts.inbox import SETTLED_SECONDS
from training.posts.inbox_done import DAY_SECONDS


class Days(InboxHarness):
    """An inbox whose days a test counts."""

    def __init__(self, folder: Path, **data: object) -> None:
        self.day = 20_000.0
        super().__init__(folder, **data)  # type: ignore[arg-type]
        self.inbox.now = lambda: self.day * DAY_SECONDS

    def on(self, day: float) -> list[str]:
        self.day = 20_000.0 + day
        return self.inbox.scan()


def test_what_was_imported_goes_after_the_days_that_are_set(tmp_path: Path) -> None:
    days = Days(tmp_path, keep_imported_days=2)
    (days.folder / "notes.txt").write_text("the kettle is late again\nso is the tea\n")
    imported = days.scan_after(SETTLED_SECONDS)
    assert imported[0].startswith("inbox: notes.txt: 2 new of yours")
    assert days.on(1.9) == []
    assert "done/notes.txt" in days.file_names()
    assert days.on(2.0) == ["inbox: done/notes.txt: removed, 2 days after it was imported"]
    assert days.file_names() <= {".done.json"}
    assert days.texts() != []


def test_what_an_earlier_version_left_counts_from_now_on(tmp_path: Path) -> None:
    days = Days(tmp_path)
    folder = days.folder / "done" / "old-export"
    folder.mkdir(parents=True)
    (folder / "result.json").write_text("{}")
    (days.folder / "failed").mkdir()
    (days.folder / "failed" / "x.json").write_text("{}")
    assert days.on(0) == days.on(6.9) == []
    assert days.on(7) == ["inbox: done/old-export: removed, 7 days after it was imported"]
    assert not folder.exists()
    assert "failed/x.json" in days.file_names(), "what was not imported stays"


@pytest.mark.parametrize("broken", ["{", "[]", '{"a.json": "yesterday"}'])
def test_broken_notes_remove_nothing_at_once(tmp_path: Path, broken: str) -> None:
    days = Days(tmp_path)
    (days.folder / "done").mkdir()
    (days.folder / "done" / "a.json").write_text("{}")
    (days.folder / ".done.json").write_text(broken)
    assert days.on(100) == days.on(106.9) == []
    assert days.on(107) == ["inbox: done/a.json: removed, 7 days after it was imported"]


def test_0_keeps_them_for_good(tmp_path: Path) -> None:
    days = Days(tmp_path, keep_imported_days=0)
    (days.folder / "done").mkdir()
    (days.folder / "done" / "a.json").write_text("{}")
    assert days.on(0) == days.on(1e6) == []
    assert days.file_names() == {"done/a.json"}
