"""Collecting on Telegram: what an owner says and edits in a supergroup is so in the store, and nothing else is."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from bot.platforms import settings_class
from bot.serving.collect import Collector
from bot.telegram_bot.client import TelegramBot
from tests.bot.telegram_bot.telegram_harness import TelegramHarness, on_telegram
from tests.bot.test_app import publish, serving
from tests.servers.telegram import TelegramServer
from tests.servers.telegram.objects import Chat, Message
from tests.training.posts.test_importer import load
from training.store.post import Post
from training.store.posts import open_store

pytestmark = pytest.mark.usefixtures("forked")


def posts(folder: Path) -> list[Post]:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return list(store.posts())


@asynccontextmanager
async def collecting(telegram: TelegramHarness, folder: Path, **table: Any) -> AsyncIterator[None]:
    """dann, collecting what Alice writes; at the end it has stopped as app.py stops it."""
    listed = {"collect": True, "owners": (str(telegram.alice.id),), "base_url": telegram.server.base_url} | table
    settings = settings_class().model_validate({"data": {"dir": folder}, "bot": {"telegram": listed}})
    async with Collector(settings) as collector:
        telegram.dann = TelegramBot(telegram.bot.token, settings, telegram.answers, collector)
        await telegram.dann.start()
        yield
        await telegram.dann.stop()


async def settled(telegram: TelegramHarness, folder: Path, *expected: str) -> None:
    await telegram.simulation.until(lambda: [post.text for post in posts(folder)] == list(expected))


def bare(chat: Chat) -> int:
    """A supergroup's id as exports have it."""
    return int(str(chat.id).removeprefix("-100"))


@on_telegram(started=False)
async def test_what_an_owner_says_is_stored_and_what_others_say_is_not(
    telegram: TelegramHarness, tmp_path: Path
) -> None:
    async with collecting(telegram, tmp_path):
        question = telegram.simulation.say(telegram.bob, telegram.tavern, "did you water the beans, secretly")
        mention = {"type": "text_mention", "offset": 19, "length": 3, "user": telegram.bob.shown()}
        answer = telegram.simulation.say(
            telegram.alice, telegram.tavern, "😂 @dann_bot twice Bob @carol", reply_to=question, entities=[mention]
        )
        await settled(telegram, tmp_path, "😂 @someone twice @someone @someone")
    (post,) = posts(tmp_path)
    chat = f"telegram:{bare(telegram.tavern)}"
    assert (post.id, post.channel, post.mine) == (f"{chat}:{answer.id}", chat, True)
    assert (post.time, post.reply_to) == (float(answer.date), f"{chat}:{question.id}")
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"secretly", str(telegram.alice.id).encode(), str(telegram.bob.id).encode(), b"carol"):
        assert secret not in written


@on_telegram(started=False)
async def test_nothing_is_stored_unless_config_says_so(telegram: TelegramHarness, tmp_path: Path) -> None:
    async with collecting(telegram, tmp_path, collect=False):
        telegram.simulation.edit(telegram.simulation.say(telegram.alice, telegram.tavern, "keep this"), "or this")
        await telegram.replies()
    assert list(tmp_path.iterdir()) == []


@on_telegram(started=False)
async def test_an_edit_updates_and_one_to_no_words_removes_for_good(telegram: TelegramHarness, tmp_path: Path) -> None:
    async with collecting(telegram, tmp_path):
        message = telegram.simulation.say(telegram.alice, telegram.tavern, "one")
        other = telegram.simulation.say(telegram.alice, telegram.tavern, "two")
        await settled(telegram, tmp_path, "one", "two")
        telegram.simulation.edit(message, "eins")
        await settled(telegram, tmp_path, "eins", "two")
        telegram.simulation.edit(other, "https://example.org")
        await settled(telegram, tmp_path, "eins")
    assert posts(tmp_path)[0].edited is not None
    other.text = "two"
    assert load_all(tmp_path, exported(tmp_path, telegram.tavern, other), telegram).forgotten == 1


@on_telegram(started=False)
async def test_what_is_nobodys_words_is_left_out(telegram: TelegramHarness, tmp_path: Path) -> None:
    async with collecting(telegram, tmp_path):
        say, alice, tavern = telegram.simulation.say, telegram.alice, telegram.tavern
        for text in ("/dann temp=0.8 hello", "/dann@dann_bot hi", "/other thing", "!play", "www.example.org"):
            say(alice, tavern, text)
        say(alice, tavern, attachment="photo")
        origin = {"type": "hidden_user", "sender_user_name": "x", "date": 1}
        say(alice, tavern, "forwarded", extra={"forward_origin": origin})
        say(alice, tavern, "of a bot", extra={"via_bot": telegram.bot.shown()})
        say(alice, tavern, "as the group", extra={"sender_chat": tavern.shown()})
        say(telegram.bob, tavern, "somebody else's")
        say(alice, tavern, "under a picture", attachment="photo")
        await settled(telegram, tmp_path, "under a picture")


@on_telegram(started=False)
async def test_where_an_export_numbers_otherwise_nothing_is_collected(
    telegram: TelegramHarness, tmp_path: Path
) -> None:
    """There the next import would add it again."""
    async with collecting(telegram, tmp_path):
        telegram.simulation.say(telegram.alice, telegram.private_chat, "in private")
        telegram.simulation.say(telegram.alice, telegram.simulation.group("small", kind="group"), "in a small group")
        telegram.simulation.say(telegram.alice, telegram.tavern, "in a supergroup")
        await settled(telegram, tmp_path, "in a supergroup")


@on_telegram(started=False)
async def test_what_was_said_while_dann_was_away_is_collected_too(telegram: TelegramHarness, tmp_path: Path) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "an hour ago", ago=3600)
    async with collecting(telegram, tmp_path):
        await settled(telegram, tmp_path, "an hour ago")


@on_telegram(started=False)
async def test_an_export_of_the_same_messages_adds_nothing(telegram: TelegramHarness, tmp_path: Path) -> None:
    forum = telegram.simulation.group("forum", topics=True)
    topic = telegram.simulation.topic(forum, "soup", telegram.bob)
    async with collecting(telegram, tmp_path):
        first = telegram.simulation.say(telegram.alice, forum, "in general, @carol")
        question = telegram.simulation.say(telegram.bob, forum, "which?", thread=topic)
        second = telegram.simulation.say(telegram.alice, forum, "this one\n\nor that", thread=topic, reply_to=question)
        third = telegram.simulation.say(telegram.alice, forum, "no answer", thread=topic)
        telegram.simulation.edit(third, "no answer, edited")
        await settled(telegram, tmp_path, "in general, @someone", "this one\n\nor that", "no answer, edited")
    before = posts(tmp_path)
    created = forum.messages[topic]
    assert [post.channel.count(":") for post in before] == [1, 2, 2]
    report = load_all(tmp_path, exported(tmp_path, forum, created, first, question, second, third), telegram)
    assert (report.read, report.dropped.total(), report.duplicates, report.context) == (5, 1, 3, 1)
    assert [post for post in posts(tmp_path) if post.mine] == before


def load_all(folder: Path, export: Path, telegram: TelegramHarness) -> Any:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return load(store, export, me=str(telegram.alice.id))


def exported(folder: Path, chat: Chat, *messages: Message) -> Path:
    """As Telegram Desktop writes a chat: parts of text by kind, and in a topic a reply to what opened it."""

    def shown(message: Message) -> dict[str, Any]:
        kind = {"type": "service", "action": "topic_created"} if message.extra.get("forum_topic_created") else {}
        text: list[Any] = []
        for word in message.text.split(" "):
            text += [{"type": "mention", "text": word} if word.startswith("@") else word, " "]
        answered = message.reply_to.id if message.reply_to else message.thread if not kind else 0
        edited = {"edited_unixtime": str(message.edit_date)} if message.edit_date else {}
        return {
            "id": message.id, "type": "message", "date_unixtime": str(message.date), "from": message.sender.first_name,
            "from_id": f"user{message.sender.id}", "text": text[:-1], **edited, **kind,
            **({"reply_to_message_id": answered} if answered else {}),
        }  # fmt: skip

    path = folder / "result.json"
    head = {"name": chat.title, "type": "private_supergroup", "id": bare(chat)}
    path.write_text(json.dumps({**head, "messages": [shown(message) for message in messages]}, indent=1))
    return path


def test_dann_serve_says_so_collects_and_loses_nothing_when_it_ends(tmp_path: Path) -> None:
    """The whole of it, as it is started; what is said last is stored, though SIGTERM comes at once."""

    async def scenario() -> None:
        publish(tmp_path)
        async with TelegramServer() as server:
            bot, alice = server.simulation.bot("dann_bot"), server.simulation.user("alice")
            tavern = server.simulation.group("tavern")
            sets = (
                f"bot.telegram.base_url={server.base_url}", f"bot.telegram.owners={alice.id}",
                "bot.telegram.collect=true", "data.inbox=",
            )  # fmt: skip
            async with serving(tmp_path, *sets, TELEGRAM_TOKEN=bot.token) as dann:
                await dann.says("^collecting: what its owner writes on Telegram is kept")
                await dann.says("^Telegram: @dann_bot")
                server.simulation.say(alice, tavern, "the first of two")
                await server.simulation.until(lambda: len(posts(tmp_path)) == 1)
                server.simulation.say(alice, tavern, "the second")
                server.simulation.say(alice, tavern, "@dann_bot are you there")
                await server.simulation.until(lambda: bool(server.simulation.sent))
                dann.process.send_signal(signal.SIGTERM)
                assert await dann.ends(20.0) == 0
        assert [post.text for post in posts(tmp_path)] == ["the first of two", "the second", "@someone are you there"]
        assert not any("first of two" in line for line in dann.lines)

    asyncio.run(scenario())
