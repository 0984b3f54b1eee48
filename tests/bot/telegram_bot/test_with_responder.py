"""Telegram with the real responder behind it: a conversation reads to the network as it went, and what it says goes out."""

import pytest

from bot.replies import phrases
from model.config import SamplingParams
from tests.bot.replies.responder_harness import broken
from tests.bot.telegram_bot.scripted_responder import ResponderHarness, run_scenario


def test_a_conversation_is_read_as_it_went() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.bob, telegram.tavern, "what a day")
        first = await telegram.answered("@dann_bot isn't it")
        await telegram.answered("really, @bob?", reply_to=first)
        assert telegram.engine.texts == [
            ["what a day", "isn't it"],
            ["what a day", "isn't it", "you said isn't it", "really, @someone?"],
        ]
        assert [turn.mine for turn in telegram.engine.requests[1].conversation] == [False, False, True, False]

    run_scenario(scenario)


def test_a_command_can_be_repeated_from_its_footer_and_the_footer_is_never_read() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        first = await telegram.answered("/dann temp=0.8 seed=7 hello")
        again = await telegram.answered("/dann seed=7 temp=0,8 hello")
        assert first.text == again.text
        assert "seed=7 · checkpoint one" in first.text
        await telegram.answered("and then?", reply_to=again)
        assert not any("checkpoint" in text for texts in telegram.engine.texts for text in texts)
        assert telegram.engine.texts[0] == telegram.engine.texts[1] == ["hello"]

    run_scenario(scenario)


def test_cooldowns_and_refusals_are_told_and_never_read() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        await telegram.answered("@dann_bot one")
        refused = await telegram.answered("@dann_bot two")
        assert refused.text == phrases.wait(60)
        telegram.simulation.say(telegram.bob, telegram.tavern, "why not", reply_to=refused)
        await telegram.simulation.until(lambda: len(telegram.engine.requests) == 2)
        assert telegram.engine.texts[1] == ["one", "you said one", "two", "why not"]

    run_scenario(scenario, cooldown_seconds=60)


def test_what_was_said_in_private_stays_there() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.alice, telegram.private_chat, "a secret")
        await telegram.sent(1)
        await telegram.answered("@dann_bot hi")
        assert telegram.engine.texts == [["a secret"], ["hi"]]

    run_scenario(scenario)


def test_words_that_would_call_somebody_reach_nobody() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.engine.says = lambda *_: "ask @bob and @everyone, or tg://user?id=5 at https://example.org, no asp.net"
        reply = await telegram.answered("@dann_bot who knows")
        assert [entity["type"] for entity in reply.entities] == []
        assert "asp" in reply.text

    run_scenario(scenario)


def test_private_chats_can_be_closed() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.simulation.say(telegram.alice, telegram.private_chat, "hello?")
        telegram.simulation.say(telegram.alice, telegram.private_chat, "/dann temp=9")
        await telegram.answered("@dann_bot hi")
        assert [message.chat for message in telegram.simulation.sent] == [telegram.tavern]

    run_scenario(scenario, telegram={"private_chats": False})


def test_links_that_are_on_lead_where_they_should() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.engine.says = lambda *_: "ask @bob, or https://example.org/@bob"
        reply = await telegram.answered("@dann_bot who knows")
        (link,) = reply.entities
        assert (link["type"], link["length"]) == ("url", len("https://example.org/@bob"))

    run_scenario(scenario, links=True)


def test_what_was_said_in_one_topic_is_not_read_in_another() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        forum = telegram.simulation.group("forum", topics=True)
        for topic in (
            telegram.simulation.topic(forum, "music", telegram.alice),
            telegram.simulation.topic(forum, "cats", telegram.alice),
            0,
        ):
            telegram.simulation.say(telegram.bob, forum, f"about {topic}", thread=topic)
            telegram.simulation.say(telegram.bob, forum, "@dann_bot well?", thread=topic)
            expected = [[f"about {topic}", "well?"]]
            await telegram.simulation.until(lambda expected=expected: telegram.engine.texts[-1:] == expected)  # type: ignore[misc]

    run_scenario(scenario)


def test_a_full_queue_is_one_kind_line_with_the_seconds_to_wait() -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.engine.full = True
        refused = await telegram.answered("@dann_bot one")
        assert refused.text == phrases.busy(1)
        telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot two")
        telegram.simulation.say(telegram.bob, telegram.tavern, "/dann")
        assert [message.text for message in await telegram.sent(2)] == [phrases.busy(1)] * 2
        telegram.engine.full = False
        await telegram.answered("@dann_bot three")
        assert len(telegram.simulation.sent) == 3
        assert telegram.engine.texts == [["one", "two", "three"]]

    run_scenario(scenario)


def test_an_error_is_logged_with_its_traceback_and_told_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async def scenario(telegram: ResponderHarness) -> None:
        telegram.engine.says = broken
        assert (await telegram.answered("@dann_bot a secret")).text == phrases.FAILED
        assert "RuntimeError: the engine is on fire" in caplog.text
        assert "secret" not in caplog.text
        telegram.engine.says = lambda *_: "back again"
        assert (await telegram.answered("@dann_bot and now")).text == "back again"
        assert phrases.FAILED not in telegram.engine.texts[-1]

    run_scenario(scenario)


def test_the_defaults_are_those_of_config_toml() -> None:
    sample = SamplingParams(temperature=0.3, top_p=0.5, max_tokens=9)

    async def scenario(telegram: ResponderHarness) -> None:
        for text in ("@dann_bot hello", "/dann", "/dann temp=1,5"):
            await telegram.answered(text)
        wild = sample.model_copy(update={"temperature": 1.5})
        assert [request.params for request in telegram.engine.requests] == [sample, sample, wild]

    run_scenario(scenario, sample=sample)
