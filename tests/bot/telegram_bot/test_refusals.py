"""Whom dann tells on Telegram why a command is not run, and where; with the real responder."""

from typing import Any

import pytest

from bot.replies import phrases
from bot.replies.types import Author, Channel, NoPrivacy
from tests.bot.telegram_bot.scripted_responder import ResponderHarness, run_scenario
from tests.servers.telegram import Message

ALICE, TAVERN = 5_000_002, -1_000_005_000_004
TEMPERATURE = "temp takes a number from 0 to 2, such as temp=0.8"
NOTHING_THERE: dict[str, Any] = {"title": "News", "id": -1_009_999_999_999, "type": "channel"}


class AliceIgnored(NoPrivacy):
    """Alice asked to be ignored."""

    def ignores(self, _channel: Channel, author: Author) -> bool:
        return author.id == str(ALICE)


async def last_words(telegram: ResponderHarness, count: int) -> list[Message]:
    """What was sent, once bob's mention after all the others is answered too."""
    telegram.simulation.say(telegram.bob, telegram.market, "@dann_bot last")
    await telegram.simulation.until(
        lambda: any(message.text == "you said last" for message in telegram.simulation.sent)
    )
    before = telegram.simulation.sent[:]
    assert len(before) == count + 1
    return [message for message in before if message.text != "you said last"]


@pytest.mark.parametrize("typed", ["/dann temp=9 hi", "/dann_admin status", "/dann hi", "@dann_bot hi"])
def test_ignored_people_are_not_even_refused(typed: str) -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.responder._privacy = AliceIgnored()
        telegram.simulation.say(telegram.alice, telegram.tavern, typed)
        assert await last_words(telegram, 0) == []

    run_scenario(scenario)


@pytest.mark.parametrize("lists", [{"deny_users": (ALICE,)}, {"deny_chats": (TAVERN,)}])
def test_whom_dann_does_not_answer_it_does_not_refuse_either(lists: dict[str, Any]) -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.alice, telegram.tavern, "/dann temp=9")
        telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin status")
        assert await last_words(telegram, 0) == []

    run_scenario(scenario, telegram=lists)


def test_somebody_who_goes_on_and_on_is_not_refused_each_time() -> None:
    """Refusals would use up the 20 messages a minute that a group has. A mistake costs nobody their next answer."""

    async def scenario(telegram: ResponderHarness) -> None:
        for _ in range(20):
            telegram.simulation.say(telegram.alice, telegram.tavern, "/dann temp=9")
            telegram.simulation.say(telegram.bob, telegram.tavern, "/dann_admin retrain")
        telegram.simulation.say(telegram.alice, telegram.tavern, "/dann hi")
        said = [message.text.partition("\n")[0] for message in await last_words(telegram, 3)]
        assert sorted(said) == sorted([TEMPERATURE, phrases.OWNERS_ONLY, "you said hi"])

    run_scenario(scenario, cooldown_seconds=60)


def test_while_paused_a_mistake_is_met_as_a_mention_is() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.alice, telegram.private_chat, "/dann_admin pause")
        await telegram.sent(1)
        for _ in range(2):
            telegram.simulation.say(telegram.bob, telegram.tavern, "/dann temp=9")
        telegram.simulation.say(telegram.alice, telegram.private_chat, "/dann_admin sing")
        sent = [message.text for message in (await telegram.sent(3))[1:]]
        assert phrases.PAUSED in sent
        assert any(line.startswith("there is no such order") for line in sent)

    run_scenario(scenario, telegram={"owners": [ALICE]})


@pytest.mark.parametrize("writes_as", ["the group", "a channel"])
def test_who_writes_as_a_group_or_a_channel_is_told_to_write_as_themselves(writes_as: str) -> None:
    """The id is then the group's: a private answer would be shown to all in it, and not in the topic asked in."""

    async def scenario(telegram: ResponderHarness) -> None:
        forum = telegram.simulation.group("forum", topics=True)
        music = telegram.simulation.topic(forum, "music", telegram.alice)
        shown = forum.shown() if writes_as == "the group" else NOTHING_THERE
        anonymous = telegram.simulation.user("GroupAnonymousBot", is_bot=True)
        telegram.simulation.bots_see_bots = True
        question = telegram.simulation.say(
            anonymous, forum, "/dann_privacy ignore-me", thread=music, extra={"sender_chat": shown}
        )
        (refused,) = await telegram.sent(1)
        assert (refused.text, refused.chat, refused.reply_to) == (phrases.AS_YOURSELF, forum, question)

    run_scenario(scenario)
