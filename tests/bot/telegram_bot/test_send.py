"""How dann's words go out on Telegram: as replies, plain, in pieces that fit, as fast as is allowed, and only once."""

import asyncio
import json

import pytest

from bot.replies.split import utf16_units
from bot.replies.types import Reply
from bot.telegram_bot import send
from bot.telegram_bot.send import LIMIT, pieces
from tests.bot.telegram_bot.telegram_harness import RecordingReplier, TelegramHarness, on_telegram
from tests.servers.telegram import Fault


@on_telegram()
async def test_answers_are_replies_in_plain_text_without_previews(telegram: TelegramHarness) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot *see* <b>https://example.org</b>")
    (reply,) = await telegram.sent(1)
    assert reply.text == "echo: *see* <b>https://example.org</b>"
    assert "parse_mode" not in reply.request
    assert json.loads(reply.request["link_preview_options"]) == {"is_disabled": True}
    assert json.loads(reply.request["reply_parameters"]) == {
        "message_id": question.id,
        "allow_sending_without_reply": True,
    }


@on_telegram()
async def test_a_message_that_was_deleted_meanwhile_is_answered_without_quoting_it(telegram: TelegramHarness) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot slow")
    await telegram.simulation.until(lambda: telegram.answers.mentions)
    telegram.simulation.delete(question)
    telegram.answers.release.set()
    (reply,) = await telegram.sent(1)
    assert reply.reply_to is None


class Long(RecordingReplier):
    """Answers at length."""

    text = " ".join(f"sentence {n} with 😂 in it." for n in range(400))
    """11,089 units: three messages."""

    def reply(self, text: str) -> Reply:
        return Reply(self.text, self.footer) if text == "long" else super().reply(text)


@on_telegram(answers=Long)
async def test_what_is_too_long_is_split_at_4096_utf16_units(telegram: TelegramHarness) -> None:
    question = telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot long")
    parts = await telegram.sent(3)
    assert all(utf16_units(part.text) <= 4096 for part in parts)
    assert " ".join(part.text for part in parts) == Long.text
    assert all(part.text.endswith("it.") for part in parts)
    assert [part.reply_to for part in parts] == [question, None, None]
    await telegram.replies()
    mine = [
        message.text for channel, message in telegram.answers.messages if message.author.is_me and not channel.private
    ]
    assert mine == [part.text for part in parts]


@pytest.mark.parametrize("length", [1, LIMIT - 20, LIMIT - 5, LIMIT, LIMIT + 1, 3 * LIMIT])
def test_a_footer_always_finds_room(length: int) -> None:
    parts = pieces(Reply("x" * length, "temp 0.8 seed 7"))
    assert "".join(text for text, _ in parts) == "x" * length
    assert [footer for _, footer in parts] == [""] * (len(parts) - 1) + ["\n\ntemp 0.8 seed 7"]
    assert all(utf16_units(text + footer) <= LIMIT for text, footer in parts)


@on_telegram()
async def test_typing_is_shown_while_an_answer_takes_its_time(
    telegram: TelegramHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.02)
    forum = telegram.simulation.group("forum", topics=True)
    music = telegram.simulation.topic(forum, "music", telegram.alice)
    telegram.simulation.say(telegram.alice, forum, "@dann_bot slow one", thread=music)
    await telegram.simulation.until(lambda: len(telegram.simulation.actions) >= 3)
    assert set(telegram.simulation.actions) == {(forum, music, "typing")}
    telegram.answers.release.set()
    await telegram.sent(1)
    shown = len(telegram.simulation.actions)
    await asyncio.sleep(0.1)
    assert len(telegram.simulation.actions) == shown, "nobody types once the answer is there"


@on_telegram()
async def test_nobody_types_where_there_is_no_answer_or_it_is_there_at_once(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot quick")
    telegram.simulation.say(telegram.alice, telegram.tavern, "not for dann")
    await telegram.replies()
    assert telegram.simulation.actions == []


@on_telegram()
async def test_a_slow_answer_holds_up_nobody(telegram: TelegramHarness) -> None:
    for _ in range(20):
        telegram.simulation.say(telegram.alice, telegram.private_chat, "slow")
    telegram.simulation.say(telegram.bob, telegram.tavern, "@dann_bot quick")
    assert await telegram.replies() == ["echo: quick"]
    telegram.answers.release.set()
    await telegram.simulation.until(
        lambda: sum(message.text == "echo: slow" for message in telegram.simulation.sent) == 20
    )


@on_telegram()
async def test_messages_go_out_no_faster_than_telegram_allows(telegram: TelegramHarness) -> None:
    """The server lets 30 a second through and refuses more; a group has 20 a minute.

    On a busy machine what was sent in time may come late and beside others: a few are refused then and sent again.
    """
    people = [telegram.simulation.user(f"person{n}") for n in range(70)]
    for person in people:
        telegram.simulation.say(person, telegram.simulation.private(person), "hi")
    await telegram.sent(70)
    question = telegram.bot.used["sendmessage"]
    assert question < 100, "without a pace of its own, 40 are refused with 429"
    assert len({message.chat.id for message in telegram.simulation.sent}) == 70
    for number in range(25):
        telegram.simulation.say(telegram.alice, telegram.tavern, f"@dann_bot {number}")
    await telegram.simulation.until(
        lambda: sum(message.chat is telegram.tavern for message in telegram.simulation.sent) >= 20
    )
    assert telegram.bot.used["sendmessage"] < question + 25
    await telegram.dann.stop(0)


@on_telegram()
async def test_retry_after_is_honoured(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.next("sendMessage", Fault("too_many", seconds=1))
    loop = asyncio.get_running_loop()
    started = loop.time()
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    await telegram.sent(1)
    assert loop.time() - started >= 1.0
    assert telegram.bot.used["sendmessage"] == 2


@on_telegram()
async def test_a_429_holds_up_its_chat_alone(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.next("sendMessage", Fault("too_many", seconds=3))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot first")
    await telegram.simulation.until(lambda: not telegram.simulation.faults.left("sendMessage"))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot second")
    telegram.simulation.say(telegram.bob, telegram.simulation.group("market"), "@dann_bot elsewhere")
    telegram.simulation.say(telegram.alice, telegram.private_chat, "in private")
    sent = await telegram.sent(4)
    assert {message.text for message in sent[:2]} == {"echo: elsewhere", "echo: in private"}
    assert {message.text for message in sent[2:]} == {"echo: first", "echo: second"}
    assert telegram.bot.used["sendmessage"] == 5


@on_telegram()
async def test_a_chat_that_is_held_up_for_longer_than_anybody_waits_is_not_asked_again(
    telegram: TelegramHarness, caplog: pytest.LogCaptureFixture
) -> None:
    telegram.simulation.faults.next("sendMessage", Fault("too_many", seconds=600))
    for text in ("first", "second"):
        telegram.simulation.say(telegram.alice, telegram.tavern, f"@dann_bot {text}")
        await telegram.simulation.until(lambda: "could not be sent within" in caplog.text)
        caplog.clear()
    assert telegram.bot.used["sendmessage"] == 1
    assert "Traceback" not in caplog.text
    assert await telegram.replies() == []


@on_telegram()
async def test_while_a_message_is_put_off_others_are_heard_and_their_answers_drawn(telegram: TelegramHarness) -> None:
    telegram.simulation.faults.next("sendMessage", Fault("too_many", seconds=60))
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    await telegram.simulation.until(lambda: not telegram.simulation.faults.left("sendMessage"))
    telegram.simulation.say(telegram.bob, telegram.tavern, "@dann_bot ho")
    await telegram.simulation.until(lambda: len(telegram.answers.mentions) == 2)
    assert telegram.simulation.sent == []
    await telegram.dann.stop(0)


@on_telegram()
async def test_a_group_that_became_a_supergroup_is_answered_there(telegram: TelegramHarness) -> None:
    old = telegram.simulation.group("small", kind="group")
    telegram.simulation.say(telegram.alice, old, "@dann_bot slow")
    await telegram.simulation.until(lambda: telegram.answers.mentions)
    old.migrated_to = telegram.tavern.id
    telegram.answers.release.set()
    (reply,) = await telegram.sent(1)
    assert reply.chat is telegram.tavern


@pytest.mark.parametrize("trouble", ["blocked", "muted", "kicked", "topic"])
@on_telegram()
async def test_where_it_may_not_speak_it_goes_on_elsewhere(
    telegram: TelegramHarness, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    forum = telegram.simulation.group("forum", topics=True)
    thread = telegram.simulation.topic(forum, "gone", telegram.alice)
    chat = telegram.private_chat if trouble == "blocked" else forum
    telegram.simulation.say(telegram.alice, chat, "@dann_bot slow", thread=thread if chat is forum else 0)
    await telegram.simulation.until(lambda: telegram.answers.mentions)
    if trouble == "topic":
        del forum.topics[thread]
    else:
        setattr(chat, trouble, True)
    telegram.answers.release.set()
    await telegram.simulation.until(lambda: "takes no answer" in caplog.text)
    assert await telegram.replies() == []
    assert "Traceback" not in caplog.text
