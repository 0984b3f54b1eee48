"""Unasked remarks: off by default; a chance, a list of chats, quiet hours, never when somebody else is addressed."""

from typing import Any

import pytest

from bot.config import RemarksConfig
from bot.replies.types import Channel, ChatMessage
from bot.replies.unprompted import UnpromptedRemarks
from tests.bot.scripted_engine import BOT, GROUP, ME, PRIVATE, said

HI = said("a")


def wanted(
    *,
    channel: Channel = GROUP,
    message: ChatMessage = HI,
    addressed: bool = False,
    drawn: float = 0.4,
    hour: int = 12,
    **config: Any,
) -> bool:
    table = RemarksConfig.model_validate({"chance": 0.5, "chats": ["10", "11"]} | config)
    return UnpromptedRemarks(table, lambda: drawn, lambda: hour).should_remark(channel, message, addressed=addressed)


def test_they_are_off_by_default() -> None:
    assert not UnpromptedRemarks(RemarksConfig(), lambda: 0.0, lambda: 12).should_remark(
        GROUP, said("a"), addressed=False
    )
    assert not wanted(chance=0.0, drawn=0.0)
    assert not wanted(chats=[])


def test_a_chance_decides() -> None:
    assert wanted(drawn=0.49)
    assert not wanted(drawn=0.5)
    assert wanted(chance=1.0, drawn=0.999)


def test_only_in_listed_chats_and_topics_and_never_in_private() -> None:
    assert not wanted(channel=Channel("discord", "13"))
    assert wanted(channel=Channel("discord", "13", thread="10"))
    assert not wanted(channel=PRIVATE)


def test_never_when_somebody_else_is_addressed() -> None:
    assert not wanted(addressed=True)
    assert not wanted(message=said("a", reply_to="b"))


def test_never_to_bots_or_itself() -> None:
    assert not wanted(message=said("a", author=BOT))
    assert not wanted(message=said("a", author=ME))


@pytest.mark.parametrize(
    ("start", "end", "quiet"),
    [(23, 8, [23, 0, 7]), (8, 23, [8, 12, 22]), (0, 6, [0, 5]), (22, 0, [22, 23]), (7, 7, [])],
)
def test_quiet_hours_may_go_past_midnight(start: int, end: int, quiet: list[int]) -> None:
    found = [hour for hour in range(24) if not wanted(hour=hour, quiet_from=start, quiet_until=end)]
    assert set(quiet) <= set(found)
    assert len(found) == (end - start) % 24
