"""Reading Discord data packages in both forms, written here."""

import json
from pathlib import Path
from unittest.mock import ANY

import pytest

from model.errors import DannError
from training.exports.common.files import open_tree
from training.exports.common.record import OWNER, Record
from training.exports.discord.data_package import READER

HEADER = "ID,Timestamp,Contents,Attachments\n"


def read(path: Path) -> list[Record]:
    [file] = [file for file in open_tree(path) if "messages." in file.path]
    assert READER.claims(file.head())
    return list(READER.read(file))


def table(tmp_path: Path, rows: str, folder: str = "c42", about: tuple[str, str] | None = None) -> list[Record]:
    """Read a channel's folder with a CSV; `about` is the name and text of the channel's file."""
    place = tmp_path / "package" / "messages" / folder
    place.mkdir(parents=True)
    if about:
        (place / about[0]).write_text(about[1], "utf-8")
    (place / "messages.csv").write_text(HEADER + rows, "utf-8")
    return read(tmp_path / "package")


def listed(tmp_path: Path, *messages: object) -> list[Record]:
    place = tmp_path / "Messages" / "c42"
    place.mkdir(parents=True)
    (place / "messages.json").write_text(json.dumps(messages), "utf-8")
    return read(tmp_path)


def message(**fields: object) -> dict[str, object]:
    return {"ID": 1, "Timestamp": "2023-04-09 20:35:54", "Contents": "hello", "Attachments": ""} | fields


def test_a_row_keeps_its_id_channel_and_time(tmp_path: Path) -> None:
    assert table(tmp_path, "901,2020-11-02 20:01:54.250000+00:00,hello,\n") == [
        Record("discord:901", OWNER, (), "discord:42", 1_604_347_314.25, "hello", chat=ANY)
    ]


def test_ids_beyond_what_a_float_holds_stay_exact(tmp_path: Path) -> None:
    assert [record.id for record in listed(tmp_path, message(ID=9007199254740993), message(ID="9007199254740995"))] == [
        "discord:9007199254740993",
        "discord:9007199254740995",
    ]


def test_an_id_that_a_spreadsheet_has_rounded_is_none(tmp_path: Path) -> None:
    assert table(tmp_path, "9.0E+17,2020-11-02 20:01:54+00:00,hello,\n")[0].id == ""


@pytest.mark.parametrize(
    ("written", "seconds"),
    [
        ("2023-04-09 20:35:54", 1_681_072_554.0),
        ("2023-04-09 20:35:54+00:00", 1_681_072_554.0),
        ("2023-04-09T22:35:54.5+02:00", 1_681_072_554.5),
        ("yesterday", None),
    ],
)
def test_times_without_a_zone_are_utc(tmp_path: Path, written: str, seconds: float | None) -> None:
    assert listed(tmp_path, message(Timestamp=written))[0].time == seconds


def test_lines_and_quotes_within_a_cell_stay_one_message(tmp_path: Path) -> None:
    [record] = table(tmp_path, '1,2020-11-02 20:01:54+00:00,"one\r\n""two"", three",\n')
    assert record.text == 'one\n"two", three'


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Contents": "", "Attachments": "https://example.org/cat.png"}, "attachment"),
        ({"Contents": "\u200b"}, "empty"),
        ({"Contents": "/play song"}, "command"),
        ({"Contents": "</play:77> song"}, "command"),
        ({"Contents": "https://example.org/a"}, "link"),
        ({"Contents": None}, "empty"),
    ],
)
def test_what_is_no_words_is_dropped_and_says_why(tmp_path: Path, fields: dict[str, object], reason: str) -> None:
    assert [(record.dropped, record.text) for record in listed(tmp_path, message(**fields))] == [(reason, "")]


def test_words_beside_an_attachment_stay_and_markup_names_nobody(tmp_path: Path) -> None:
    [record] = listed(tmp_path, message(Contents="<@!77> look <:cat:5>", Attachments="https://example.org/cat.png"))
    assert (record.text, record.dropped) == ("@someone look :cat:", None)


def test_the_channel_file_is_believed_before_the_folder(tmp_path: Path) -> None:
    about = ("Channel.json", '{"type": 1, "id": "43"}')
    assert table(tmp_path, "1,,hello,\n", about=about)[0].channel == "discord:43"


def test_a_damaged_channel_file_leaves_the_folder_to_name_the_channel(tmp_path: Path) -> None:
    about = ("channel.json", '{"type')
    assert table(tmp_path, "1,,hello,\n", folder="42", about=about)[0].channel == "discord:42"


def test_a_folder_called_after_a_person_is_not_stored(tmp_path: Path) -> None:
    channel = table(tmp_path, "1,,hello,\n", folder="Hedgehog")[0].channel
    assert channel.startswith("discord:")
    assert "edgehog" not in channel


def test_a_list_cut_short_says_file_and_byte(tmp_path: Path) -> None:
    path = tmp_path / "messages.json"
    path.write_text(json.dumps([message(ID=number) for number in range(9)])[:-20], "utf-8")
    with pytest.raises(DannError, match=r"messages\.json: breaks off at byte \d+"):
        read(path)


@pytest.mark.parametrize("end", ['2,2020-11-02 20:01:54+00:00,"open', "2,2020-11-02 20:01:54+00:00,hel"])
def test_a_table_cut_short_says_file_and_line(tmp_path: Path, end: str) -> None:
    with pytest.raises(DannError, match=r"messages\.csv: line 3 "):
        table(tmp_path, "1,2020-11-02 20:01:54+00:00,hello,\n" + end)


def test_a_cell_longer_than_the_csv_module_likes_is_read(tmp_path: Path) -> None:
    assert len(table(tmp_path, f"1,,{'word ' * 40_000},\n")[0].text) == 199_999


def test_fields_of_the_wrong_kind_are_read_as_missing(tmp_path: Path) -> None:
    odd = message(ID=[1], Timestamp=7, Contents=None, Attachments=None)
    assert [(record.id, record.time, record.dropped) for record in listed(tmp_path, message(), odd)] == [
        ("discord:1", 1_681_072_554.0, None),
        ("", None, "empty"),
    ]


def test_what_is_no_message_is_counted_and_never_a_text(tmp_path: Path) -> None:
    _, *broken = listed(tmp_path, message(), message(Contents={"a": 1}), message(Contents=7), "no", None)
    assert {(record.dropped, record.text, record.note) for record in broken} == {
        ("broken", "", "something that is no message")
    }
    assert len(broken) == 4


def test_a_broken_row_is_counted_and_the_rest_is_kept(tmp_path: Path) -> None:
    good = ["1,2020-11-02 20:01:54+00:00,hello,", "3,2020-11-02 20:01:56+00:00,bye,"]
    first, broken, last = table(tmp_path, f"{good[0]}\n2,2020-11-02\n{good[1]}\n")
    assert (first.text, last.text, broken.text) == ("hello", "bye", "")
    assert (broken.dropped, broken.note) == ("broken", "line 3")


@pytest.mark.parametrize(
    "head", [b"", b"[]", b'{"1": "a"}', b'[{"id": 1}]', b"ID,Text\n", b"\xff\xfe\x00", b'"' * 70000]
)
def test_other_files_are_not_claimed(head: bytes) -> None:
    assert not READER.claims(head)


def test_a_quote_above_an_answer_is_left_out_and_one_alone_is_dropped(tmp_path: Path) -> None:
    answer, quote = listed(tmp_path, message(Contents="> hey <@1>\nfine <@2>!"), message(Contents=">>> hey\nyou"))
    assert (answer.text, answer.former and answer.former.text) == ("fine @someone!", "> hey @someone\nfine @someone!")
    assert (quote.text, quote.dropped) == ("", "quote")
