"""Collecting on Discord: what an owner says, edits and deletes there is so in the store, and nothing else is."""

import asyncio
import csv
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot.discord_bot.run import run
from bot.serving.collect import Collector
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.servers.discord.objects import Channel, Kind, Message
from tests.training.posts.test_importer import load
from training.config.tables import DataConfig
from training.store.post import Post
from training.store.posts import open_store


def posts(folder: Path) -> list[Post]:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return list(store.posts())


def texts(folder: Path) -> list[str]:
    return [post.text for post in sorted(posts(folder), key=lambda post: int(post.id.partition(":")[2]))]


@asynccontextmanager
async def collecting(discord: DiscordHarness, folder: Path, **table: Any) -> AsyncIterator[None]:
    """dann, connected, collecting what Ann writes; at the end it has stopped as app.py stops it."""
    config: dict[str, Any] = {"collect": True, "owners": (str(discord.ann.id),)} | table
    settings = discord.settings(**config).model_copy(update={"data": DataConfig(dir=folder)})
    async with Collector(settings) as collector:
        discord.running = asyncio.create_task(
            run(discord.simulation.token, settings, discord.replier, discord.ready.append, collector, discord.news)
        )
        await discord.connected()
        yield
        await discord.stop()


async def settled(discord: DiscordHarness, folder: Path, expected: list[str]) -> None:
    await discord.simulation.until(lambda: texts(folder) == expected)


@with_discord(connected=False)
async def test_what_an_owner_says_is_stored_and_what_others_say_is_not(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        question = discord.simulation.say(discord.bob, discord.room, "did you water the beans, secretly")
        answer = discord.simulation.say(
            discord.ann, discord.room, f"twice! {discord.at} <@{discord.bob.id}> <:pea:42>", reply_to=question
        )
        discord.simulation.say(discord.ann, discord.room, "> did you water the beans")
        await settled(discord, tmp_path, ["twice! @someone @someone :pea:"])
    (post,) = posts(tmp_path)
    assert (post.id, post.channel, post.mine) == (f"discord:{answer.id}", f"discord:{discord.room.id}", True)
    assert post.reply_to == f"discord:{question.id}"
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"secretly", str(discord.ann.id).encode(), str(discord.bob.id).encode(), b"bob"):
        assert secret not in written


@with_discord(connected=False)
async def test_nothing_is_stored_unless_config_says_so(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path, collect=False):
        message = discord.simulation.say(discord.ann, discord.room, "keep this")
        discord.simulation.edit(message, "or this")
        discord.simulation.delete(message)
        await discord.ask()
    assert list(tmp_path.iterdir()) == []


@with_discord(connected=False)
async def test_an_edit_updates_and_a_deletion_removes_for_good(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        first, second, third = (
            discord.simulation.say(discord.ann, discord.room, text) for text in ("one", "two", "three")
        )
        await settled(discord, tmp_path, ["one", "two", "three"])
        discord.simulation.edit(second, "zwei")
        await settled(discord, tmp_path, ["one", "zwei", "three"])
        discord.simulation.delete(first)
        await settled(discord, tmp_path, ["zwei", "three"])
        discord.simulation.edit(second, "!play some song")
        await settled(discord, tmp_path, ["three"])
    report = load_all(tmp_path, exported(tmp_path, discord.room, first, second, third), me=str(discord.ann.id))
    assert (report.kept, report.forgotten, report.duplicates) == (0, 1, 1)
    assert texts(tmp_path) == ["three"]


@with_discord(connected=False)
async def test_many_deleted_at_once_are_removed(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        message = [discord.simulation.say(discord.ann, discord.room, f"line {number}") for number in range(4)]
        others = discord.simulation.say(discord.bob, discord.room, "mine too")
        await settled(discord, tmp_path, [f"line {number}" for number in range(4)])
        discord.simulation.delete(*message[:3], others)
        await settled(discord, tmp_path, ["line 3"])


@with_discord(connected=False)
async def test_what_is_nobodys_words_is_left_out(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        say = discord.simulation.say
        for text in ("/dann temp=0.8 hello", "!play", "https://example.org/cat", "", "\u200b"):
            say(discord.ann, discord.room, text, attachments=("cat.png",))
        say(discord.ann, discord.room, "pinned a message", type_=6)
        say(discord.ann, discord.room, "written by a webhook of that id", webhook=True)
        say(discord.simulation.user("beep", bot=True), discord.room, "beep")
        say(discord.ann, discord.room, "words at last")
        await settled(discord, tmp_path, ["words at last"])


@with_discord(connected=False)
async def test_threads_and_private_chats_are_channels_of_their_own(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        thread, private = discord.simulation.thread(discord.room, "aside"), discord.simulation.dm(discord.ann)
        discord.simulation.say(discord.ann, thread, "in a thread")
        discord.simulation.say(discord.ann, private, "in private")
        await settled(discord, tmp_path, ["in a thread", "in private"])
    assert {post.channel for post in posts(tmp_path)} == {f"discord:{thread.id}", f"discord:{private.id}"}


@with_discord(connected=False)
async def test_what_is_still_waiting_when_dann_stops_is_stored(discord: DiscordHarness, tmp_path: Path) -> None:
    async with collecting(discord, tmp_path):
        for number in range(50):
            discord.simulation.say(discord.ann, discord.room, f"line {number}")
        await discord.simulation.until(lambda: discord.replier.texts()[-1:] == ["line 49"])
    assert texts(tmp_path) == [f"line {number}" for number in range(50)]


@with_discord(connected=False)
async def test_an_export_of_the_same_messages_adds_nothing_whoever_comes_first(
    discord: DiscordHarness, tmp_path: Path
) -> None:
    """DiscordChatExporter's file, and the data package, in which there are no replies."""
    early = discord.simulation.say(discord.ann, discord.room, "before dann came")
    async with collecting(discord, tmp_path):
        load_all(tmp_path, exported(tmp_path, discord.room, early), me=str(discord.ann.id))
        discord.simulation.edit(early, "before dann came, edited")
        question = discord.simulation.say(discord.bob, discord.room, "and now?")
        answer = discord.simulation.say(
            discord.ann, discord.room, f"<@{discord.bob.id}> soup!\nagain", reply_to=question
        )
        await settled(discord, tmp_path, ["before dann came, edited", "@someone soup!\nagain"])
    before = posts(tmp_path)
    report = load_all(tmp_path, exported(tmp_path, discord.room, early, answer), me=str(discord.ann.id))
    assert (report.read, report.duplicates) == (2, 2)
    report = load_all(tmp_path, package(tmp_path, discord.room, early, answer))
    assert (report.read, report.duplicates) == (2, 2)
    assert posts(tmp_path) == before


def load_all(folder: Path, export: Path, me: str = "") -> Any:
    with open_store(f"sqlite:///{folder}/posts.db") as store:
        return load(store, export, me=me)


def exported(folder: Path, room: Channel, *messages: Message) -> Path:
    """As DiscordChatExporter writes a channel: mentions by name, and who is mentioned beside them."""
    names = (
        {str(user.id): user.name for user in {one.user for one in room.guild.members.values()}} if room.guild else {}
    )

    def shown(message: Message) -> dict[str, Any]:
        text = message.content
        for id_, name in names.items():
            text = text.replace(f"<@{id_}>", f"@{name}")
        people = [{"id": id_, "name": name, "discriminator": "0"} for id_, name in names.items()]
        author = {"id": str(message.author.id), "name": message.author.name, "discriminator": "0", "isBot": False}
        reply = {"reference": {"messageId": str(message.reference)}} if message.reference else {}
        return {
            "id": str(message.id), "type": "Reply" if reply else "Default", "content": text, "author": author,
            "timestamp": written(message.time), "timestampEdited": message.edited and written(message.edited),
            "mentions": people, "attachments": [], "embeds": [], "stickers": [], "reactions": [], **reply,
        }  # fmt: skip

    path = folder / "exports" / "room.json"
    path.parent.mkdir(exist_ok=True)
    head = {
        "guild": {"id": "1", "name": "home"},
        "channel": {"id": str(room.id), "type": "GuildTextChat", "name": "general"},
    }
    assert room.kind is Kind.TEXT
    path.write_text(json.dumps({**head, "messages": [shown(message) for message in messages]}))
    return path


def package(folder: Path, room: Channel, *messages: Message) -> Path:
    """As Discord's own data package has it."""
    path = folder / "package" / "messages" / f"c{room.id}" / "messages.csv"
    path.parent.mkdir(parents=True)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["ID", "Timestamp", "Contents", "Attachments"])
        rows.writerows([message.id, written(message.time), message.content, ""] for message in messages)
    return folder / "package"


def written(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()
