"""What each format calls a chat: for choosing among chats, and never part of an identity."""

import json
import zipfile
from pathlib import Path

import pytest

from tests.training.exports.test_mangled import FORMATS
from training.exports.common.files import open_tree
from training.exports.common.record import ChatNames
from training.exports.detect import choose_readers
from training.exports.whatsapp.file_name import file_names

HEADER = "AuthorID,Author,Date,Content,Attachments,Reactions\n"
ROW = '"1","sam","2024-01-15T10:00:00+00:00","hello","",""\n'
PACKAGE = "ID,Timestamp,Contents,Attachments\n901,2020-11-02 20:01:54+00:00,hello,\n"
SAID = "15/01/2024, 10:00 - sam: hello\n15/01/2024, 10:01 - Pip: hi\n"


def chats(path: Path) -> list[ChatNames]:
    """Return the chats of all messages under a path, each once."""
    records = (record for file, reader in choose_readers(open_tree(path), ("text",)) for record in reader.read(file))
    return list(dict.fromkeys(record.chat for record in records))


def written(root: Path, name: str, text: str) -> Path:
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_text(text, "utf-8")
    return root


@pytest.mark.parametrize("kind", FORMATS)
def test_every_reader_says_of_each_message_in_which_chat_it_is(tmp_path: Path, kind: str) -> None:
    """Whatever has none could not be kept out."""
    found = chats(written(tmp_path, "messages/c1/a.txt", FORMATS[kind](list(range(12)))))
    assert found
    assert all(chat.id for chat in found)


def telegram(**more: object) -> dict[str, object]:
    said = {"id": 1, "type": "message", "date": "2024-01-20T11:23:45", "from": "Pip", "from_id": "user1", "text": "hi"}
    return {"type": "personal_chat", "id": 7, "messages": [said], **more}


def test_telegrams_chats_have_their_names_also_behind_the_messages(tmp_path: Path) -> None:
    listed = [telegram(name="Pip"), telegram(id=8, type="saved_messages"), telegram(id=9, name=None)]
    account = {"personal_information": {"user_id": 1}, "chats": {"list": listed}}
    assert chats(written(tmp_path, "result.json", json.dumps(account))) == [
        ChatNames("telegram:7", ("Pip",)), ChatNames("telegram:8", ("Saved Messages",)), ChatNames("telegram:9"),
    ]  # fmt: skip


def test_a_topic_is_a_channel_of_its_chat(tmp_path: Path) -> None:
    opened = {
        "id": 1,
        "type": "service",
        "date": "2024-01-20T11:23:45",
        "actor": "Pip",
        "actor_id": "user1",
        "text": "",
    }
    said = {
        **opened,
        "id": 2,
        "type": "message",
        "from": "Pip",
        "from_id": "user1",
        "text": "hi",
        "reply_to_message_id": 1,
    }
    group = {"name": "Den", "type": "private_supergroup", "id": 5, "messages": [opened, said]}
    assert chats(written(tmp_path, "result.json", json.dumps(group))) == [ChatNames("telegram:5", ("Den",))]


def test_discords_channels_have_their_own_name_and_their_guilds(tmp_path: Path) -> None:
    channel = {
        "guild": {"id": "1", "name": "Work"}, "channel": {"id": "5", "type": "GuildTextChat", "name": "lunch"},
        "messages": [{"id": "1", "type": "Default", "content": "hi", "author": {"id": "2", "name": "sam"}}],
    }  # fmt: skip
    found = chats(written(tmp_path, "a.json", json.dumps(channel)))
    assert found == [ChatNames("discord:5", ("Work / lunch", "lunch", "#lunch", "Work"))]


@pytest.mark.parametrize(
    ("name", "id_", "shown"),
    [
        ("Work - Text Channels - lunch [5].csv", "discord:5", "Work / lunch"),
        ("Direct Messages - Private - Pip [77] (after 2024-01-01).csv", "discord:77", "Direct Messages / Pip"),
        ("Work - lunch [5] [part 2].csv", "discord:5", "Work / lunch"),
        ("den.csv", "", "den"),
    ],
)
def test_a_table_of_discords_is_called_as_its_file(tmp_path: Path, name: str, id_: str, shown: str) -> None:
    (chat,) = chats(written(tmp_path, name, HEADER + ROW))
    assert chat.names[0] == shown
    assert chat.id == id_ if id_ else chat.id.startswith("discord:")


def test_a_packages_channels_are_named_by_their_own_file_or_the_index(tmp_path: Path) -> None:
    index = {"1": "general in Work", "2": "Direct Message with Pip \\u2665#0931", "3": None, "4": "plans"}
    about: dict[str, dict[str, object]] = {
        "1": {"name": "general", "guild": {"id": "9", "name": "Work"}},
        "4": {"name": "plans"},
    }
    written(tmp_path, "messages/index.json", json.dumps(index).replace("\\\\u", "\\u"))
    for number in "1234":
        written(tmp_path, f"messages/c{number}/messages.csv", PACKAGE)
        written(tmp_path, f"messages/c{number}/channel.json", json.dumps({"id": number, **about.get(number, {})}))
    expected = [("Work / general", "general", "#general", "Work"),
                ("Pip ♥", "Pip ♥#0931", "Direct Message with Pip ♥#0931"), (), ("plans", "#plans")]  # fmt: skip
    assert chats(tmp_path) == [ChatNames(f"discord:{n}", names) for n, names in enumerate(expected, 1)]


@pytest.mark.parametrize(
    ("label", "shown"),
    [
        ("a/WhatsApp Chat with Ann Bell.txt", "Ann Bell"),
        ("WhatsApp-Chat mit ann bell.txt", "ann bell"),
        ("Chat de WhatsApp con Ann.txt", "Ann"),
        ("Discussion WhatsApp avec Ann.txt", "Ann"),
        ("Conversa do WhatsApp com Ann (1).txt", "Ann"),
        ("a/WhatsApp Chat - mum and dad.zip/_chat.txt", "mum and dad"),
        ("WhatsApp Chat - Ann/_chat.txt", "Ann"),
        ("与Ann的 WhatsApp 聊天.txt", "与Ann的 WhatsApp 聊天"),
        ("sam.txt", "sam"),
        ("elsewhere/_chat.txt", ""),
    ],
)
def test_whatsapps_chat_is_called_as_its_file_in_any_language(label: str, shown: str) -> None:
    assert next(iter(file_names(label)), "") == shown


def test_two_who_write_are_names_of_their_whatsapp_chat_and_those_of_a_group_are_not(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "WhatsApp Chat - Pippa.zip", "w") as packed:
        packed.writestr("_chat.txt", SAID)
    (named,) = chats(tmp_path / "WhatsApp Chat - Pippa.zip")
    assert (named.names, named.people) == (("Pippa", "WhatsApp Chat - Pippa"), ("Pip", "sam"))
    (alone,) = chats(written(tmp_path / "b", "_chat.txt", SAID))
    assert (alone.names, alone.id) == (("Pip and sam",), named.id)
    (group,) = chats(written(tmp_path / "c", "_chat.txt", SAID + "15/01/2024, 10:02 - Zoe: me too\n"))
    assert (group.names, group.people) == ((), ())


def test_tables_lines_and_text_are_chats_by_channel_or_file(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "hi", "channel": "Den"}\n{"text": "hello"}\n')
    (tmp_path / "b.csv").write_text("channel,text\nDen,hi\n,hello\n")
    (tmp_path / "c.txt").write_text("my own words\nand more of them\n")
    assert [chat.names for chat in chats(tmp_path)] == [
        ("Den",), ("a.jsonl", "a"), ("Den",), ("b.csv", "b"), ("c.txt", "c"),
    ]  # fmt: skip
    assert len({chat.id for chat in chats(tmp_path)}) == 5
