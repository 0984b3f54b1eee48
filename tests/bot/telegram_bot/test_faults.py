"""Telegram, the network and people at their worst: what was asked is answered once or not at all, and dann goes on."""

import asyncio
import logging

import pytest

from bot.replies import phrases
from bot.telegram_bot import requests, send
from tests.bot.telegram_bot.telegram_harness import Scene, on_telegram
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
async def test_polling_goes_on_after_anything(scene: Scene, problem: str, caplog: pytest.LogCaptureFixture) -> None:
    scene.simulation.faults.next("getUpdates", PROBLEMS[problem])
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot first")
    await scene.sent(1)
    await scene.simulation.until(lambda: not scene.simulation.faults.left("getUpdates"))
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: first", "echo: hi"]
    told = [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert [record.exc_info for record in told if record.exc_info] == [], (
        "trouble on the way is a line, not a traceback"
    )
    assert len(told) == 2
    assert told[1].getMessage() == "Telegram answers again"


@on_telegram()
async def test_a_poll_that_hangs_is_given_up(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    await scene.dann.stop()
    monkeypatch.setattr(client, "POLL_SECONDS", 0)
    monkeypatch.setattr(requests, "READ_SECONDS", 0.2)
    scene.simulation.faults.next("getUpdates", Fault("hang"))
    scene.dann = scene.another(scene.bot.token)
    await scene.dann.start()
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]
    assert "Telegram cannot be reached (no answer); dann keeps trying" in caplog.text


@pytest.mark.parametrize("fault", [Fault("error", code=500), Fault("too_many", seconds=1)])
@on_telegram()
async def test_a_message_that_telegram_did_not_take_is_sent_again(
    scene: Scene, fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "RETRY_SECONDS", (0.01, 0.01))
    scene.simulation.faults.next("sendMessage", fault, fault)
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert [message.text for message in await scene.sent(1)] == ["echo: hi"]
    assert scene.bot.used["sendmessage"] == 3


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
    scene: Scene, fault: Fault, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    monkeypatch.setattr(send, "RETRY_SECONDS", (0.01, 0.01))
    monkeypatch.setattr(client, "READ_SECONDS", 0.3)
    await scene.dann.start()
    scene.simulation.faults.next("sendMessage", fault)
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    await scene.simulation.until(lambda: "may not have been sent" in caplog.text)
    assert await scene.replies() == (["echo: hi"] if fault.after else [])
    assert "Traceback" not in caplog.text


@on_telegram()
async def test_an_owner_is_not_told_twice_where_it_may_have_been_told(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    scene.answers.owners = {str(scene.alice.id)}
    scene.simulation.say(scene.alice, scene.at_home, "hello")
    await scene.sent(1)
    scene.simulation.faults.next("sendMessage", Fault("reset", after=True))
    scene.simulation.say(scene.alice, scene.tavern, "/dann_admin status")
    assert await scene.replies() == ["echo: hello", "done: status"]
    assert "may not have been sent" in caplog.text
    assert "Traceback" not in caplog.text


@on_telegram()
async def test_an_answer_that_cannot_be_sent_in_time_is_dropped(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(send, "SEND_SECONDS", 0.2)
    scene.simulation.faults.next("sendMessage", Fault("too_many", seconds=600))
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    await scene.simulation.until(lambda: "could not be sent within" in caplog.text)
    monkeypatch.setattr(send, "SEND_SECONDS", 60.0)
    assert await scene.replies() == [], (
        "and what Telegram asked for one message does not hold up the others for 10 minutes"
    )


@on_telegram()
async def test_typing_that_fails_harms_nothing(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.01)
    scene.simulation.faults.next("sendChatAction", *PROBLEMS.values(), Fault("hang"))
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot slow")
    await scene.simulation.until(lambda: not scene.simulation.faults.left("sendChatAction"))
    scene.answers.gate.set()
    assert await scene.replies() == ["echo: slow"]


@on_telegram()
async def test_updates_twice_and_out_of_order_are_answered_once(scene: Scene) -> None:
    scene.simulation.faults.repeat = scene.simulation.faults.reverse = True
    texts = [str(number) for number in range(8)]
    for text in texts:
        scene.simulation.say(scene.alice, scene.tavern, f"@dann_bot {text}")
    assert await scene.replies() == [f"echo: {text}" for text in texts]
    heard = [said.id for _, said in scene.answers.messages]
    assert len(heard) == len(set(heard))


@on_telegram()
async def test_200_people_at_once_are_all_answered_once(scene: Scene) -> None:
    """Telegram lets 30 messages a second out, so the last is answered after six."""
    people = [scene.simulation.user(f"person{number}") for number in range(200)]
    for person in people:
        scene.simulation.say(person, scene.simulation.private(person), person.first_name)
    sent = await scene.sent(200)
    assert sorted(message.text for message in sent) == sorted(f"echo: {person.first_name}" for person in people)
    assert all(message.chat.person and message.text == f"echo: {message.chat.person.first_name}" for message in sent)


@on_telegram()
async def test_an_update_that_cannot_be_read_is_left_out_and_its_words_are_not_logged(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    mailbox = scene.simulation.mailboxes[scene.bot]
    mailbox.put("message", {"message_id": 1, "text": "a confession"})
    mailbox.put("message", {"message_id": "x", "chat": 5, "date": "never", "text": "a confession"})
    mailbox.put("something_new", {"text": "a confession"})
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]
    assert "could not be read" in caplog.text
    assert "confession" not in caplog.text


@on_telegram()
async def test_a_bug_is_logged_with_its_traceback_and_told_without_details(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, "/dann break")
    (told,) = await scene.sent(1)
    assert (told.text, told.reply_to) == (phrases.FAILED, asked)
    assert "ValueError: something inside broke" in caplog.text
    assert await scene.replies() == [phrases.FAILED]


@on_telegram()
async def test_two_processes_with_one_token_are_told_of_each_other(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    other = scene.another(scene.bot.token)
    await other.start()
    try:
        await scene.simulation.until(lambda: caplog.text.count(requests.SECOND_POLLER) == 2)
        scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
        await scene.sent(1)
        await scene.simulation.until(lambda: scene.bot.used["getupdates"] > 6)
    finally:
        await other.stop()
    assert await scene.replies() == ["echo: hi"]
    assert caplog.text.count(requests.SECOND_POLLER) == 2, (
        "once by each, though they end each other's polls again and again"
    )


@on_telegram()
async def test_a_token_that_is_revoked_while_it_runs_is_told_and_does_not_end_it(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    del scene.simulation.bots[scene.bot.token]
    scene.simulation.mailboxes[scene.bot].put("message", {})  # so that the poll that is under way ends
    await scene.simulation.until(lambda: requests.REFUSAL in caplog.text)
    scene.simulation.bots[scene.bot.token] = scene.bot
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]


@on_telegram(started=False)
async def test_it_goes_on_trying_where_telegram_cannot_be_reached_at_first(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    from bot.telegram_bot import client

    monkeypatch.setattr(client, "FIRST_PAUSE", 0.01)
    scene.simulation.faults.next("getMe", *PROBLEMS.values())
    scene.simulation.faults.next("deleteWebhook", Fault("error"))
    scene.simulation.faults.next("getMyCommands", Fault("error"))
    line = await scene.dann.start()
    assert line.startswith("Telegram: @Dann_Bot answers")
    assert caplog.text.count("cannot be reached") == 1
    assert "list of commands could not be set" in caplog.text
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]


@on_telegram(started=False)
async def test_trying_can_be_given_up(scene: Scene) -> None:
    scene.simulation.faults.next("getMe", *[Fault("error")] * 100)
    starting = asyncio.create_task(scene.dann.start())
    await scene.simulation.until(lambda: scene.bot.used.get("getme"))
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    await scene.dann.stop()
