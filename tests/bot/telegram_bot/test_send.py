"""How dann's words go out on Telegram: as replies, plain, in pieces that fit, as fast as is allowed, and only once."""

import asyncio
import json

import pytest

from bot.replies.split import utf16_units
from bot.replies.types import Reply
from bot.telegram_bot import send
from bot.telegram_bot.send import LIMIT, pieces
from tests.bot.telegram_bot.telegram_harness import Echo, Scene, on_telegram
from tests.servers.telegram import Fault


@on_telegram()
async def test_answers_are_replies_in_plain_text_without_previews(scene: Scene) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, "@dann_bot *see* <b>https://example.org</b>")
    (reply,) = await scene.sent(1)
    assert reply.text == "echo: *see* <b>https://example.org</b>"
    assert "parse_mode" not in reply.request
    assert json.loads(reply.request["link_preview_options"]) == {"is_disabled": True}
    assert json.loads(reply.request["reply_parameters"]) == {
        "message_id": asked.id,
        "allow_sending_without_reply": True,
    }


@on_telegram()
async def test_a_message_that_was_deleted_meanwhile_is_answered_without_quoting_it(scene: Scene) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, "@dann_bot slow")
    await scene.simulation.until(lambda: scene.answers.mentions)
    scene.simulation.delete(asked)
    scene.answers.gate.set()
    (reply,) = await scene.sent(1)
    assert reply.reply_to is None


class Long(Echo):
    """Answers at length."""

    text = " ".join(f"sentence {n} with 😂 in it." for n in range(400))
    """11,089 units: three messages."""

    def reply(self, text: str) -> Reply:
        return Reply(self.text, self.footer) if text == "long" else super().reply(text)


@on_telegram(answers=Long)
async def test_what_is_too_long_is_split_at_4096_utf16_units(scene: Scene) -> None:
    asked = scene.simulation.say(scene.alice, scene.tavern, "@dann_bot long")
    parts = await scene.sent(3)
    assert all(utf16_units(part.text) <= 4096 for part in parts)
    assert " ".join(part.text for part in parts) == Long.text
    assert all(part.text.endswith("it.") for part in parts)
    assert [part.reply_to for part in parts] == [asked, None, None]
    await scene.replies()
    mine = [said.text for place, said in scene.answers.messages if said.author.is_me and not place.private]
    assert mine == [part.text for part in parts]


@pytest.mark.parametrize("length", [1, LIMIT - 20, LIMIT - 5, LIMIT, LIMIT + 1, 3 * LIMIT])
def test_a_footer_always_finds_room(length: int) -> None:
    parts = pieces(Reply("x" * length, "temp 0.8 seed 7"))
    assert "".join(text for text, _ in parts) == "x" * length
    assert [footer for _, footer in parts] == [""] * (len(parts) - 1) + ["\n\ntemp 0.8 seed 7"]
    assert all(utf16_units(text + footer) <= LIMIT for text, footer in parts)


@on_telegram()
async def test_typing_is_shown_while_an_answer_takes_its_time(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.02)
    forum = scene.simulation.group("forum", topics=True)
    music = scene.simulation.topic(forum, "music", scene.alice)
    scene.simulation.say(scene.alice, forum, "@dann_bot slow one", thread=music)
    await scene.simulation.until(lambda: len(scene.simulation.actions) >= 3)
    assert set(scene.simulation.actions) == {(forum, music, "typing")}
    scene.answers.gate.set()
    await scene.sent(1)
    shown = len(scene.simulation.actions)
    await asyncio.sleep(0.1)
    assert len(scene.simulation.actions) == shown, "nobody types once the answer is there"


@on_telegram()
async def test_nobody_types_where_there_is_no_answer_or_it_is_there_at_once(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot quick")
    scene.simulation.say(scene.alice, scene.tavern, "not for dann")
    await scene.replies()
    assert scene.simulation.actions == []


@on_telegram()
async def test_a_slow_answer_holds_up_nobody(scene: Scene) -> None:
    for _ in range(20):
        scene.simulation.say(scene.alice, scene.at_home, "slow")
    scene.simulation.say(scene.bob, scene.tavern, "@dann_bot quick")
    assert await scene.replies() == ["echo: quick"]
    scene.answers.gate.set()
    await scene.simulation.until(lambda: sum(message.text == "echo: slow" for message in scene.simulation.sent) == 20)


@on_telegram()
async def test_messages_go_out_no_faster_than_telegram_allows(scene: Scene) -> None:
    """The server lets 30 a second through and refuses more; a group has 20 a minute.

    On a busy machine what was sent in time may come late and beside others: a few are refused then and sent again.
    """
    people = [scene.simulation.user(f"person{n}") for n in range(70)]
    for person in people:
        scene.simulation.say(person, scene.simulation.private(person), "hi")
    await scene.sent(70)
    asked = scene.bot.used["sendmessage"]
    assert asked < 80, "as good as none was refused with 429"
    assert len({message.chat.id for message in scene.simulation.sent}) == 70
    for number in range(25):
        scene.simulation.say(scene.alice, scene.tavern, f"@dann_bot {number}")
    await scene.simulation.until(lambda: sum(message.chat is scene.tavern for message in scene.simulation.sent) >= 20)
    assert scene.bot.used["sendmessage"] < asked + 25
    await scene.dann.stop(0)


@on_telegram()
async def test_retry_after_is_honoured(scene: Scene) -> None:
    scene.simulation.faults.next("sendMessage", Fault("too_many", seconds=1))
    loop = asyncio.get_running_loop()
    begun = loop.time()
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    await scene.sent(1)
    assert loop.time() - begun >= 1.0
    assert scene.bot.used["sendmessage"] == 2


@on_telegram()
async def test_while_a_message_is_put_off_others_are_heard_and_their_answers_drawn(scene: Scene) -> None:
    scene.simulation.faults.next("sendMessage", Fault("too_many", seconds=600))
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    await scene.simulation.until(lambda: not scene.simulation.faults.left("sendMessage"))
    scene.simulation.say(scene.bob, scene.tavern, "@dann_bot ho")
    await scene.simulation.until(lambda: len(scene.answers.mentions) == 2)
    assert scene.simulation.sent == []
    await scene.dann.stop(0)


@on_telegram()
async def test_a_group_that_became_a_supergroup_is_answered_there(scene: Scene) -> None:
    old = scene.simulation.group("small", kind="group")
    scene.simulation.say(scene.alice, old, "@dann_bot slow")
    await scene.simulation.until(lambda: scene.answers.mentions)
    old.migrated_to = scene.tavern.id
    scene.answers.gate.set()
    (reply,) = await scene.sent(1)
    assert reply.chat is scene.tavern


@pytest.mark.parametrize("trouble", ["blocked", "muted", "kicked", "topic"])
@on_telegram()
async def test_where_it_may_not_speak_it_goes_on_elsewhere(
    scene: Scene, trouble: str, caplog: pytest.LogCaptureFixture
) -> None:
    forum = scene.simulation.group("forum", topics=True)
    thread = scene.simulation.topic(forum, "gone", scene.alice)
    chat = scene.at_home if trouble == "blocked" else forum
    scene.simulation.say(scene.alice, chat, "@dann_bot slow", thread=thread if chat is forum else 0)
    await scene.simulation.until(lambda: scene.answers.mentions)
    if trouble == "topic":
        del forum.topics[thread]
    else:
        setattr(chat, trouble, True)
    scene.answers.gate.set()
    await scene.simulation.until(lambda: "takes no answer" in caplog.text)
    assert await scene.replies() == []
    assert "Traceback" not in caplog.text
