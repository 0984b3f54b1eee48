"""Telegram, the network and people at their worst: what was asked is answered once or not at all, and dann goes on."""

import asyncio
import logging

import pytest

from bot.replies import phrases
from bot.telegram_bot import requests, send
from tests.bot.telegram_bot.telegram_harness import TelegramHarness, on_telegram
from tests.servers.telegram import Fault

PROBLEMS = {
    "500": Fault("error", code=500),
    "502": Fault("error", code=502),
    "garbage": Fault("garbage"),
    "reset": Fault("reset"),
    "too_many": Fault("too_many", seconds=1),
}


@pytest.mark.parametrize("problem", PROBLEMS)
@on_telegram()
async def test_polling_goes_on_after_anything(
    telegram: TelegramHarness, problem: str, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.simulation.faults.next("getUpdates", PROBLEMS[problem])
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot first")
    await telegram.sent(1)
    await telegram.simulation.until(lambda: not telegram.simulation.faults.left("getUpdates"))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: first", "echo: hi"]
    lines = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in lines if record.exc_info] == [], (
        "trouble on the way is a line, not a traceback"
    )
    assert len(lines) == 2
    assert lines[1].getMessage() == "Telegram answers again"


@on_telegram()
async def test_a_poll_that_hangs_is_given_up(
    telegram: TelegramHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    await telegram.dann.stop()
    monkeypatch.setattr(client, "POLL_SECONDS", 0)
    monkeypatch.setattr(requests, "READ_SECONDS", 0.2)
    telegram.simulation.faults.next("getUpdates", Fault("hang"))
    telegram.dann = telegram.another(telegram.bot.token)
    await telegram.dann.start()
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]
    assert "Telegram cannot be reached (no answer); dann keeps trying" in caplog.text


@pytest.mark.parametrize("fault", [Fault("error", code=500), Fault("too_many", seconds=1)])
@on_telegram()
async def test_a_message_that_telegram_did_not_take_is_sent_again(
    telegram: TelegramHarness, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "RETRY_SECONDS", (0.01, 0.01))
    telegram.simulation.faults.next("sendMessage", fault, fault)
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert [message.text for message in await telegram.sent(1)] == ["echo: hi"]
    assert telegram.bot.used["sendmessage"] == 3


@pytest.mark.parametrize(
    "fault",
    [
        Fault("reset", after=True),
        Fault("reset"),
        Fault("garbage", after=True),
        Fault("error", code=502, after=True),
        Fault("hang", after=True),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.after}",
)
@on_telegram(started=False)
async def test_a_message_that_may_have_been_taken_is_not_sent_twice(
    telegram: TelegramHarness, fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    monkeypatch.setattr(send, "RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(client, "READ_SECONDS", 0.3)
    await telegram.dann.start()
    telegram.simulation.faults.next("sendMessage", fault)
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    await telegram.simulation.until(lambda: "may not have been sent" in caplog.text)
    assert await telegram.replies() == (["echo: hi"] if fault.after else [])
    assert "Traceback" not in caplog.text


@on_telegram()
async def test_an_owner_is_not_told_twice_where_it_may_have_been_told(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.answers.owners = {str(telegram.alice.id)}
    telegram.simulation.say(telegram.alice, telegram.private_chat, "hello")
    await telegram.sent(1)
    telegram.simulation.faults.next("sendMessage", Fault("reset", after=True))
    telegram.simulation.say(telegram.alice, telegram.tavern, "/dann_admin status")
    assert await telegram.replies() == ["echo: hello", "done: status"]
    assert "may not have been sent" in caplog.text
    assert "Traceback" not in caplog.text


@on_telegram()
async def test_an_answer_that_cannot_be_sent_in_time_is_dropped(
    telegram: TelegramHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(send, "SEND_SECONDS", 0.2)
    telegram.simulation.faults.next("sendMessage", Fault("too_many", seconds=600))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    await telegram.simulation.until(lambda: "could not be sent within" in caplog.text)
    monkeypatch.setattr(send, "SEND_SECONDS", 60.0)
    assert await telegram.replies() == [], (
        "and what Telegram asked for one message does not hold up the others for 10 minutes"
    )


@on_telegram()
async def test_typing_that_fails_harms_nothing(telegram: TelegramHarness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.01)
    telegram.simulation.faults.next("sendChatAction", *PROBLEMS.values(), Fault("hang"))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot slow")
    await telegram.simulation.until(lambda: not telegram.simulation.faults.left("sendChatAction"))
    telegram.answers.release.set()
    assert await telegram.replies() == ["echo: slow"]


@on_telegram()
async def test_updates_twice_and_out_of_order_are_answered_once(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.repeat = telegram.simulation.faults.reverse = True
    texts = [str(number) for number in range(8)]
    for text in texts:
        telegram.simulation.say(telegram.alice, telegram.tavern, f"@dann_bot {text}")
    assert await telegram.replies() == [f"echo: {text}" for text in texts]
    messages = [message.id for _, message in telegram.answers.messages]
    assert len(messages) == len(set(messages))


@on_telegram()
async def test_200_people_at_once_are_all_answered_once(telegram: TelegramHarness) -> None:
    """Telegram lets 30 messages a second out, so the last is answered after six."""
    people = [telegram.simulation.user(f"person{number}") for number in range(200)]
    for person in people:
        telegram.simulation.say(person, telegram.simulation.private(person), person.first_name)
    sent = await telegram.sent(200)
    assert sorted(message.text for message in sent) == sorted(f"echo: {person.first_name}" for person in people)
    assert all(message.chat.person and message.text == f"echo: {message.chat.person.first_name}" for message in sent)


@on_telegram()
async def test_an_update_that_cannot_be_read_is_left_out_and_its_words_are_not_logged(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = telegram.simulation.mailboxes[telegram.bot]
    mailbox.put("message", {"message_id": 1, "text": "a confession"})
    mailbox.put("message", {"message_id": "x", "chat": 5, "date": "never", "text": "a confession"})
    mailbox.put("something_new", {"text": "a confession"})
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]
    assert "could not be read" in caplog.text
    assert "confession" not in caplog.text


@on_telegram()
async def test_a_bug_is_logged_with_its_traceback_and_told_without_details(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, "/dann break")
    (lines,) = await telegram.sent(1)
    assert (lines.text, lines.reply_to) == (phrases.FAILED, question)
    assert "ValueError: something inside broke" in caplog.text
    assert await telegram.replies() == [phrases.FAILED]


@on_telegram()
async def test_two_processes_with_one_token_are_told_of_each_other(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    other = telegram.another(telegram.bot.token)
    await other.start()
    try:
        await telegram.simulation.until(lambda: caplog.text.count(requests.SECOND_POLLER) == 2)
        telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
        await telegram.sent(1)
        await telegram.simulation.until(lambda: telegram.bot.used["getupdates"] > 6)
    finally:
        await other.stop()
    assert await telegram.replies() == ["echo: hi"]
    assert caplog.text.count(requests.SECOND_POLLER) == 2, (
        "once by each, though they end each other's polls again and again"
    )


@on_telegram()
async def test_a_token_that_is_revoked_while_it_runs_is_told_and_does_not_end_it(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    del telegram.simulation.bots[telegram.bot.token]
    telegram.simulation.mailboxes[telegram.bot].put("message", {})  # so that the poll that is under way ends
    await telegram.simulation.until(lambda: requests.REFUSAL in caplog.text)
    telegram.simulation.bots[telegram.bot.token] = telegram.bot
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]


@on_telegram(started=False)
async def test_it_goes_on_trying_where_telegram_cannot_be_reached_at_first(
    telegram: TelegramHarness, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    telegram.simulation.faults.next("getMe", *PROBLEMS.values())
    telegram.simulation.faults.next("deleteWebhook", Fault("error"))
    telegram.simulation.faults.next("getMyCommands", Fault("error"))
    line = await telegram.dann.start()
    assert line.startswith("Telegram: @Dann_Bot answers")
    assert caplog.text.count("cannot be reached") == 1
    assert "list of commands could not be set" in caplog.text
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]


@on_telegram(started=False)
async def test_trying_can_be_given_up(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.next("getMe", *[Fault("error")] * 100)
    starting = asyncio.create_task(telegram.dann.start())
    await telegram.simulation.until(lambda: telegram.bot.used.get("getme"))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await telegram.dann.stop()
