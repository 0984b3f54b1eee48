"""Reading tables with a text column, from spreadsheets and scripts."""

from pathlib import Path
from unittest.mock import ANY

import pytest

from model.errors import DannError
from training.exports.common.files import open_tree
from training.exports.common.record import OWNER, Record
from training.exports.generic.table import READER


def read(tmp_path: Path, written: str, encoding: str = "utf-8") -> list[Record]:
    path = tmp_path / "posts.csv"
    path.write_text(written, encoding, newline="")
    [file] = open_tree(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_columns_are_found_by_name_whatever_parts_them(tmp_path: Path, delimiter: str) -> None:
    rows = [["mood", "Text", "author", "id", "reply_to", "time"], ["odd", '"a, b; c"', "fox", "7", "6", "1709287200"]]
    [record] = read(tmp_path, "\r\n".join(delimiter.join(row) for row in rows))
    own = record.channel
    assert record == Record(f"{own}:7", "fox", (), own, 1_709_287_200.0, "a, b; c", reply_to=f"{own}:6", chat=ANY)


def test_one_column_is_enough_and_commas_in_it_stay(tmp_path: Path) -> None:
    found = read(tmp_path, 'text\nhello, there\n"and\nagain"\n')
    assert [record.text for record in found] == ["hello, there", "and\nagain"]
    assert {record.author for record in found} == {OWNER}


def test_missing_cells_are_empty_and_blank_lines_skipped(tmp_path: Path) -> None:
    assert [(record.text, record.author) for record in read(tmp_path, "text,author\na,fox\n\nb\n")] == [
        ("a", "fox"),
        ("b", "csv"),
    ]


def test_what_is_no_words_is_dropped_and_says_why(tmp_path: Path) -> None:
    found = read(tmp_path, "id,text\n1,hi\n2,/roll\n3,www.example.org\n4,\n")
    assert [record.dropped for record in found] == [None, "command", "link", "empty"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1252"])
def test_what_spreadsheets_save_is_read(tmp_path: Path, encoding: str) -> None:
    assert read(tmp_path, "text\tauthor\r\ndéjà vu\tfox\r\n", encoding)[0].text == "déjà vu"


def test_a_quote_that_never_closes_is_an_error_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r"posts\.csv: line \d+ is not a row"):
        read(tmp_path, 'id,text\n1,hi\n2,"' + "word\n" * 4_000_000)


@pytest.mark.parametrize(
    "head", [b"", b"author,body\nfox,a\n", b"yes, text\nme later\n", b"hello\ntext\n", b'{"text": 1}', b'"' * 70000]
)
def test_other_files_are_not_claimed(head: bytes) -> None:
    assert not READER.claims(head)


def test_a_quote_without_an_end_costs_its_row_alone(tmp_path: Path) -> None:
    first, broken, *others = read(
        tmp_path, 'author,text\nfox,hi\nsam,"oh no\nann,what\nann,tell me now\nbob,my secret\n'
    )
    assert (broken.dropped, broken.note, broken.text) == ("broken", "line 3", "")
    assert [(one.author, one.text) for one in (first, *others)] == [
        ("fox", "hi"), ("ann", "what"), ("ann", "tell me now"), ("bob", "my secret"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("dates", "first"),
    [(("01-05-2024", "01-15-2024"), 1_704_412_800.0), (("01.05.2024", "15.05.2024"), 1_714_521_600.0),
     (("01.05.2024", "05.15.2024"), 1_704_412_800.0)],
)  # fmt: skip
def test_dates_with_any_divider_tell_whether_the_month_is_first(
    tmp_path: Path, dates: tuple[str, str], first: float
) -> None:
    text = "".join(f"fox,{date},hi\n" for date in dates)
    assert read(tmp_path, f"author,time,text\n{text}")[0].time == first
