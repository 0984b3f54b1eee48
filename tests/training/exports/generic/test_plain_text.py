"""Reading plain text: posts by line or by block, and files that are not plain text."""

from pathlib import Path
from unittest.mock import ANY

import pytest

from training.exports.common.files import ExportFile, open_tree
from training.exports.common.record import OWNER, Record
from training.exports.detect import describe, detect
from training.exports.generic.plain_text import READER


def file_of(tmp_path: Path, content: bytes) -> ExportFile:
    path = tmp_path / "posts.txt"
    path.write_bytes(content)
    return open_tree(path)[0]


def posts(tmp_path: Path, text: str) -> list[str]:
    return [record.text for record in READER.read(file_of(tmp_path, text.encode()))]


def test_a_post_is_the_owners_without_id_or_time(tmp_path: Path) -> None:
    [record] = READER.read(file_of(tmp_path, b"hello\n"))
    assert record == Record("", OWNER, (), record.channel, None, "hello", chat=ANY)
    assert record.channel.startswith("plain:file:")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["a", "b", "c"], ["a", "b", "c"]),
        (["a", "", "b", "  ", "", "c", ""], ["a", "b", "c"]),
        (["", "a", "b", "", ""], ["a", "b"]),
        (["a", "  b", "", " \t", "c"], ["a\n  b", "c"]),
        ([*"abcdefghijklmnop", "", *"qrstuvwxyzabcdef"], [*"abcdefghijklmnopqrstuvwxyzabcdef"]),
    ],
    ids=["lines", "lines apart", "blank ends", "blocks", "chapters of lines"],
)
def test_blank_lines_part_blocks_only_where_blocks_have_lines(
    tmp_path: Path, newline: str, lines: list[str], expected: list[str]
) -> None:
    assert posts(tmp_path, newline.join(lines)) == expected


def test_what_is_no_words_is_dropped_and_says_why(tmp_path: Path) -> None:
    found = READER.read(file_of(tmp_path, "hi\n/roll\nhttps://example.org\n\u200b\n".encode()))
    assert [record.dropped for record in found] == [None, "command", "link", "empty"]


@pytest.mark.parametrize(
    "content",
    [
        b"hello",
        b"[12:30] hello\n",
        b"[laughs]\n",
        b"<3 you\n",
        b"{sigh}\n",
        "déjà vu".encode("utf-16"),
        "déjà vu".encode("cp1252"),
        "日本語".encode()[:-1],
        b"\x0304red\x03 words of somebody on a channel with colours in it\n",
    ],
)
def test_text_of_any_kind_is_claimed(content: bytes) -> None:
    assert READER.claims(content)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n\t\n",
        b"\x89PNG\r\n\x1a\n\0\0",
        b"text with a \0 in it",
        bytes(range(1, 256)) * 20,
        b"<!DOCTYPE html>\n<p>",
        b'\xef\xbb\xbf<?xml version="1.0"?>',
        b"<html>",
        b'{"id": "2"}',
        b"{}",
        b'["a"]',
        b"[]",
        b"[1, 2]",
        b'[\n  {"a": 1}]',
    ],
)
def test_bytes_pages_and_json_are_not_claimed(content: bytes) -> None:
    assert not READER.claims(content)


TWEETS_CSV = (
    "tweet_id,timestamp,text,retweeted_status_id\n" + '"1","2013-01-05 12:00:00 +0000","RT @fox: theirs","2"\n' * 3
)


@pytest.mark.parametrize(
    ("content", "seen"),
    [
        ("[12:30] <fox> hello\n[12:31] <owl> hi\n[12:32] <fox> bye\n",
         "an IRC log (give it as a table with author, time, text)"),
        ("<fox> hello\n<owl> hi\n<fox> bye\n",
         "a log of a chat: 3 of its first 3 lines begin with a time or a name (if every line of it is your own: --all-mine)"),
        ("name,age,town\nfox,3,Den\nowl,4,Oak\n", "a table of no format known here"),
        (TWEETS_CSV, "a table of no format known here"),
        ("=" * 62 + "\nGuild: Den\nChannel: a\n" + "=" * 62 + "\n\n[date] fox\nhello\n",
         "DiscordChatExporter's plain text (export it again as JSON)"),
    ],
)  # fmt: skip
def test_what_holds_other_peoples_words_is_named_and_left_alone(tmp_path: Path, content: str, seen: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    (file,) = open_tree(tmp_path / "a.txt")
    assert detect(file) is None
    assert describe(file) == seen


@pytest.mark.parametrize(
    "content", ["yes, no, maybe\nyes, no, maybe\n", "12:30 is late\nfor lunch\nand for tea\n", "hi\n"]
)
def test_what_only_looks_like_it_is_ones_own(tmp_path: Path, content: str) -> None:
    (tmp_path / "a.txt").write_text(content)
    reader = detect(open_tree(tmp_path / "a.txt")[0])
    assert reader is not None
    assert reader.name == "text"
