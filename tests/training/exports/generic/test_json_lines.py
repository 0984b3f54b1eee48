"""Reading JSON lines that people write by hand or with their own tools."""

import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from training.exports.common.files import open_tree
from training.exports.common.record import OWNER, Record
from training.exports.generic.json_lines import READER


def read(tmp_path: Path, *lines: object, encoding: str = "utf-8") -> list[Record]:
    path = tmp_path / "posts.jsonl"
    written = [line if isinstance(line, str) else json.dumps(line, ensure_ascii=False) for line in lines]
    path.write_text("\n".join(written), encoding)
    [file] = open_tree(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


def test_text_alone_is_enough_and_is_the_owners(tmp_path: Path) -> None:
    [record] = read(tmp_path, {"text": " hello "})
    assert record == Record("", OWNER, (), record.channel, None, "hello", chat=ANY)
    assert record.channel.startswith("jsonl:file:")


def test_a_line_keeps_what_is_known_and_other_keys_are_ignored(tmp_path: Path) -> None:
    line = {"text": "hi", "id": 7, "author": "fox", "time": "2024-03-01T10:00:00Z", "reply_to": 6, "mood": ["odd"]}
    [record] = read(tmp_path, line)
    own = record.channel
    assert record == Record(f"{own}:7", "fox", (), own, 1_709_287_200.0, "hi", reply_to=f"{own}:6", chat=ANY)


def test_ids_and_replies_hold_within_their_channel_and_its_name_is_not_stored(tmp_path: Path) -> None:
    one, answer, other = read(
        tmp_path,
        {"text": "a", "id": 1, "channel": "Owl"},
        {"text": "b", "id": 2, "channel": "Owl", "reply_to": 1},
        {"text": "c", "id": 1, "channel": "Heron"},
    )
    assert answer.reply_to == one.id != other.id
    assert one.channel == answer.channel != other.channel
    assert "Owl" not in one.id + one.channel


@pytest.mark.parametrize(
    ("time", "seconds"),
    [
        (1_709_287_200, 1_709_287_200.0),
        (1_709_287_200.5, 1_709_287_200.5),
        (1_709_287_200_500, 1_709_287_200.5),
        ("1709287200500", 1_709_287_200.5),
        ("1612010112345", 1_612_010_112.345),
        ("20240301", 1_709_251_200.0),
        ("20240301100000", 1_709_287_200.0),
        ("202403011000", 1_709_287_200.0),
        ("2024-03-01 10:00", 1_709_287_200.0),
        ("2024-03-01T12:00:00+02:00", 1_709_287_200.0),
        ("noon", None),
        (None, None),
        (True, None),
        (float("nan"), None),
        (1e300, None),
    ],
)
def test_times_are_iso_or_unix_seconds_or_milliseconds(tmp_path: Path, time: object, seconds: float | None) -> None:
    assert read(tmp_path, {"text": "hi", "time": time})[0].time == seconds


@pytest.mark.parametrize(
    ("text", "reason"), [("/roll", "command"), ("https://example.org", "link"), ("", "empty"), (None, "empty")]
)
def test_what_is_no_words_is_dropped_and_says_why(tmp_path: Path, text: object, reason: str) -> None:
    assert [record.dropped for record in read(tmp_path, {"text": "hi"}, {"text": text}, {"n": 1})] == [
        None,
        reason,
        "empty",
    ]


@pytest.mark.parametrize("bad", ['{"text": "cut o', "[1]", '"secret"', "[" * 100_000, '{"id": ' + "9" * 5000 + "}"])
def test_a_bad_line_is_named_and_not_quoted(tmp_path: Path, bad: str) -> None:
    kept, broken = read(tmp_path, {"text": "hi"}, "  ", bad)
    assert (kept.text, kept.dropped) == ("hi", None)
    assert (broken.text, broken.dropped, broken.note) == ("", "broken", "line 3")


def test_half_a_surrogate_pair_can_be_stored_afterwards(tmp_path: Path) -> None:
    [record] = read(tmp_path, r'{"text": "so \ud83d", "id": "\ud83d", "channel": "\ud83d", "author": "\ud83d"}')
    (record.text + record.id + record.channel + record.author).encode("utf-8")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_byte_order_marks_do_no_harm(tmp_path: Path, encoding: str) -> None:
    assert [record.text for record in read(tmp_path, {"text": "ü"}, {"text": "é"}, encoding=encoding)] == ["ü", "é"]


def test_one_line_longer_than_what_is_looked_at_is_claimed(tmp_path: Path) -> None:
    assert len(read(tmp_path, {"id": "a", "n": 1.5, "text": "x" * 100_000})[0].text) == 100_000


@pytest.mark.parametrize(
    "head", [b"", b"{}", b'{"id": 1}\n', b'hello\n{"text": "a"}', b'{\n"text": "a"\n}', b'[{"text": "a"}]', b"{" * 9999]
)
def test_other_files_are_not_claimed(head: bytes) -> None:
    assert not READER.claims(head)


def test_what_only_a_late_line_tells_counts_for_all(tmp_path: Path) -> None:
    early = [{"text": f"no {n}", "time": "1/2/2024 10:00"} for n in range(30)]
    found = read(tmp_path, *early, {"text": "yes", "time": "1/15/2024 10:00", "author": "fox"})
    assert {record.time for record in found} == {1_704_189_600.0, 1_705_312_800.0}
    assert OWNER not in {record.author for record in found}


def test_nobody_is_not_the_owner_where_somebody_is_named(tmp_path: Path) -> None:
    named = {"text": "hi", "author": "fox"}
    found = read(tmp_path, {"text": "left the group", "author": None}, {"text": "a", "author": ""}, named)
    assert [record.author for record in found] == ["jsonl", "jsonl", "fox"]
    assert [record.author for record in read(tmp_path, {"text": "a", "author": ""}, {"text": "b"})] == [OWNER, OWNER]
