"""Reading DiscordChatExporter's CSV, made up here."""

from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.exports.export_files import export_file
from training.exports.common.files import open_tree
from training.exports.common.record import Record
from training.exports.discord.chat_exporter import READER

HEADER = "AuthorID,Author,Date,Content,Attachments,Reactions"
DATE = "2024-03-01T10:00:00.2500000+00:00"


def row(
    content: str = "hello", number: str = "11", author: str = "fox", date: str = DATE, attachments: str = ""
) -> str:
    cells = (number, author, date, content, attachments, "")
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)


def read(tmp_path: Path, *rows: str, newline: str = "\r\n", name: str = "Owl.csv") -> list[Record]:
    path = tmp_path / name
    path.write_text(newline.join([HEADER, *rows]) + newline, "utf-8", newline="")
    [file] = open_tree(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_a_row_keeps_its_author_and_time_and_the_lines_of_its_text(tmp_path: Path, newline: str) -> None:
    written = row(f'one, "two"{newline}three', author="fox#0042")
    [record] = read(tmp_path, written, newline=newline)
    assert (record.id, record.author, record.names) == ("", "11", ("fox#0042", "fox"))
    assert (record.time, record.text) == (1_709_287_200.25, 'one, "two"\nthree')


@pytest.mark.parametrize(
    ("date", "seconds"),
    [
        ("2024-03-01T12:00:00.0000000+02:00", 1_709_287_200.0),
        ("01-Mar-24 10:00 AM", 1_709_287_200.0),
        ("01-Mar-24 12:30 PM", 1_709_296_200.0),
        ("1. 3. 2024 10.00", None),
    ],
)
def test_old_and_new_dates_are_read_and_unknown_ones_are_none(tmp_path: Path, date: str, seconds: float | None) -> None:
    assert read(tmp_path, row(date=date))[0].time == seconds


@pytest.mark.parametrize(
    "notice",
    [
        "Pinned a message.",
        "Joined the server.",
        "Started a thread.",
        "Left the group.",
        "Changed the channel name: the new den.",
        "Changed the channel icon.",
        "Added Owl to the group.",
        "Removed Owl from the group.",
        "Started a call that lasted 1,042 minutes.",
    ],
)
def test_the_exporters_own_notices_are_not_words(tmp_path: Path, notice: str) -> None:
    kept, dropped = read(tmp_path, row("I " + notice.lower()), row(notice))
    assert (kept.dropped, dropped.dropped, dropped.text) == (None, "service", "")


@pytest.mark.parametrize("bad", ['"11","fox"', f'"11","fox","{DATE}","he said "hi"","",""'])
def test_a_broken_row_is_counted_and_the_rest_is_kept(tmp_path: Path, bad: str) -> None:
    first, broken, last = read(tmp_path, row("one"), bad, row("two"))
    assert (first.text, last.text) == ("one", "two")
    assert (broken.dropped, broken.note, broken.text) == ("broken", "line 3", "")


def test_a_picture_alone_is_dropped_as_one(tmp_path: Path) -> None:
    assert read(tmp_path, row("", attachments="https://example.org/cat, tail.png"))[0].dropped == "attachment"


def test_authors_of_the_file_are_hidden_even_before_they_write(tmp_path: Path) -> None:
    first, _ = read(tmp_path, row("@Snowy Owl and @heron"), row(author="snowy owl#0931", number="22"))
    assert first.text == "@someone and @someone"


def test_a_channel_is_the_same_for_the_same_file_and_does_not_tell_its_name(tmp_path: Path) -> None:
    [one], [again], [other] = (read(tmp_path, row(), name=name) for name in ("Owl.csv", "Owl.csv", "Heron.csv"))
    assert one.channel == again.channel != other.channel
    assert "owl" not in one.channel.lower()


def test_a_file_cut_short_says_its_name_and_line(tmp_path: Path) -> None:
    with pytest.raises(DannError, match=r"Owl\.csv: line 3 "):
        read(tmp_path, row(), '"22","owl","2024')


def test_a_very_long_cell_is_read_and_an_endless_one_is_an_error(tmp_path: Path) -> None:
    assert len(read(tmp_path, row("a" * 200_000))[0].text) == 200_000
    with pytest.raises(DannError, match=r"Owl\.csv: line 2 has over 1,000,000 characters"):
        read(tmp_path, row("a" * (1 << 24) + "b"))


def test_ids_that_a_spreadsheet_rounded_are_not_believed(tmp_path: Path) -> None:
    found = read(tmp_path, row(number="4.5E+17", author="owl"), row(number="4.5E+17", author="heron"))
    assert [record.author for record in found] == ["owl", "heron"]
    found = read(
        tmp_path, row(number="450000000000000000", author="owl"), row(number="450000000000000000", author="wren")
    )
    assert [record.author for record in found] == ["owl", "wren"]


@pytest.mark.parametrize(
    ("header", "line"),
    [
        ("Author,Date,Content,Attachments", '"owl#0042","15-Jan-18 10:01 AM","hello",""'),
        ("Author;Date;Content;Attachments;", '"owl#0042";"15-Jan-18 10:01 AM";"hello";"";'),
    ],
)
def test_older_forms_are_read(tmp_path: Path, header: str, line: str) -> None:
    path = tmp_path / "den.csv"
    path.write_text(f"{header}\n{line}\n")
    file = export_file(path)
    assert READER.claims(file.head())
    (record,) = READER.read(file)
    assert (record.author, record.names, record.text, record.time) == (
        "owl#0042",
        ("owl#0042", "owl"),
        "hello",
        1516010460,
    )


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("15.01.2024 10:01", 1705312860),
        ("1/15/2024 10:01 AM", 1705312860),
        ("2024/01/15 10:01", 1705312860),
        ("soon", None),
    ],
)
def test_dates_of_other_forms_are_read_or_noted(tmp_path: Path, written: str, seconds: float | None) -> None:
    path = tmp_path / "den.csv"
    path.write_text(f'AuthorID,Author,Date,Content,Attachments,Reactions\n"1","owl","{written}","hello","",""\n')
    (record,) = READER.read(export_file(path))
    assert (record.time, record.note) == (seconds, "" if seconds else "date")


def test_a_quote_is_left_out_and_a_message_is_known_by_what_it_was(tmp_path: Path) -> None:
    quoted = "> hey @Sam how are you\nfine thanks @Ann!"
    answer, quote, plain = read(tmp_path, row(quoted), row("> hey you"), row("hi"))
    assert (answer.text, answer.dropped) == ("fine thanks @someone!", None)
    assert answer.former is not None
    assert answer.former.text == quoted
    assert (quote.text, quote.dropped) == ("", "quote")
    assert plain.former is None
