"""Reading DiscordChatExporter's JSON of old and new versions, all made up here."""

import json
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import pytest

from model.errors import DannError
from tests.training.exports.export_files import count_records
from training.exports.common.files import open_tree
from training.exports.common.record import Record
from training.exports.discord.chat_exporter import READER

FOX = {"id": "9007199254740993", "name": "fox", "discriminator": "0042", "nickname": "Red Fox", "isBot": False}
OWL = {"id": "22", "name": "owl.night", "discriminator": "0000", "nickname": "Owl", "isBot": False}


def make_message(content: str = "hello", **more: Any) -> dict[str, Any]:
    return {
        "id": "901", "type": "Default", "timestamp": "2023-01-17T19:33:19.087+00:00", "timestampEdited": None,
        "content": content, "author": FOX, "attachments": [], "embeds": [], "stickers": [], "mentions": [],
    } | more  # fmt: skip


def export(*messages: object) -> dict[str, Any]:
    return {
        "guild": {"id": "0", "name": "Direct Messages", "iconUrl": ""},
        "channel": {"id": "77", "type": "DirectTextChat", "category": "Private", "name": "Owl"},
        "dateRange": {"after": None, "before": None},
        "messages": list(messages),
        "messageCount": len(messages),
    }


def read(tmp_path: Path, *messages: object, ensure_ascii: bool = False, sort_keys: bool = False) -> list[Record]:
    path = tmp_path / "Owl [part 1].json"
    path.write_text(json.dumps(export(*messages), indent=2, ensure_ascii=ensure_ascii, sort_keys=sort_keys), "utf-8")
    return records(path)


def records(path: Path) -> list[Record]:
    [file] = open_tree(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


@pytest.mark.parametrize("sort_keys", [False, True])
def test_a_message_keeps_its_ids_names_and_times(tmp_path: Path, sort_keys: bool) -> None:
    message = make_message(
        type="Reply", timestampEdited="2023-01-17T19:34:19+00:00", reference={"messageId": "900", "channelId": "77"}
    )
    assert read(tmp_path, message, sort_keys=sort_keys) == [
        Record(
            id="discord:901",
            author="9007199254740993",
            names=("fox", "Red Fox", "fox#0042"),
            channel="discord:77",
            time=1_673_983_999.087,
            text="hello",
            reply_to="discord:900",
            edited=1_673_984_059.0,
            chat=ANY,
        )
    ]


@pytest.mark.parametrize("kind", ["Default", "Reply", 0, 19])
def test_talk_is_kept_whether_its_kind_is_a_name_or_a_number(tmp_path: Path, kind: object) -> None:
    assert read(tmp_path, make_message(type=kind))[0].text == "hello"


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"type": "GuildMemberJoin"}, "service"),
        ({"type": "Call"}, "service"),
        ({"type": 7}, "service"),
        ({"type": ["Default"]}, "unknown"),
        ({"type": "SomethingNew"}, "unknown"),
        ({"author": FOX | {"isBot": True}}, "bot"),
        ({"content": "", "forwardedMessage": {"content": "not mine"}}, "forward"),
        ({"reference": {"type": "Forward", "messageId": "5"}}, "forward"),
        ({"content": "", "attachments": [{"id": "1"}]}, "attachment"),
        ({"content": "", "stickers": [{"id": "1"}]}, "attachment"),
        ({"content": "", "embeds": [{"title": ""}]}, "attachment"),
        ({"content": ""}, "empty"),
        ({"content": "!play"}, "command"),
        ({"content": "> hey you"}, "quote"),
        ({"content": "https://example.org"}, "link"),
    ],
)
def test_what_is_not_ones_own_words_is_dropped_and_says_why(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    assert [(record.dropped, record.text) for record in read(tmp_path, make_message(**more))] == [(reason, "")]


def test_a_quote_above_an_answer_is_left_out(tmp_path: Path) -> None:
    [answer] = read(tmp_path, make_message("> hey @Sam how are you\nfine thanks @Owl of the Wood!"))
    assert answer.text == "fine thanks @someone of the Wood!"


def test_nobody_is_named_in_a_text(tmp_path: Path) -> None:
    told = make_message("@Owl and @owl.night: ask <@22>, not @Heron of #den", mentions=[OWL])
    assert read(tmp_path, told)[0].text == "@someone and @someone: ask @someone, not @someone of #den"


@pytest.mark.parametrize("ensure_ascii", [False, True])
def test_who_writes_later_in_the_file_is_hidden_though_the_list_of_mentions_is_empty(
    tmp_path: Path, ensure_ascii: bool
) -> None:
    uhu = {"id": "5", "name": "uhu", "discriminator": "0", "nickname": 'Uhu "ü" 🦉', "isBot": False}
    first, _ = read(tmp_path, make_message('hi @Uhu "ü" 🦉!'), make_message(author=uhu), ensure_ascii=ensure_ascii)
    assert first.text == "hi @someone!"


def test_names_are_found_wherever_a_chunk_ends(tmp_path: Path) -> None:
    filler = [make_message("x" * 999, id=str(number)) for number in range(1500)]
    people = [make_message(f"@wren{n}", author=OWL | {"name": f"wren{n}", "nickname": f"wren{n}"}) for n in range(900)]
    found = read(tmp_path, *(message for pair in zip(filler, people, strict=False) for message in pair))
    assert {record.text for record in found if not record.text.startswith("x")} == {"@someone"}


def test_emoji_written_as_surrogates_are_joined(tmp_path: Path) -> None:
    assert read(tmp_path, make_message("so 😂"), ensure_ascii=True)[0].text == "so 😂"


def test_a_message_without_an_author_is_not_mine(tmp_path: Path) -> None:
    assert [
        record.author for record in read(tmp_path, make_message(author=None), make_message(author={"name": "fox"}))
    ] == [
        "discord",
        "fox",
    ]


def test_values_of_the_wrong_kind_are_read_as_missing(tmp_path: Path) -> None:
    no_message, record = read(
        tmp_path, "no", {"id": None, "content": None, "author": 3, "reference": [], "timestamp": 5}
    )
    assert (no_message.dropped, no_message.text) == ("broken", "")
    assert (record.id, record.time, record.reply_to, record.dropped) == ("", None, None, "empty")


def test_a_file_cut_short_says_its_name_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "den.json"
    path.write_text(json.dumps(export(make_message(), make_message(), make_message()))[:-60], "utf-8")
    with pytest.raises(DannError, match=r"den\.json: breaks off at byte \d+"):
        records(path)


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    def peak(count: int) -> int:
        path = tmp_path / "den.json"
        path.write_text(
            json.dumps(export(*(make_message("word " * 100, id=str(number)) for number in range(count)))), "utf-8"
        )
        read, used = count_records(READER, open_tree(path)[0])
        assert read == count
        return used

    small, large = peak(3_000), peak(12_000)  # 3 MB and 12 MB
    assert large < small * 1.2


@pytest.mark.parametrize(
    "head",
    [b"", b"{}", b'{"id": "2", "name": "a", "guild": {"id": "1"}}', b'{"channel": {}, "messages": []}', b"\xff" * 99],
)
def test_other_files_are_not_claimed(head: bytes) -> None:
    assert not READER.claims(head)
