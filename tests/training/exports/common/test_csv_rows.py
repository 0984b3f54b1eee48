"""Reading CSV rows, valid and broken."""

from pathlib import Path

import pytest

from model.errors import DannError
from training.exports.common.csv_rows import BrokenRow, first_rows, rows, strict_rows
from training.exports.common.files import ExportFile, open_tree


def file_of(tmp_path: Path, text: str) -> ExportFile:
    (tmp_path / "a.csv").write_text(text, "utf-8", newline="")
    return open_tree(tmp_path)[0]


def test_a_row_beyond_the_last_column_keeps_its_words(tmp_path: Path) -> None:
    assert list(rows(file_of(tmp_path, "id,text\n1,a,b\n"), ["text"])) == [{"id": "1", "text": "a,b"}]


@pytest.mark.parametrize("text", ["", "id\n1\n", '"'])
def test_a_table_without_a_column_that_is_needed_is_an_error(tmp_path: Path, text: str) -> None:
    with pytest.raises(DannError, match=r"a\.csv: line 1 (has no column '(id|text)'|is not a row)"):
        list(rows(file_of(tmp_path, text), ["id", "text"]))


def test_a_short_row_is_cut_off_when_strict_and_has_empty_cells_when_not(tmp_path: Path) -> None:
    file = file_of(tmp_path, "text,id\na,1\n\nb")
    assert list(rows(file, ["text"])) == [{"text": "a", "id": "1"}, {"text": "b"}]
    with pytest.raises(DannError, match=r"a\.csv: line 4 ends after 1 of 2 columns"):
        list(strict_rows(file, ["text"]))


@pytest.mark.parametrize("bad", ["b", '"b"c,2', '"b" ,2'])
def test_a_broken_row_costs_no_other(tmp_path: Path, bad: str) -> None:
    file = file_of(tmp_path, f"text,id\na,1\n{bad}\n\nc,3\n")
    first, broken, last = strict_rows(file, ["text"])
    assert (first, last) == ({"text": "a", "id": "1"}, {"text": "c", "id": "3"})
    assert isinstance(broken, BrokenRow)
    assert broken.line == 3


@pytest.mark.parametrize("end", ["b", '"b', '"b\nc,3\nd,4\n', '"b"c,2'])
def test_a_broken_last_row_is_the_cut_of_a_file(tmp_path: Path, end: str) -> None:
    with pytest.raises(DannError, match=r"a\.csv: line \d (ends after 1 of 2 columns|is not a row)"):
        list(strict_rows(file_of(tmp_path, f"text,id\na,1\n{end}"), ["text"]))


def test_the_first_rows_are_seen_however_the_head_ends() -> None:
    assert first_rows(b'\n ID ,Text\r\n1,"a\r\nb') == [["id", "text"], ["1", "a\r\nb"]]
    assert first_rows(b"ID\rA\rB") == [["id"], ["A"]]
    assert first_rows(b"\xff\xfe") == []


def test_a_quote_that_swallows_rows_is_told_from_one_inside_a_message(tmp_path: Path) -> None:
    swallowing = file_of(tmp_path, 'id,who,text\n1,a,"oh no\n2,b,what\n3,c,"hm" so\n4,d,end\n')
    broken, *others = rows(swallowing, ["text"])
    assert isinstance(broken, BrokenRow)
    assert (broken.line, [row["id"] for row in others if isinstance(row, dict)]) == (2, ["2", "3", "4"])
    inside = file_of(tmp_path, 'id,who,text\n1,a,"so he\nsaid "no" and left"\n2,b,what\n')
    assert [row["id"] for row in rows(inside, ["text"]) if isinstance(row, dict)] == ["1", "2"]


def test_a_file_cut_within_a_message_loses_that_alone(tmp_path: Path) -> None:
    found = list(rows(file_of(tmp_path, 'id,who,text\n1,a,hi\n2,b,"one\ntwo\nthree'), ["text"]))
    assert [isinstance(row, BrokenRow) for row in found] == [False, True]


def test_quotes_without_end_in_many_rows_refuse_the_file(tmp_path: Path) -> None:
    text = "id,text\n" + '1,"a" b "\n2,"c\n' * 100
    with pytest.raises(DannError, match=r"a\.csv: line \d+ is not a row"):
        list(rows(file_of(tmp_path, text), ["text"]))
