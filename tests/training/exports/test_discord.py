"""Discord's data package and DiscordChatExporter's files, in every form seen. All content is made up here."""

import json
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from model.errors import DannError
from training.exports import discord_chat_exporter, discord_chat_exporter_csv, discord_package
from training.exports.detect import detect
from training.exports.discord_markup import plain
from training.exports.files import open_tree
from training.exports.record import OWNER, Reader, Record

BIG = 1_234_567_890_123_456_789
"""Over 2^53: read through a float it would be another message."""


def read(reader: Reader, path: Path) -> list[Record]:
    (file,) = [file for file in open_tree(path) if detect(file) is reader]
    return list(reader.read(file))


def package_csv(folder: Path, *rows: str, channel: str | None = '{"id": "77", "type": 0}') -> Path:
    folder.mkdir(parents=True)
    (folder / "messages.csv").write_bytes("\r\n".join(["ID,Timestamp,Contents,Attachments", *rows, ""]).encode())
    if channel is not None:
        (folder / "channel.json").write_text(channel)
    return folder


def test_an_older_package(tmp_path: Path) -> None:
    folder = package_csv(
        tmp_path / "messages" / "c77",
        f"{BIG},2020-11-02 20:45:54.045000+00:00,newest first,",
        f'{BIG - 1},2020-11-02 20:00:00+00:00,"two lines\r\nand ""quotes"", a comma",',
    )
    first, second = read(discord_package.READER, folder)
    assert first == Record(f"discord:{BIG}", OWNER, (), "discord:77", 1604349954.045, "newest first")
    assert second.text == 'two lines\nand "quotes", a comma'
    assert second.time == 1604347200.0


def test_a_newer_package_with_names_in_any_case(tmp_path: Path) -> None:
    folder = tmp_path / "Messages" / "C88"
    folder.mkdir(parents=True)
    row = {"ID": BIG, "Timestamp": "2023-04-09 20:35:54", "Contents": "hello \ud83d\ude02", "Attachments": ""}
    (folder / "Messages.JSON").write_text(json.dumps([row]))
    (folder / "Channel.json").write_text('{"id": "88", "type": "DM", "recipients": ["1", "2"]}')
    (tmp_path / "Messages" / "C99").mkdir()  # a channel without messages
    (record,) = read(discord_package.READER, tmp_path)
    assert record == Record(f"discord:{BIG}", OWNER, (), "discord:88", 1681072554.0, "hello 😂")


@pytest.mark.parametrize("channel", [None, "{", "[]", '{"type": 0}'])
def test_the_folder_names_the_channel_where_channel_json_does_not(tmp_path: Path, channel: str | None) -> None:
    folder = package_csv(tmp_path / "messages" / "c77", "1,2020-11-02 20:00:00+00:00,hi,", channel=channel)
    assert read(discord_package.READER, tmp_path / "messages")[0].channel == "discord:77"
    assert folder.name == "c77"


@pytest.mark.parametrize(
    ("contents", "attachments", "dropped"),
    [
        ("https://example.org/a?b=1", "", "link"),
        ("<https://example.org> https://example.com", "", "link"),
        ("", "https://cdn.example/cat.png", "attachment"),
        ("", "", "empty"),
        ("\u200b", "", "empty"),
        ("/dann temp:0.5", "", "command"),
        ("look", "https://cdn.example/cat.png", None),
        ("look https://example.org", "", None),
        ("<:fox:711111111111111111>", "", None),
        ("=1+1", "", None),
    ],
)
def test_what_is_nobodys_words_is_dropped_for_its_reason(
    tmp_path: Path, contents: str, attachments: str, dropped: str | None
) -> None:
    folder = package_csv(tmp_path / "c1", f"1,2020-11-02 20:00:00+00:00,{contents},{attachments}")
    assert [record.dropped for record in read(discord_package.READER, folder)] == [dropped]


def test_markup_is_what_a_person_sees_and_nobodys_name() -> None:
    text = "<@1> <@!22> <@&3> <:fox:4> <a:spin:5> <#6> </say hi:7> <t:1600000000:R> a < b"
    assert plain(text) == "@someone @someone @someone :fox: :spin: #channel /say hi  a < b"


def message(number: int, content: str, **more: Any) -> dict[str, Any]:
    return {
        "id": str(number), "type": "Default", "timestamp": "2024-03-01T10:00:00.5+00:00", "timestampEdited": None,
        "callEndedTimestamp": None, "isPinned": False, "content": content,
        "author": {"id": "9", "name": "fox", "discriminator": "0042", "nickname": "Fox in Box", "isBot": False},
        "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [],
    } | more  # fmt: skip


def exported(path: Path, *messages: dict[str, Any]) -> Path:
    head = {
        "guild": {"id": "1", "name": "Den", "iconUrl": ""},
        "channel": {
            "id": "77",
            "type": "GuildTextChat",
            "categoryId": "3",
            "category": "Text",
            "name": "a",
            "topic": None,
        },
        "dateRange": {"after": None, "before": None},
    }
    path.write_text(json.dumps(head | {"messages": messages, "messageCount": len(messages)}, indent=2))
    return path


def test_a_message_of_the_exporters_json(tmp_path: Path) -> None:
    edited = message(
        BIG, " hello ", timestampEdited="2024-03-01T11:00:00+00:00", type="Reply", reference={"messageId": "5"}
    )
    (record,) = read(discord_chat_exporter.READER, exported(tmp_path / "a.json", edited))
    assert record == Record(
        f"discord:{BIG}", "9", ("fox", "Fox in Box", "fox#0042"), "discord:77", 1709287200.5, "hello", "discord:5",
        1709290800.0, None,
    )  # fmt: skip


def test_the_same_message_in_both_kinds_of_export_is_one(tmp_path: Path) -> None:
    (package,) = read(
        discord_package.READER, package_csv(tmp_path / "c77", f"{BIG},2024-03-01 10:00:00.500000+00:00,hi,")
    )
    (chat,) = read(discord_chat_exporter.READER, exported(tmp_path / "a.json", message(BIG, "hi")))
    assert (package.id, package.channel, package.time) == (chat.id, chat.channel, chat.time)


@pytest.mark.parametrize(
    ("more", "dropped"),
    [
        ({}, None),
        ({"type": 0}, None),
        ({"type": "Reply"}, None),
        ({"type": 19}, None),
        ({"type": "GuildMemberJoin", "content": "Joined the server."}, "service"),
        ({"type": 7, "content": "Joined the server."}, "service"),
        ({"type": "ThreadCreated", "reference": {"messageId": None, "channelId": "8"}}, "service"),
        ({"author": {"id": "8", "name": "helper", "isBot": True}}, "bot"),
        ({"content": "", "forwardedMessage": {"content": "theirs"}}, "forward"),
        ({"content": "", "reference": {"type": "Forward", "messageId": "3"}}, "forward"),
        ({"content": "", "stickers": [{"id": "1", "name": "wave"}]}, "attachment"),
        ({"content": "", "embeds": [{"title": "a"}]}, "attachment"),
        ({"content": "", "attachments": [{"id": "1", "url": "x"}]}, "attachment"),
        ({"content": ""}, "empty"),
        ({"content": "!play a song"}, "command"),
    ],
    ids=str,
)
def test_reasons_in_the_exporters_json(tmp_path: Path, more: dict[str, Any], dropped: str | None) -> None:
    (record,) = read(discord_chat_exporter.READER, exported(tmp_path / "a.json", message(1, "hello") | more))
    assert record.dropped == dropped


def test_names_in_mentions_are_not_kept(tmp_path: Path) -> None:
    owl = {"id": "4", "name": "owl", "nickname": "Night Owl (she)", "discriminator": "0000"}
    told = message(1, "hey @Night Owl (she) and @night owl (she)! mail me @ home, @owls are nice", mentions=[owl])
    (record,) = read(discord_chat_exporter.READER, exported(tmp_path / "a.json", told))
    assert record.text == "hey @someone and @someone! mail me @ home, @owls are nice"


def test_a_file_that_breaks_off_says_where(tmp_path: Path) -> None:
    whole = exported(tmp_path / "a.json", *(message(i, "hello") for i in range(50))).read_bytes()
    (tmp_path / "a.json").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DannError, match=rf"a\.json: breaks off at byte {len(whole) // 2}; .*export"):
        read(discord_chat_exporter.READER, tmp_path / "a.json")


def test_a_large_file_is_a_stream(tmp_path: Path) -> None:
    path = exported(tmp_path / "a.json", *(message(i, "hello " * 20) for i in range(5000)))
    (file,) = open_tree(path)
    tracemalloc.start()
    count = sum(1 for _ in discord_chat_exporter.READER.read(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 5000
    assert peak < path.stat().st_size / 2


HEADER = "AuthorID,Author,Date,Content,Attachments,Reactions"


def table(path: Path, *rows: str) -> Iterator[Record]:
    path.write_bytes(("\ufeff" + "\r\n".join([HEADER, *rows, ""])).encode())
    return iter(read(discord_chat_exporter_csv.READER, path))


def test_the_exporters_csv(tmp_path: Path) -> None:
    first, second, third, fourth = table(
        tmp_path / "a.csv",
        '"9","Fox in Box#0042","2024-03-01T10:00:00.1234567+00:00","hello, ""world""\r\nsecond line","","👍 (2)"',
        '"4","owl","01-Jan-20 01:33 AM","@fox IN box hi @nobody","",""',
        '"4","owl","2024-03-01T10:00:09.0000000+00:00","","https://cdn.example/cat, tail.png",""',
        '"9","Fox in Box#0042","2024-03-01T10:01:00.0000000+00:00","Pinned a message.","",""',
    )
    assert (first.id, first.author, first.names) == ("", "9", ("Fox in Box#0042", "Fox in Box"))
    assert (first.time, first.text) == (1709287200.123456, 'hello, "world"\nsecond line')
    assert (second.time, second.text) == (1577842380.0, "@someone hi @nobody")
    assert [third.dropped, fourth.dropped] == ["attachment", "service"]
    assert "a.csv" not in first.channel
    assert first.channel == fourth.channel


@pytest.mark.parametrize(
    "notice",
    ["Joined the server.", "Started a thread.", "Changed the channel name: tea", "Added Owl to the group.",
     "Started a call that lasted 3 minutes."],
)  # fmt: skip
def test_the_exporters_notices(tmp_path: Path, notice: str) -> None:
    said = f"{notice[:-1]} they said"
    first, second = table(tmp_path / "a.csv", f'"9","fox","","{notice}","",""', f'"9","fox","","I {said}","",""')
    assert (first.dropped, second.dropped) == ("service", None)


def test_a_field_of_any_size(tmp_path: Path) -> None:
    (record,) = table(tmp_path / "a.csv", f'"9","fox","","{"long " * 100_000}","",""')
    assert len(record.text) == 499_999
