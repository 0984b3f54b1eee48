"""Which columns say who wrote and when, in tables and JSON lines of other programs."""

import json
from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.exports.export_files import export_file
from training.exports.common.record import DATE, OWNER, Record
from training.exports.generic import json_lines, table


def read_table(tmp_path: Path, text: str) -> list[Record]:
    path = tmp_path / "chat.csv"
    path.write_text(text)
    assert table.READER.claims(path.read_bytes())
    return list(table.READER.read(export_file(path)))


def read_lines(tmp_path: Path, *objects: object) -> list[Record]:
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(f"{json.dumps(one)}\n" for one in objects))
    return list(json_lines.READER.read(export_file(path)))


@pytest.mark.parametrize(
    "key",
    [
        "author",
        "Sender",
        "sender name",
        "from",
        "user",
        "User-Name",
        "nick",
        "handle",
        "author_name",
        "Speaker",
        "name",
    ],
)
def test_a_sender_by_another_name_is_an_author(tmp_path: Path, key: str) -> None:
    assert [one.author for one in read_table(tmp_path, f"{key},text\nheron,hello\notter,hi\n")] == ["heron", "otter"]
    assert [one.author for one in read_lines(tmp_path, {key: "heron", "text": "hi"})] == ["heron"]


@pytest.mark.parametrize(
    ("key", "mine", "theirs"),
    [
        ("is_from_me", True, False), ("isFromMe", 1, 0), ("outgoing", "yes", "no"), ("Direction", "Outgoing", "Incoming"),
        ("direction", "sent", "received"), ("type", "Outgoing", "incoming"), ("from_me", "TRUE", "FALSE"),
        ("out", True, False),
    ],
)  # fmt: skip
def test_a_flag_says_what_is_mine(tmp_path: Path, key: str, mine: object, theirs: object) -> None:
    found = read_lines(tmp_path, {key: mine, "name": "me", "text": "a"}, {key: theirs, "name": "heron", "text": "b"})
    assert [one.author for one in found] == [OWNER, "heron"]
    found = read_table(tmp_path, f"{key},text\n{mine},a\n{theirs},b\n")
    assert [one.author == OWNER for one in found] == [True, False]


def test_who_says_nothing_beside_named_ones_is_not_the_owner(tmp_path: Path) -> None:
    found = read_lines(tmp_path, {"sender": "heron", "text": "a"}, {"sender": "", "text": "b"}, {"text": "c"})
    assert OWNER not in [one.author for one in found]


def test_an_object_in_place_of_a_name_is_one_person(tmp_path: Path) -> None:
    (one,) = read_lines(tmp_path, {"from": {"id": 7, "first_name": "Heron"}, "text": "a"})
    assert (one.author, one.names) == ("7", ("Heron", "7"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sender_phone_hash,text\nx,hello\n", "'sender_phone_hash' may say who wrote.*rename it to author"),
        ("direction,text\nupwards,hello\n", "'direction' says who wrote, and has 'upwards'"),
        ("author,text\n4.58305E+17,hello\n", r"'author' has ids that a spreadsheet rounded \(4.58305E\+17\)"),
        ("user_id,text\n4.58305E+17,hello\n", "'user_id' has ids that a spreadsheet rounded"),
    ],
)
def test_what_cannot_be_read_names_the_column_and_what_to_do(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(DannError, match=said):
        read_table(tmp_path, text)


def test_a_rounded_id_gives_way_to_a_name(tmp_path: Path) -> None:
    text = "user_id,user,text\n4.58305E+17,heron,hello\n4.58305E+17,otter,hi\n"
    assert [one.author for one in read_table(tmp_path, text)] == ["heron", "otter"]


@pytest.mark.parametrize(
    ("key", "value", "seconds"),
    [
        ("date", "2024-01-15 10:01:00", 1705312860), ("timestamp", 1705312860, 1705312860),
        ("timestamp", 1705312860123, 1705312860.123), ("created_at", "2024-01-15T10:01:00Z", 1705312860),
        ("createdAt", "Mon, 15 Jan 2024 11:01:00 +0100", 1705312860), ("Message Date", "15.01.2024 10:01", 1705312860),
        ("sent", "1/15/24, 10:01 AM", 1705312860), ("ts", "1705312860.000200", 1705312860.0002),
        ("date", 726998460 * 10**9, 1705305660), ("created_utc", "1705312860", 1705312860),
    ],
)  # fmt: skip
def test_times_of_every_form(tmp_path: Path, key: str, value: object, seconds: float) -> None:
    (one,) = read_lines(tmp_path, {"author": "heron", "text": "hi", key: value})
    assert one.time == pytest.approx(seconds)


def test_date_and_clock_in_two_columns_are_one_time(tmp_path: Path) -> None:
    assert read_table(tmp_path, "date,time,author,text\n2024-01-15,10:01,heron,hi\n")[0].time == 1705312860


def test_one_date_decides_how_the_others_are_read(tmp_path: Path) -> None:
    first, second = read_table(tmp_path, "date,author,text\n01/02/2024,heron,a\n01/15/2024,heron,b\n")
    assert second.time is not None
    assert first.time is not None
    assert second.time - first.time == 13 * 86_400


def test_a_date_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    (one,) = read_table(tmp_path, "date,author,text\nlast tuesday,heron,hi\n")
    assert (one.time, one.note) == (None, DATE)


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\nid;author;text\n1;heron;hello\n",
        "\n\nauthor,text\nheron,hello\n",
        "My chat with Heron\n\nauthor,text\nheron,hello\n",
        "author;text;\nheron;hello;\n",
        "author\ttext\nheron\thello\n",
    ],
)
def test_what_stands_over_a_table_is_passed_over(tmp_path: Path, text: str) -> None:
    assert [(one.author, one.text) for one in read_table(tmp_path, text)] == [("heron", "hello")]


@pytest.mark.parametrize(
    ("header", "rows", "authors"),
    [
        ("sender,type", ("Bob,1", "Ann,1"), ["Bob", "Ann"]),
        ("sender,type", ("Bob,1", "Ann,0"), ["Bob", "Ann"]),
        ("sender,out", ("Bob,yes", "Ann,yes"), ["Bob", "Ann"]),
        ("sender,is_from_me", ("Bob,1", "Ann,1"), ["Bob", "Ann"]),
        ("sender,is_from_me", ("Me,1", "Me,1"), [OWNER, OWNER]),
        ("sender,type", (",Outgoing", ",Outgoing"), [OWNER, OWNER]),
        ("address,date,type", ("+491,1705310000000,1", "+491,1705310001000,2"), ["+491", OWNER]),
        ("address,date,type", ("+491,1705310000000,1", "+492,1705310001000,1"), ["+491", "+492"]),
    ],
)
def test_a_flag_that_says_nothing_makes_nobodys_words_the_owners(
    tmp_path: Path, header: str, rows: tuple[str, str], authors: list[str]
) -> None:
    found = read_table(tmp_path, f"{header},text\n{rows[0]},hi\n{rows[1]},hello\n")
    assert [one.author for one in found] == authors


def test_a_flag_is_judged_by_all_rows(tmp_path: Path) -> None:
    text = "sender,out,text\n" + "Bob,1,hi\n" * 30 + "Ann,0,hello\n"
    assert [one.author for one in read_table(tmp_path, text)] == [OWNER] * 30 + ["Ann"]
