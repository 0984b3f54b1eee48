"""Whom dann answers on Telegram, and what it says unasked: config.toml's lists against the wire."""

import pytest

from bot.replies import phrases
from tests.bot.telegram_bot.scripted_responder import ResponderHarness, run_scenario

ALICE, BOB, TAVERN, MARKET, BEEP = 5_000_002, 5_000_003, -1_000_005_000_004, -1_000_005_000_005, 5_000_006


def test_the_ids_are_those_of_the_scene() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        assert (telegram.alice.id, telegram.bob.id, telegram.simulation.user("beep").id) == (ALICE, BOB, BEEP)
        assert (telegram.tavern.id, telegram.market.id) == (TAVERN, MARKET)

    run_scenario(scenario)


@pytest.mark.parametrize(
    "lists",
    [{"allow_chats": [MARKET]}, {"deny_chats": [TAVERN]}, {"allow_users": [ALICE]}, {"deny_users": [BOB]}],
    ids=str,
)
def test_each_list_is_kept(lists: dict[str, list[int]]) -> None:
    """Bob asks in the tavern and is not answered; Alice asks in the market and is."""

    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.bob, telegram.tavern, "@dann_bot hello")
        telegram.simulation.say(telegram.bob, telegram.tavern, "/dann temp=9")
        question = telegram.simulation.say(telegram.alice, telegram.market, "@dann_bot hello")
        (answer,) = await telegram.sent(1)
        assert answer.reply_to is question
        assert len(telegram.engine.requests) == 1

    run_scenario(scenario, telegram=lists)


def test_a_bot_on_the_list_is_answered_a_few_times_until_a_person_speaks() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        beep = telegram.simulation.user("beep", is_bot=True)
        telegram.simulation.bots_see_bots = True
        for _ in range(3):
            telegram.simulation.say(beep, telegram.tavern, "@dann_bot hi")
        await telegram.answered("@dann_bot and me?")
        assert len(telegram.simulation.sent) == 3
        telegram.simulation.say(beep, telegram.tavern, "@dann_bot hi again")
        await telegram.sent(4)

    run_scenario(scenario, bot_exchanges=2, telegram={"allow_bots": [BEEP]})


def test_unasked_remarks_are_off_unless_switched_on() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.bob, telegram.tavern, "nice weather")
        await telegram.answered("@dann_bot hi")
        assert len(telegram.engine.requests) == 1

    run_scenario(scenario)


def test_unasked_remarks_are_made_where_they_may_and_nobody_is_addressed() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.bob, telegram.market, "nice weather")
        telegram.simulation.say(telegram.bob, telegram.tavern, "nice weather, @alice")
        telegram.simulation.say(telegram.bob, telegram.tavern, "is it not")
        (remark,) = await telegram.sent(1)
        assert (remark.chat, remark.reply_to, remark.text) == (telegram.tavern, None, "you said is it not")
        assert len(telegram.engine.requests) == 1

    run_scenario(scenario, remarks={"chance": 1, "chats": [TAVERN], "quiet_from": 0, "quiet_until": 0})


def test_owners_alone_pause_resume_and_are_told_how_it_goes() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.alice, telegram.private_chat, "/dann_admin status")
        (status,) = await telegram.sent(1)
        assert status.text.startswith("checkpoint one")
        telegram.simulation.say(telegram.bob, telegram.tavern, "/dann_admin pause")
        assert (await telegram.sent(2))[1].text == phrases.OWNERS_ONLY
        telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin pause")
        assert (await telegram.sent(3))[2].chat is telegram.private_chat
        assert (await telegram.answered("@dann_bot hi")).text == phrases.PAUSED
        telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin resume")
        await telegram.sent(5)
        assert (await telegram.answered("@dann_bot hi")).text == "you said hi"

    run_scenario(scenario, telegram={"owners": [ALICE]})
