"""Whom dann answers on Telegram, and what it says unasked: config.toml's lists against the wire."""

import pytest

from bot.replies import phrases
from tests.bot.telegram_bot.scripted_responder import Talk, played

ALICE, BOB, TAVERN, MARKET, BEEP = 5_000_002, 5_000_003, -1_000_005_000_004, -1_000_005_000_005, 5_000_006


def test_the_ids_are_those_of_the_scene() -> None:
    async def scene(talk: Talk) -> None:
        assert (talk.alice.id, talk.bob.id, talk.simulation.user("beep").id) == (ALICE, BOB, BEEP)
        assert (talk.tavern.id, talk.market.id) == (TAVERN, MARKET)

    played(scene)


@pytest.mark.parametrize(
    "lists",
    [{"allow_chats": [MARKET]}, {"deny_chats": [TAVERN]}, {"allow_users": [ALICE]}, {"deny_users": [BOB]}],
    ids=str,
)
def test_each_list_is_kept(lists: dict[str, list[int]]) -> None:
    """Bob asks in the tavern and is not answered; Alice asks in the market and is."""

    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.bob, talk.tavern, "@dann_bot hello")
        talk.simulation.say(talk.bob, talk.tavern, "/dann temp=9")
        asked = talk.simulation.say(talk.alice, talk.market, "@dann_bot hello")
        (answer,) = await talk.sent(1)
        assert answer.reply_to is asked
        assert len(talk.engine.requests) == 1

    played(scene, telegram=lists)


def test_a_bot_on_the_list_is_answered_a_few_times_until_a_person_speaks() -> None:
    async def scene(talk: Talk) -> None:
        beep = talk.simulation.user("beep", is_bot=True)
        talk.simulation.bots_see_bots = True
        for _ in range(3):
            talk.simulation.say(beep, talk.tavern, "@dann_bot hi")
        await talk.answered("@dann_bot and me?")
        assert len(talk.simulation.sent) == 3
        talk.simulation.say(beep, talk.tavern, "@dann_bot hi again")
        await talk.sent(4)

    played(scene, bot_exchanges=2, telegram={"allow_bots": [BEEP]})


def test_unasked_remarks_are_off_unless_switched_on() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.bob, talk.tavern, "nice weather")
        await talk.answered("@dann_bot hi")
        assert len(talk.engine.requests) == 1

    played(scene)


def test_unasked_remarks_are_made_where_they_may_and_nobody_is_addressed() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.bob, talk.market, "nice weather")
        talk.simulation.say(talk.bob, talk.tavern, "nice weather, @alice")
        talk.simulation.say(talk.bob, talk.tavern, "is it not")
        (remark,) = await talk.sent(1)
        assert (remark.chat, remark.reply_to, remark.text) == (talk.tavern, None, "you said is it not")
        assert len(talk.engine.requests) == 1

    played(scene, remarks={"chance": 1, "chats": [TAVERN], "quiet_from": 0, "quiet_until": 0})


def test_owners_alone_pause_resume_and_are_told_how_it_goes() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.alice, talk.at_home, "/dann_admin status")
        (status,) = await talk.sent(1)
        assert status.text.startswith("checkpoint one")
        talk.simulation.say(talk.bob, talk.tavern, "/dann_admin pause")
        assert (await talk.sent(2))[1].text == phrases.OWNERS_ONLY
        talk.simulation.say(talk.alice, talk.tavern, "/dann_admin pause")
        assert (await talk.sent(3))[2].chat is talk.at_home
        assert (await talk.answered("@dann_bot hi")).text == phrases.PAUSED
        talk.simulation.say(talk.alice, talk.tavern, "/dann_admin resume")
        await talk.sent(5)
        assert (await talk.answered("@dann_bot hi")).text == "you said hi"

    played(scene, telegram={"owners": [ALICE]})
