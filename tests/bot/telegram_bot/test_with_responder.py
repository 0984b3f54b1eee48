"""Telegram with the real responder behind it: a conversation reads to the network as it went, and what it says goes out."""

import pytest

from bot.replies import phrases
from model.config import SamplingParams
from tests.bot.replies.responder_harness import broken
from tests.bot.telegram_bot.scripted_responder import Talk, played


def test_a_conversation_is_read_as_it_went() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.bob, talk.tavern, "what a day")
        first = await talk.answered("@dann_bot isn't it")
        await talk.answered("really, @bob?", reply_to=first)
        assert talk.engine.texts == [
            ["what a day", "isn't it"],
            ["what a day", "isn't it", "you said isn't it", "really, @someone?"],
        ]
        assert [turn.mine for turn in talk.engine.requests[1].conversation] == [False, False, True, False]

    played(scene)


def test_a_command_can_be_repeated_from_its_footer_and_the_footer_is_never_read() -> None:
    async def scene(talk: Talk) -> None:
        first = await talk.answered("/dann temp=0.8 seed=7 hello")
        again = await talk.answered("/dann seed=7 temp=0,8 hello")
        assert first.text == again.text
        assert "seed=7 · checkpoint one" in first.text
        await talk.answered("and then?", reply_to=again)
        assert not any("checkpoint" in text for texts in talk.engine.texts for text in texts)
        assert talk.engine.texts[0] == talk.engine.texts[1] == ["hello"]

    played(scene)


def test_cooldowns_and_refusals_are_told_and_never_read() -> None:
    async def scene(talk: Talk) -> None:
        await talk.answered("@dann_bot one")
        refused = await talk.answered("@dann_bot two")
        assert refused.text == phrases.wait(60)
        talk.simulation.say(talk.bob, talk.tavern, "why not", reply_to=refused)
        await talk.simulation.until(lambda: len(talk.engine.requests) == 2)
        assert talk.engine.texts[1] == ["one", "you said one", "two", "why not"]

    played(scene, cooldown_seconds=60)


def test_what_was_said_in_private_stays_there() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.alice, talk.at_home, "a secret")
        await talk.sent(1)
        await talk.answered("@dann_bot hi")
        assert talk.engine.texts == [["a secret"], ["hi"]]

    played(scene)


def test_words_that_would_call_somebody_reach_nobody() -> None:
    async def scene(talk: Talk) -> None:
        talk.engine.says = lambda *_: "ask @bob and @everyone, or tg://user?id=5 at https://example.org, no asp.net"
        reply = await talk.answered("@dann_bot who knows")
        assert [entity["type"] for entity in reply.entities] == []
        assert "asp" in reply.text

    played(scene)


def test_private_chats_can_be_closed() -> None:
    async def scene(talk: Talk) -> None:
        talk.simulation.say(talk.alice, talk.at_home, "hello?")
        talk.simulation.say(talk.alice, talk.at_home, "/dann temp=9")
        await talk.answered("@dann_bot hi")
        assert [message.chat for message in talk.simulation.sent] == [talk.tavern]

    played(scene, telegram={"private_chats": False})


def test_links_that_are_on_lead_where_they_should() -> None:
    async def scene(talk: Talk) -> None:
        talk.engine.says = lambda *_: "ask @bob, or https://example.org/@bob"
        reply = await talk.answered("@dann_bot who knows")
        (link,) = reply.entities
        assert (link["type"], link["length"]) == ("url", len("https://example.org/@bob"))

    played(scene, links=True)


def test_what_was_said_in_one_topic_is_not_read_in_another() -> None:
    async def scene(talk: Talk) -> None:
        forum = talk.simulation.group("forum", topics=True)
        for topic in (
            talk.simulation.topic(forum, "music", talk.alice),
            talk.simulation.topic(forum, "cats", talk.alice),
            0,
        ):
            talk.simulation.say(talk.bob, forum, f"about {topic}", thread=topic)
            talk.simulation.say(talk.bob, forum, "@dann_bot well?", thread=topic)
            await talk.simulation.until(lambda topic=topic: talk.engine.texts[-1:] == [[f"about {topic}", "well?"]])  # type: ignore[misc]

    played(scene)


def test_a_full_queue_is_one_kind_line_with_the_seconds_to_wait() -> None:
    async def scene(talk: Talk) -> None:
        talk.engine.full = True
        refused = await talk.answered("@dann_bot one")
        assert refused.text == phrases.busy(1)
        talk.simulation.say(talk.alice, talk.tavern, "@dann_bot two")
        talk.simulation.say(talk.bob, talk.tavern, "/dann")
        assert [message.text for message in await talk.sent(2)] == [phrases.busy(1)] * 2
        talk.engine.full = False
        await talk.answered("@dann_bot three")
        assert len(talk.simulation.sent) == 3
        assert talk.engine.texts == [["one", "two", "three"]]

    played(scene)


def test_an_error_is_logged_with_its_traceback_and_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scene(talk: Talk) -> None:
        talk.engine.says = broken
        assert (await talk.answered("@dann_bot a secret")).text == phrases.FAILED
        assert "RuntimeError: the engine is on fire" in caplog.text
        assert "secret" not in caplog.text
        talk.engine.says = lambda *_: "back again"
        assert (await talk.answered("@dann_bot and now")).text == "back again"
        assert phrases.FAILED not in talk.engine.texts[-1]

    played(scene)


def test_the_defaults_are_those_of_config_toml() -> None:
    sample = SamplingParams(temperature=0.3, top_p=0.5, max_tokens=9)

    async def scene(talk: Talk) -> None:
        for text in ("@dann_bot hello", "/dann", "/dann temp=1,5"):
            await talk.answered(text)
        wild = sample.model_copy(update={"temperature": 1.5})
        assert [request.params for request in talk.engine.requests] == [sample, sample, wild]

    played(scene, sample=sample)
