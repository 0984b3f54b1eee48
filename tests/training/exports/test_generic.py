"""JSON lines, CSV and plain text: what people make by hand or with a script. All content is made up here."""

import json
import logging
from pathlib import Path

import pytest

from model.errors import DannError
from training.exports.detect import detect
from training.exports.files import open_tree
from training.exports.record import OWNER, Record
from training.exports.timestamps import unix_seconds


def read(path: Path, content: str | bytes, format_: str) -> list[Record]:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    (file,) = open_tree(path)
    reader = detect(file)
    assert reader is not None
    assert reader.name == format_
    return list(reader.read(file))


def test_every_field_of_a_json_line(tmp_path: Path) -> None:
    line = {
        "id": 7,
        "channel": "a",
        "author": "fox",
        "time": "2024-03-01T10:00:00Z",
        "text": " hi ",
        "reply_to": 6,
        "x": [],
    }
    (record,) = read(tmp_path / "a.txt", json.dumps(line) + "\n\n", "jsonl")
    assert record == Record("jsonl:a:7", "fox", ("fox",), "jsonl:a", 1709287200.0, "hi", "jsonl:a:6")


def test_a_json_line_needs_only_text(tmp_path: Path) -> None:
    (record,) = read(tmp_path / "a.txt", '{"text": "hi"}', "jsonl")
    assert (record.id, record.author, record.names, record.time, record.reply_to) == ("", OWNER, (), None, None)


@pytest.mark.parametrize(
    ("bad", "found"),
    [('{"text": "cut', "is not a JSON object"), ("[1]", "is not a JSON object"), ('{"body": "x"}', 'has no "text"')]
)  # fmt: skip
def test_a_bad_line_is_named(tmp_path: Path, bad: str, found: str) -> None:
    with pytest.raises(DannError, match=rf"a\.jsonl: line 3 {found}"):
        read(tmp_path / "a.jsonl", f'{{"text": "one"}}\n{{"text": "two"}}\n{bad}\n', "jsonl")


def test_half_a_surrogate_and_a_nul_are_mended(tmp_path: Path) -> None:
    first, second = read(tmp_path / "a", '{"text": "a\\ud83db\\u0000"}\n{"text": "\\ud83d\\ude02"}', "jsonl")
    assert (first.text, second.text) == ("a\ufffdb", "😂")


def test_windows_1252_is_read_with_a_note(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "dann"):
        (record,) = read(tmp_path / "a.jsonl", '{"text": "café – ok"}'.encode("cp1252"), "jsonl")
    assert record.text == "café – ok"
    assert "read as Windows-1252" in caplog.text


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_a_table_with_any_delimiter(tmp_path: Path, mark: str) -> None:
    rows = [
        ["Author", "Time", "TEXT", "extra"],
        ["fox", "1709287200", '"two\r\nlines"', "x"],
        ["owl", "1709287200000", "hi"],
    ]
    first, second = read(tmp_path / "a.txt", "\r\n".join(mark.join(row) for row in rows), "csv")
    assert first == Record("", "fox", ("fox",), "csv:", 1709287200.0, "two\nlines")
    assert second == Record("", "owl", ("owl",), "csv:", 1709287200.0, "hi")


def test_a_table_of_text_alone_is_ones_own(tmp_path: Path) -> None:
    records = read(tmp_path / "a.csv", "text\nhello there\n/start\nhttps://example.org\n", "csv")
    assert [(r.author, r.dropped) for r in records] == [(OWNER, None), (OWNER, "command"), (OWNER, "link")]


def test_a_post_a_line(tmp_path: Path) -> None:
    records = read(tmp_path / "a", "one\n  two  \nthree", "text")
    assert records == [Record("", OWNER, (), "text", None, text) for text in ("one", "two", "three")]


def test_a_blank_line_now_and_then_makes_no_blocks(tmp_path: Path) -> None:
    lines = "".join(f"post {i}\n" + "\n" * (i % 20 == 0) for i in range(100))
    assert [record.text for record in read(tmp_path / "a", lines, "text")] == [f"post {i}" for i in range(100)]


def test_blocks_between_blank_lines(tmp_path: Path) -> None:
    records = read(tmp_path / "a", "a poem\nof two lines\n \n\nand one\n\nthird\nblock\n", "text")
    assert [record.text for record in records] == ["a poem\nof two lines", "and one", "third\nblock"]


def test_the_same_line_a_thousand_times_is_a_thousand_posts(tmp_path: Path) -> None:
    assert len(read(tmp_path / "a", "lmao\n" * 1000, "text")) == 1000


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_plain_text_in_any_encoding(tmp_path: Path, encoding: str) -> None:
    assert [r.text for r in read(tmp_path / "a", "café\nnaïve\n".encode(encoding), "text")] == ["café", "naïve"]


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"<p>hi", b'{"a": 1}', b"[1, 2]", b"%PDF-1.4\n", b"\x89PNG\r\n\x1a\n\0"]
)
def test_what_is_no_text_is_no_posts(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.txt").write_bytes(content)
    assert detect(open_tree(tmp_path / "a.txt")[0]) is None


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2024-03-01T10:00:00Z", 1709287200.0),
        ("2024-03-01 10:00:00 UTC", 1709287200.0),
        ("2024-03-01T12:00:00+02:00", 1709287200.0),
        ("2024-03-01T10:00:00.1234567+00:00", 1709287200.123456),
        ("2024-03-01 10:00:00", 1709287200.0),
        (1709287200, 1709287200.0),
        ("1709287200", 1709287200.0),
        (1709287200500, 1709287200.5),
        ("01-Mar-24 10:00 AM", 1709287200.0),
        ("yesterday", None),
        ("", None),
        (None, None),
        (True, None),
        ("nan", None),
        ("inf", None),
        ("1e300", None),
    ],
)
def test_times_as_they_are_written(written: object, seconds: float | None) -> None:
    assert unix_seconds(written) == (None if seconds is None else pytest.approx(seconds, abs=1e-6))
