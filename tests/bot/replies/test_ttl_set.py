"""What happened lately is known for so many seconds, and stays bounded."""

import pytest

from bot.replies import ttl_set
from bot.replies.ttl_set import TTLSet
from tests.bot.scripted_engine import Clock


def test_a_key_is_known_for_so_many_seconds() -> None:
    clock = Clock()
    seen = TTLSet(10, clock)
    assert seen.remaining("a") == 0
    seen.mark("a")
    clock.now = 4
    assert (seen.remaining("a"), seen.remaining("b")) == (6, 0)
    seen.mark("a")
    clock.now = 13.5
    assert seen.remaining("a") == 0.5
    clock.now = 20
    assert seen.remaining("a") == 0


def test_a_key_can_be_forgotten() -> None:
    seen = TTLSet(10, Clock())
    seen.mark("a")
    seen.forget("a")
    seen.forget("b")
    assert seen.remaining("a") == 0


def test_no_seconds_know_nothing() -> None:
    seen = TTLSet(0, Clock())
    seen.mark("a")
    assert seen.remaining("a") == 0


def test_it_stays_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ttl_set, "MAX_KEYS", 3)
    clock = Clock()
    seen = TTLSet(10, clock)
    for key in "abcd":
        seen.mark(key)
    assert [seen.remaining(key) for key in "abcd"] == [0, 10, 10, 10]
    clock.now = 20
    seen.mark("e")
    assert len(seen) == 1
