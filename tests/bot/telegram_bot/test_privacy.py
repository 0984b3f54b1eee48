"""`/dann_privacy` on Telegram, with the real responder and a real store behind it."""

import asyncio
from pathlib import Path

import pytest

from bot.replies.types import Author, Channel
from bot.serving.privacy import Privacy
from bot.telegram_bot.commands import MAX_NAME, privacy_command
from tests.bot.scripted_engine import Clock
from tests.bot.serving.privacy_harness import PrivacyHarness
from tests.bot.telegram_bot.scripted_responder import ResponderHarness, run_scenario


def test_a_person_sees_what_is_kept_and_leaves(tmp_path: Path) -> None:
    """Answered in their own chat where there is one, else where they asked; an export has the same people."""

    async def scenario(telegram: ResponderHarness) -> None:
        harness, clock = PrivacyHarness(tmp_path, "telegram", telegram.alice.id, 5), Clock()
        telegram.responder._privacy = harness.privacy
        telegram.responder._lookups._clock = clock

        async def order(typed: str) -> str:
            clock.now += 10
            before = len(telegram.simulation.sent)
            telegram.simulation.say(telegram.alice, telegram.tavern, typed)
            return (await telegram.sent(before + 1))[before].text

        shown = await order("/dann_privacy")
        assert shown.split("\n")[0] == "stored: 1 messages that you wrote on Telegram, to learn from"
        assert telegram.simulation.sent[-1].chat is telegram.tavern
        telegram.simulation.say(telegram.alice, telegram.private_chat, "hi")
        await telegram.sent(2)
        assert await order("/dann_privacy@dann_bot ignore_me") == (
            "you are not answered, remembered or learned from any more; answer-me takes that back"
        )
        assert telegram.simulation.sent[-1].chat is telegram.private_chat
        read = len(telegram.engine.requests)
        telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot do you hear me?")
        telegram.simulation.say(telegram.bob, telegram.tavern, "@dann_bot and me?")
        assert (await telegram.sent(4))[3].text == "you said and me?"
        assert telegram.engine.texts[read:] == [["and me?"]]
        assert await order("/dann-privacy answer-me") == "you are answered again"
        assert (await order("/dann_privacy forget-me")).startswith("asked: ")
        assert "alice on Telegram asks to be forgotten" in harness.news[0]
        assert await order("/dann_privacy sing") == "there are show, ignore-me, answer-me and forget-me"

    run_scenario(scenario)


def test_who_is_ignored_stays_so_after_a_restart_and_where_the_secret_is_gone_that_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    harness = PrivacyHarness(tmp_path, "telegram", 7)

    async def scenario() -> None:
        channel, ann = Channel("telegram", "1"), Author("7", "Ann")
        await harness.privacy.run(channel, ann, "ignore-me")
        again = Privacy(harness.data, harness.tell, 60.0)
        assert again.ignores(channel, Author("8")), "who is ignored has not been read yet"
        await again.load()
        assert again.ignores(channel, ann)
        assert not again.ignores(channel, Author("8"))
        (harness.data.dir / "secret").unlink()
        await Privacy(harness.data, harness.tell, 60.0).load()

    asyncio.run(scenario())
    assert "who is to be ignored is not known: " in caplog.text
    assert "secret: is gone" in caplog.text


@pytest.mark.parametrize(("command", "name"), [("dann", "dann_privacy"), ("x" * 26, f"{'x' * 24}_privacy")])
def test_its_name_is_one_that_telegram_takes(command: str, name: str) -> None:
    assert privacy_command(command) == name
    assert len(name) <= MAX_NAME
