"""WhatsApp chats whose first dates do not tell day from month: the likelier reading, and nothing twice when it changes."""

import logging
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from training.exports.whatsapp import calendars
from training.posts.importer import ImportReport, scan_exports, store_exports
from training.store.post import Post
from training.store.posts import PostStore, open_store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PostStore]:
    with open_store(f"sqlite:///{tmp_path / 'posts.db'}") as opened:
        yield opened


def american(first: int, last: int, people: Sequence[str] = ("Heron", "Otter")) -> str:
    """Return a chat of some days of January 2025, as a phone in the United States writes it."""
    return "".join(
        f"1/{day}/25, 9:{10 + number} PM - {name}: {name} says {day}\n"
        for day in range(first, last + 1)
        for number, name in enumerate(people)
    )


def load(store: PostStore, folder: Path, text: str, name: str = "WhatsApp Chat with Otter.txt") -> ImportReport:
    path = folder / name
    path.write_text(text)
    return store_exports(store, scan_exports([path], "Heron", known=store.owners))


def day(post: Post) -> str:
    assert post.time is not None
    return datetime.fromtimestamp(post.time, UTC).strftime("%Y-%m-%d")


def days(store: PostStore) -> list[str]:
    return sorted({day(post) for post in store.posts()})


@pytest.fixture
def day_first_as_before(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Read undecided dates as earlier versions did, until the test calls `undo`."""
    monkeypatch.setattr(calendars, "_likeliest", lambda tied: (tied[0], len(tied) == 1))
    return monkeypatch


def test_some_days_in_a_row_are_likelier_than_one_day_of_many_months(
    store: PostStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dann"):
        load(store, tmp_path, american(5, 11))
    assert days(store) == [f"2025-01-{number:02}" for number in range(5, 12)]
    assert caplog.text.count("read as month/day, which is likelier") == 1


def test_a_reading_in_the_future_is_none(store: PostStore, tmp_path: Path) -> None:
    """Two days, each a day and a month: this month's second day is of a later month where the day comes first."""
    now = datetime.now(UTC)
    begin = now.replace(day=1) if now.month < 12 else now.replace(month=11, day=1)
    written = begin.replace(month=min(begin.month, 11))
    month, later = written.month, written.month + 1
    if not (begin + timedelta(days=later)).date() > now.date():  # the day has come, so write the other way round
        text = f"{month}/{later}/{written:%y}, 21:41 - Heron: hi\n"
        expected = f"{written.year}-{month:02}-{later:02}"
    else:
        text, expected = f"{later}/{month}/{written:%y}, 21:41 - Heron: hi\n", f"{written.year}-{month:02}-{later:02}"
    load(store, tmp_path, text)
    assert days(store) == [expected]


@pytest.mark.parametrize("people", [("Heron", "Otter"), ("Heron", "Otter", "Stoat")])
def test_what_was_read_day_first_gets_its_days_and_is_not_stored_twice(
    store: PostStore, tmp_path: Path, people: tuple[str, ...], day_first_as_before: pytest.MonkeyPatch
) -> None:
    earlier = american(5, 11, people)
    load(store, tmp_path, earlier)
    assert days(store)[0] == "2025-05-01"
    load(store, tmp_path, american(5, 14, people), "WhatsApp Chat with Otter (1).txt")
    assert days(store) == [f"2025-01-{number:02}" for number in range(5, 15)]
    assert store.summary().mine == 10
    day_first_as_before.undo()
    for text in (earlier, american(5, 14, people)):
        again = load(store, tmp_path, text)
        assert (again.kept, again.updated) == (0, 0)


def test_an_export_from_before_gets_its_days_when_it_is_imported_again(
    store: PostStore, tmp_path: Path, day_first_as_before: pytest.MonkeyPatch
) -> None:
    load(store, tmp_path, american(5, 11))
    day_first_as_before.undo()
    again = load(store, tmp_path, american(5, 11))
    assert (again.kept, again.updated, len(days(store)), days(store)[0]) == (0, 14, 7, "2025-01-05")


def test_a_message_that_was_forgotten_stays_out_when_the_order_changes(
    store: PostStore, tmp_path: Path, day_first_as_before: pytest.MonkeyPatch
) -> None:
    load(store, tmp_path, american(5, 11))
    with store.writing() as writer:
        writer.forget([post.id for post in store.posts() if post.text == "Otter says 6"])
    day_first_as_before.undo()
    report = load(store, tmp_path, american(5, 14))
    assert (report.forgotten, report.mine) == (1, 3)
    assert "Otter says 6" not in {post.text for post in store.posts()}


def test_equal_words_on_both_days_of_a_swapped_date_are_two_posts(store: PostStore, tmp_path: Path) -> None:
    """1/5 and, once the order is clear, 5/1: the second is no copy of the first."""
    text = american(5, 13) + "5/1/25, 9:10 PM - Heron: Heron says 5\n"
    assert load(store, tmp_path, text).mine == 10
    assert load(store, tmp_path, text).duplicates == 19


def test_two_days_that_neither_reading_makes_likelier_are_day_first_and_move_nothing(
    store: PostStore, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dann"):
        load(store, tmp_path, "01/02/20, 10:00 - Heron: hi\n02/03/20, 10:00 - Otter: ho\n")
    assert days(store) == ["2020-02-01", "2020-03-02"]
    assert "read as day/month" in caplog.text
