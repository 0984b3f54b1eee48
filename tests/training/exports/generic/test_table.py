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
    assert read(tmp_path, "\r\n".join(delimiter.join(row) for row in rows)) == [
        Record("csv:7", "fox", (), "csv", 1_709_287_200.0, "a, b; c", reply_to="csv:6", chat=ANY)
    ]


def test_one_column_is_enough_and_commas_in_it_stay(tmp_path: Path) -> None:
    found = read(tmp_path, 'text\nhello, there\n"and\nagain"\n')
    assert [record.text for record in found] == ["hello, there", "and\nagain"]
    assert {record.author for record in found} == {OWNER}


def test_missing_cells_are_empty_and_blank_lines_skipped(tmp_path: Path) -> None:
    assert [(record.text, record.author) for record in read(tmp_path, "text,author\na,fox\n\nb\n")] == [
        ("a", "fox"),
        ("b", OWNER),
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
