"""Who is answered where: lists of config.toml, owners, bots."""

from dataclasses import replace
from typing import Any

import pytest

from bot.platforms import settings_class
from bot.replies.permissions import Permissions
from bot.replies.types import Author, Channel
from tests.bot.scripted_engine import BOT, GROUP, ME, PRIVATE, SAM, TELEGRAM, said

MEMBER = Author("1", "Sam", roles=frozenset({"31", "32"}))
THREAD = Channel("discord", "10", thread="12", guild="20")
TALK = Channel("telegram", "7", private=True)
PAGE = Channel("web", "tab", private=True)


def gate(discord: dict[str, Any] | None = None, telegram: dict[str, Any] | None = None, **bot: Any) -> Permissions:
    return Permissions(
        settings_class().model_validate({"bot": {"discord": discord or {}, "telegram": telegram or {}} | bot}).bot
    )


@pytest.mark.parametrize(
    ("lists", "channel", "author", "admitted"),
    [
        ({}, GROUP, SAM, True),
        ({}, PRIVATE, SAM, True),
        ({"direct_messages": False}, PRIVATE, SAM, False),
        ({"direct_messages": False}, GROUP, SAM, True),
        ({"allow_guilds": ["99"]}, GROUP, SAM, False),
        ({"allow_guilds": ["20"]}, GROUP, SAM, True),
        ({"allow_guilds": ["20"]}, PRIVATE, SAM, True),
        ({"deny_guilds": ["20"]}, GROUP, SAM, False),
        ({"allow_guilds": ["20"], "deny_guilds": ["20"]}, GROUP, SAM, False),
        ({"allow_channels": ["10"]}, THREAD, SAM, True),
        ({"allow_channels": ["12"]}, THREAD, SAM, True),
        ({"allow_channels": ["12"]}, GROUP, SAM, False),
        ({"deny_channels": ["10"]}, THREAD, SAM, False),
        ({"allow_roles": ["32"]}, GROUP, MEMBER, True),
        ({"allow_roles": ["32"]}, GROUP, SAM, False),
        ({"allow_roles": ["32"], "owners": ["1"]}, GROUP, SAM, True),
        ({"deny_roles": ["31"]}, GROUP, MEMBER, False),
        ({"deny_roles": ["31"], "allow_roles": ["32"], "owners": ["1"]}, GROUP, MEMBER, False),
        ({"allow_users": ["2"]}, GROUP, SAM, False),
        ({"allow_users": ["1"]}, PRIVATE, SAM, True),
        ({"allow_users": ["2"], "owners": [1]}, GROUP, SAM, True),
        ({"deny_users": ["1"]}, GROUP, SAM, False),
        ({"deny_users": ["1"], "owners": ["1"]}, PRIVATE, SAM, False),
    ],
)
def test_discords_lists(lists: dict[str, Any], channel: Channel, author: Author, admitted: bool) -> None:
    assert gate(lists).admits(channel, author) is admitted


@pytest.mark.parametrize(
    ("lists", "channel", "admitted"),
    [
        ({}, TELEGRAM, True),
        ({}, TALK, True),
        ({"private_chats": False}, TALK, False),
        ({"allow_chats": [-100]}, TELEGRAM, True),
        ({"allow_chats": [-200]}, TELEGRAM, False),
        ({"allow_chats": [-200]}, TALK, True),
        ({"deny_chats": [-100]}, replace(TELEGRAM, thread="5"), False),
        ({"allow_users": ["2"]}, TELEGRAM, False),
        ({"deny_users": ["1"]}, TALK, False),
    ],
)
def test_telegrams_lists(lists: dict[str, Any], channel: Channel, admitted: bool) -> None:
    assert gate(telegram=lists).admits(channel, SAM) is admitted


def test_one_platforms_lists_do_not_hold_on_another() -> None:
    only_discord = gate({"deny_users": ["1"], "owners": ["1"]})
    assert only_discord.admits(TELEGRAM, SAM)
    assert only_discord.admits(PAGE, SAM)
    assert only_discord.is_owner(GROUP, SAM)
    assert not only_discord.is_owner(TELEGRAM, SAM)
    assert not only_discord.is_owner(PAGE, SAM)
    assert not gate({"owners": ["9"]}).is_owner(GROUP, BOT)


def test_never_to_itself_and_never_to_bots() -> None:
    assert not gate({"allow_bots": ["3"], "allow_users": ["3"]}).admits(GROUP, replace(ME, is_bot=True))
    assert not gate({"allow_users": ["9"]}).admits(GROUP, BOT)
    assert not gate().admits(PAGE, BOT)


def test_bots_on_the_list_are_answered_a_few_times_in_a_row_until_a_person_speaks() -> None:
    listed = gate({"allow_bots": ["9"], "allow_users": ["1"]}, bot_exchanges=2)
    elsewhere = replace(GROUP, chat="elsewhere")
    assert [listed.admits(GROUP, BOT) for _ in range(4)] == [True, True, False, False]
    listed.on_message(GROUP, said("a", author=BOT))
    listed.on_message(GROUP, said("b", author=ME))
    listed.on_message(elsewhere, said("c", author=SAM))
    assert not listed.admits(GROUP, BOT)
    assert listed.admits(elsewhere, BOT)
    listed.on_message(GROUP, said("d", author=SAM))
    assert [listed.admits(GROUP, BOT) for _ in range(3)] == [True, True, False]
    assert not gate({"allow_bots": ["9"], "deny_users": ["9"]}).admits(GROUP, BOT)
