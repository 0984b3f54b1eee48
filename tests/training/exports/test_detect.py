"""Choosing readers by content, and describing files that no reader claims."""

import json
import os
import zipfile
from pathlib import Path

import pytest

from training.exports import detect
from training.exports.common.files import open_tree
from training.exports.discord import chat_exporter, data_package
from training.exports.generic import json_lines, plain_text, table
from training.exports.telegram import desktop_json
from training.exports.whatsapp import chat_text
from training.exports.x import archive

CHAT = json.dumps(
    {
        "name": "Den", "type": "personal_chat", "id": 7,
        "messages": [{"id": 1, "type": "message", "date": "2024-01-20T11:23:45", "from": "Fox", "from_id": "user1",
                      "text": "hello"}],
    }
)  # fmt: skip
CHANNEL = json.dumps(
    {
        "guild": {"id": "1", "name": "Den", "iconUrl": ""},
        "channel": {"id": "2", "type": "GuildTextChat", "categoryId": "3", "category": "Text", "name": "a"},
        "dateRange": {"after": None, "before": None},
        "messages": [
            {
                "id": "5", "type": "Default", "timestamp": "2024-01-20T11:23:45+00:00", "timestampEdited": None,
                "callEndedTimestamp": None, "isPinned": False, "content": "hello",
                "author": {"id": "9", "name": "fox", "discriminator": "0000", "nickname": "Fox", "isBot": False},
                "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [],
            }
        ],
        "messageCount": 1,
    }
)  # fmt: skip
TWEETS = 'window.YTD.tweets.part0 = [ {"tweet": {"id_str": "1", "full_text": "hello", "created_at": ""}} ]'
WHATSAPP = "[20.01.24, 11:23:45] Fox: hello\n[20.01.24, 11:24:00] Owl: hi\n"
PACKAGE_CSV = "ID,Timestamp,Contents,Attachments\n901,2020-11-02 20:01:54.001000+00:00,hello,\n"
PACKAGE_JSON = '[{"ID": 901, "Timestamp": "2023-04-09 20:35:54", "Contents": "hello", "Attachments": ""}]'
LINES = '{"text": "hello", "author": "fox"}\n{"text": "again", "author": "fox"}\n'
TABLE = "author,text\nfox,hello\nfox,again\n"
PROSE = "hello there\nand again\n"

CONTENT = {
    "telegram": (CHAT, desktop_json.READER),
    "x": (TWEETS, archive.READER),
    "discord chat": (CHANNEL, chat_exporter.READER),
    "old package": (PACKAGE_CSV, data_package.READER),
    "new package": (PACKAGE_JSON, data_package.READER),
    "whatsapp": (WHATSAPP, chat_text.READER),
    "lines": (LINES, json_lines.READER),
    "table": (TABLE, table.READER),
    "prose": (PROSE, plain_text.READER),
}

PACKAGE = {
    "README.txt": "Welcome to your data package\n",
    "account/user.json": '{"id": "9", "username": "fox"}',
    "activity/analytics/events-1.json": LINES,
    "messages/index.json": '{"2": "a in Den"}',
    "messages/c2/channel.json": '{"id": "2", "type": 0}',
    "messages/c2/messages.csv": PACKAGE_CSV,
    "messages/c3/channel.json": '{"id": "3", "type": 1}',
    "messages/c3/messages.json": PACKAGE_JSON,
    "servers/index.json": '{"1": "Den"}',
}
ARCHIVE = {
    "Your archive.html": "<!DOCTYPE html><html></html>",
    "data/README.txt": "What is in this archive\n",
    "data/account.js": 'window.YTD.account.part0 = [ {"account": {"accountId": "9"}} ]',
    "data/like.js": 'window.YTD.like.part0 = [ {"like": {"tweetId": "1", "fullText": "not mine"}} ]',
    "data/manifest.js": "window.__THAR_CONFIG = {}",
    "data/deleted-tweets.js": TWEETS.replace("tweets.part0", "deleted_tweets.part0"),
    "data/tweets.js": TWEETS,
}


def tree(root: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, "utf-8")
    return root


def read(path: Path) -> dict[str, str]:
    return {file.path: reader.name for file, reader in detect.choose_readers(open_tree(path))}


@pytest.mark.parametrize("kind", CONTENT)
@pytest.mark.parametrize("name", ["result.json", "messages.csv", "_chat.txt", "tweets.js", "no_ending"])
def test_the_content_decides_and_not_the_name(tmp_path: Path, kind: str, name: str) -> None:
    text, reader = CONTENT[kind]
    [file] = open_tree(tree(tmp_path, {name: text}) / name)
    assert detect.detect(file) is reader
    assert detect.choose_readers([file]) == [(file, reader)]


@pytest.mark.parametrize("pack", [False, True])
def test_of_a_discord_package_only_messages_are_read(tmp_path: Path, pack: bool) -> None:
    path = tree(tmp_path / "package", PACKAGE)
    if pack:
        path = tmp_path / "package.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for name, text in PACKAGE.items():
                archive.writestr(name, text)
    name = data_package.READER.name
    assert read(path) == {"messages/c2/messages.csv": name, "messages/c3/messages.json": name}


def test_of_an_archive_from_x_neither_likes_nor_deleted_tweets_are_read(tmp_path: Path) -> None:
    assert read(tree(tmp_path, ARCHIVE)) == {"data/tweets.js": "x"}


@pytest.mark.parametrize(
    "name", [name for name in ARCHIVE if name.endswith(("js", "html")) and name != "data/tweets.js"]
)
def test_no_other_file_of_an_archive_is_posts_even_alone(tmp_path: Path, name: str) -> None:
    assert read(tree(tmp_path, ARCHIVE) / name) == {}


@pytest.mark.parametrize(
    "name", ["account/user.json", "messages/index.json", "messages/c2/channel.json", "servers/index.json"]
)
def test_no_list_in_a_package_is_posts_even_alone(tmp_path: Path, name: str) -> None:
    assert read(tree(tmp_path, PACKAGE) / name) == {}


def test_in_an_old_archive_from_x_its_table_is_not_read_again(tmp_path: Path) -> None:
    months = {f"data/js/tweets/2013_0{month}.js": f"Grailbird.data.tweets_2013_0{month} = [ ]" for month in (1, 2)}
    archive = tree(tmp_path, {**months, "tweets.csv": "tweet_id,text\n1,hello\n2,again\n", "README.txt": PROSE})
    assert read(archive) == dict.fromkeys(months, "x")


def test_documents_sent_in_a_chat_are_not_its_posts(tmp_path: Path) -> None:
    chat = {
        "chat/result.json": CHAT,
        "chat/files/recipe.txt": PROSE,
        "chat/files/a.csv": TABLE,
        "chat/notes.txt": PROSE,
    }
    assert read(tree(tmp_path, chat)) == {"chat/result.json": "telegram"}


def test_exports_side_by_side_are_all_read(tmp_path: Path) -> None:
    files = {f"package/{name}": text for name, text in PACKAGE.items()} | {
        "chat/result.json": CHAT, "chats/_chat.txt": WHATSAPP, "x/data/tweets.js": TWEETS, "mine.txt": PROSE,
        "chat2/posts.jsonl": LINES,
    }  # fmt: skip
    assert read(tree(tmp_path, files)) == {
        "package/messages/c2/messages.csv": data_package.READER.name,
        "package/messages/c3/messages.json": data_package.READER.name,
        "chat/result.json": desktop_json.READER.name,
        "chat2/posts.jsonl": json_lines.READER.name,
        "chats/_chat.txt": chat_text.READER.name,
        "mine.txt": plain_text.READER.name,
        "x/data/tweets.js": archive.READER.name,
    }


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "an empty file"),
        (b" \r\n\t", "a file with nothing but white space"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "a PNG image"),
        (b"\xff\xd8\xff\xe0" + bytes(40), "a JPEG image"),
        (b"RIFF\n\x00\x00\x00WEBPVP8 ", "a WebP image"),
        (b"\x00\x00\x00\x20ftypisom", "sound or video"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"PK\x03\x04" + bytes(40), "a zip (import it by its own path)"),
        (b"SQLite format 3\x00", "an SQLite database"),
        (b"\x1f\x8b\x08\x00", "a compressed file (unpack it first)"),
        (bytes(range(256)) * 9, "binary data"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "HTML (export it again as JSON)"),
        (b'<?xml version="1.0"?>\n<smses/>', "XML"),
        (b"window.YTD.like.part0 = [ ]", "JavaScript without posts"),
        (b'{"id": "2", "type": 0}', "JSON of no format known here"),
    ],
)
def test_what_is_no_export_is_named_for_what_it_is_and_not_read(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "result.json").write_bytes(content)
    files = [file for file in open_tree(tmp_path) if detect.detect(file) is None]
    assert [detect.describe(file) for file in files] == [said]


def test_random_bytes_are_claimed_by_nobody(tmp_path: Path) -> None:
    for number in range(50):
        (tmp_path / f"{number}.txt").write_bytes(os.urandom(3000))
    assert read(tmp_path) == {}


def test_every_format_has_its_name_in_messages() -> None:
    assert all(reader.name in detect.FORMATS for reader in detect.READERS)
    assert len({reader.name for reader in detect.READERS}) == len(detect.READERS) == 8
