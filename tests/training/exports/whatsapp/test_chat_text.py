"""Reading WhatsApp chats of several phones and languages."""

import logging
from collections.abc import Iterable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.exports.export_files import count_records, export_file
from training.exports.common.files import ExportFile
from training.exports.common.record import OWNER, Record
from training.exports.whatsapp.chat_text import READER

LRM, NNBSP = "\u200e", "\u202f"


def read(
    tmp_path: Path, *lines: str, name: str = "_chat.txt", newline: str = "\n", encoding: str = "utf-8"
) -> list[Record]:
    path = tmp_path / name
    path.write_bytes((newline.join(lines) + newline).encode(encoding))
    file = export_file(path)
    assert READER.claims(file.head())
    return list(READER.read(file))


def read_one(tmp_path: Path, text: str) -> Record:
    return read(tmp_path, f"[20.01.24, 11:23:45] Fox: {text}")[0]


def day(time: float | None) -> str:
    assert time is not None
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("stamp", "expected"),
    [
        ("[15-01-20 02:22:56] ", "2020-01-15 02:22:56"),
        (f"[1/25/20, 9:41:07{NNBSP}PM] ", "2020-01-25 21:41:07"),
        (f"{LRM}[25/1/2020, 12:05:07 AM] ", "2020-01-25 00:05:07"),
        ("[25.01.20, 09:41:07] ", "2020-01-25 09:41:07"),
        ("[2020. 1. 25. 오후 9:41:07] ", "2020-01-25 21:41:07"),
        ("[2020/1/25 上午9:41:07] ", "2020-01-25 09:41:07"),
        ("01/25/2020, 11:23 a. m. - ", "2020-01-25 11:23:00"),
        ("25/1/20 09:41 p.\u00a0m. - ", "2020-01-25 21:41:00"),
        ("25/01/2020, 00:08 a. m. - ", "2020-01-25 00:08:00"),
        ("25/01/2020, 12:10 pm - ", "2020-01-25 12:10:00"),
        ("25.01.20, 21:41 - ", "2020-01-25 21:41:00"),
        ("2020-01-25, 21:41 - ", "2020-01-25 21:41:00"),
        ("25.1.2020 klo 21.41 - ", "2020-01-25 21:41:00"),
        ("2020. 01. 25. 21:41 – ", "2020-01-25 21:41:00"),
    ],
)
def test_stamps_of_many_locales_give_the_local_time_as_utc(tmp_path: Path, stamp: str, expected: str) -> None:
    (record,) = read(tmp_path, f"{stamp}Fox: hi there")
    assert (day(record.time), record.author, record.names, record.text) == (expected, "Fox", ("Fox",), "hi there")
    assert (record.id, record.reply_to) == ("", None)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (["01/02/20", "13/02/20"], "2020-02-01"),
        (["01/02/20", "01/13/20"], "2020-01-02"),
        (["03/01/20", "04/01/20", "01/02/20"], "2020-01-03"),  # only backward if the month came first
        (["01/03/20", "01/04/20", "02/01/20"], "2020-01-03"),  # only backward if the day came first
        (["20-01-15", "20-01-30"], "2020-01-15"),
        (["15-01-20", "30-01-20"], "2020-01-15"),
    ],
)
def test_the_whole_file_decides_the_order_of_day_and_month(
    tmp_path: Path, dates: list[str], expected: str, caplog: pytest.LogCaptureFixture
) -> None:
    records = read(tmp_path, *(f"[{date}, 10:00:00] Fox: hi" for date in dates))
    assert day(records[0].time)[:10] == expected
    assert not caplog.records


def test_a_file_that_does_not_tell_is_read_day_first_with_a_note(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "dann"):
        records = read(tmp_path, "[01/02/20, 10:00:00] Fox: hi", "[02/03/20, 10:00:00] Fox: ho")
    assert day(records[0].time)[:10] == "2020-02-01"
    (note,) = caplog.records
    assert note.name == "dann"
    assert "_chat.txt" in note.getMessage()


def test_lines_without_a_stamp_continue_the_message_whatever_ends_them(tmp_path: Path) -> None:
    lines = [
        "25.01.20, 10:00 - Fox: one",
        "",
        "12:30 is two",
        "99.99.99, 10:00 - Owl: three",
        "25.01.20, 10:01 - Owl: four",
    ]
    for newline in ("\n", "\r\n"):
        records = read(tmp_path, *lines, newline=newline)
        assert [record.text for record in records] == ["one\n\n12:30 is two\n99.99.99, 10:00 - Owl: three", "four"]


def test_utf16_is_read_too(tmp_path: Path) -> None:
    assert read(tmp_path, "25.01.20, 10:00 - Фокс: привет 🦊", encoding="utf-16")[0].text == "привет 🦊"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        (f"~{NNBSP}Fox", "Fox"),
        (f"{LRM}~ Fox", "Fox"),
        ("\u202a+49 170 5550100\u202c", "+49 170 5550100"),
        ("🦊", "🦊"),
        ("12345", "12345"),
        ("Fox :)", "Fox :)"),
        ("Fox:Den", "Fox:Den"),
        ('Fox "Red" Smith', 'Fox "Red" Smith'),
    ],
)
def test_names_of_every_kind(tmp_path: Path, written: str, name: str) -> None:
    (record,) = read(tmp_path, f"[25.01.20, 10:00:00] {written}: so: hi")
    assert (record.author, record.text) == (name, "so: hi")


def test_a_name_with_a_colon_and_a_space_is_known_by_always_being_whole(tmp_path: Path) -> None:
    lines = [f"25.01.20, 10:0{minute} - Re: Fox: hi {minute}" for minute in range(3)]
    records = read(tmp_path, *lines, "25.01.20, 10:05 - Owl: note: hoo")
    assert [(record.author, record.text) for record in records] == [
        ("Re: Fox", "hi 0"), ("Re: Fox", "hi 1"), ("Re: Fox", "hi 2"), ("Owl", "note: hoo"),
    ]  # fmt: skip


def test_a_colon_without_a_space_parts_a_known_name(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        "25.01.20, 10:00 - Fox: hi",
        "25.01.20, 10:01 - Fox:.",
        "25.01.20, 10:02 - Fox:",
        "on the next line",
        "25.01.20, 10:03 - Owl joined at 10:03",
    )
    assert [(record.author, record.text, record.dropped) for record in records[1:]] == [
        ("Fox", ".", None),
        ("Fox", "on the next line", None),
        ("WhatsApp", "", "service"),
    ]


@pytest.mark.parametrize(
    "line",
    [
        "Messages and calls are end-to-end encrypted. No one outside of this chat can read them.",
        '+1 555 0100 created group "Den"',
        'Fox changed the subject from "Den" to "tea: at five"',
        "Fox added Owl",
        "Owl left",
        f"{LRM}You were added",
        f"Den: {LRM}Fox changed this group's icon",
        f"Fox: {LRM}Missed voice call",
        "Fox: Verpasster Videoanruf",
        "Fox: null",
        f"Fox: {LRM}This message was deleted.",
        "Fox: You deleted this message",
        "Fox: Diese Nachricht wurde gelöscht.",
        "Fox: Se eliminó este mensaje.",
        "Fox: Mensagem apagada",
        "Fox: Essa mensagem foi apagada",
        "Fox: Ce message a été supprimé",
        "Fox: Questo messaggio è stato eliminato",
        "Fox: Dit bericht is verwijderd",
        "Fox: Данное сообщение удалено",
        "Fox: Bu mesaj silindi.",
    ],
)
def test_notices_are_service_and_nobodys_words(tmp_path: Path, line: str) -> None:
    record = read(tmp_path, "[25.01.20, 09:00:00] Fox: hi", f"[25.01.20, 10:00:00] {line}")[1]
    assert (record.dropped, record.text) == ("service", "")
    assert record.author != OWNER


@pytest.mark.parametrize(
    "text",
    [
        "<Media omitted>",
        "<Medien ausgeschlossen>",
        "<Multimedia omitido>",
        "<Mídia oculta>",
        "<Médias omis>",
        "<Media omessi>",
        "<Media weggelaten>",
        "<Без медиафайлов>",
        "<Medya dahil edilmedi>",
        "<View once voice message omitted>",
        f"{LRM}image omitted",
        f"{LRM}Bild weggelassen",
        f"{LRM}imagen omitida",
        f"{LRM}figurinha omitida",
        f"{LRM}image absente",
        f"{LRM}immagine omessa",
        f"{LRM}afbeelding weggelaten",
        f"{LRM}изображение отсутствует",
        f"{LRM}görüntü dahil edilmedi",
        f"{LRM}<attached: 00000012-PHOTO-2020-01-25.jpg>",
        f"{LRM}<Anhang: 00000012-PHOTO-2020-01-25.jpg>",
        f"{LRM}<pièce jointe\u00a0: 00000012-PHOTO-2020-01-25.jpg>",
        "IMG-20200125-WA0001.jpg (file attached)",
        f"{LRM}IMG-20200125-WA0001.jpg (Datei angehängt)",
        "my tea.pdf (archivo adjunto)\nmy tea.pdf",
        f"my tea.pdf • {LRM}2 pages {LRM}document omitted",
        f"{LRM}Location: https://maps.google.com/?q=0.1,0.2",
        f"{LRM}POLL:\ntea?\n{LRM}OPTION: yes (1 vote)",
    ],
)
def test_media_in_nine_languages_is_an_attachment(tmp_path: Path, text: str) -> None:
    record = read_one(tmp_path, text)
    assert (record.dropped, record.text, record.author) == ("attachment", "", "Fox")


@pytest.mark.parametrize(
    "text",
    [
        "IMG-20200125-WA0001.jpg (file attached)\nlook, my den",
        "<Media omitted>\nlook, my den",
        f"look, my den {LRM}<attached: 00000012-PHOTO.jpg>",
        f"look, my den {LRM}image omitted",
        f"look, my den {LRM}<This message was edited>",
        "look, my den <Diese Nachricht wurde bearbeitet.>",
        "look, my den <Se editó este mensaje.>",
    ],
)
def test_a_caption_is_kept_and_the_sign_of_an_edit_is_not(tmp_path: Path, text: str) -> None:
    record = read_one(tmp_path, text)
    assert (record.text, record.dropped) == ("look, my den", None)


@pytest.mark.parametrize(
    "text",
    [
        "was the image omitted?",
        "this message was deleted, wasn't it",
        "this message was deleted by mistake",
        "<3",
        "a < b > c",
        "das Bild",
    ],
)
def test_talk_about_such_things_is_talk(tmp_path: Path, text: str) -> None:
    assert read_one(tmp_path, text).text == text


def test_people_mentioned_are_not_named(tmp_path: Path) -> None:
    text = "@\u2068Owl of the Wood\u2069 and @4917055501001, not me@example.org at @home"
    assert read_one(tmp_path, text).text == "@someone and @someone, not me@example.org at @home"


def test_a_newer_export_of_a_chat_of_two_has_the_same_channel_even_if_it_reaches_back_less_far(tmp_path: Path) -> None:
    old = [f"{number:02}.03.24, 10:00 - {name}: hi" for number, name in ((14, "Owl"), (15, "Fox"), (16, "Owl"))]
    first = read(tmp_path, *old, name="WhatsApp Chat with Owl.txt")
    newer = read(tmp_path, *old[1:], "17.03.24, 10:00 - Fox: ho", name="WhatsApp Chat with Owl (1).txt")
    other = read(tmp_path, *(line.replace("Owl", "Bat") for line in old), name="WhatsApp Chat with Owl.txt")
    assert first[0].channel == newer[0].channel != other[0].channel
    assert "Owl" not in first[0].channel


def test_a_newer_export_of_a_group_has_the_same_channel_though_people_come(tmp_path: Path) -> None:
    old = [f"14.03.24, 10:0{number} - {name}: hi" for number, name in enumerate(("Owl", "Fox", "Bat"))]
    first = read(tmp_path, *old)
    newer = read(tmp_path, *old, "17.03.24, 10:00 - Hedgehog: ho", name="den.txt")
    other = read(tmp_path, old[1], old[0], old[2])
    assert first[0].channel == newer[0].channel != other[0].channel


def test_other_text_is_not_claimed_and_not_read_in_silence(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    for text in ("", "hello\n", "[10:00] <fox> hi\n", "2020-01-25 10:00:00\tfox\thi\n", "10:00 - Fox: hi\n"):
        path.write_text(text)
        assert not READER.claims(text.encode())
        with pytest.raises(DannError, match=r"^notes\.txt: no line begins like a WhatsApp message"):
            list(READER.read(export_file(path)))


def test_memory_does_not_grow_with_the_file() -> None:
    """A chat of 20 MB is streamed, both for its dates and for its messages."""
    line = b"25.01.20, 10:00 - Fox: " + b"x" * 5000 + b"\n"

    class Endless(BytesIO):
        left = 4_000

        def readable(self) -> bool:
            return True

        def read(self, size: int | None = -1) -> bytes:
            del size
            self.left -= 8
            return line * 8 if self.left >= 0 else b""

        read1 = read

    count, peak = count_records(READER, ExportFile("big", "big", Endless, lambda _: None))
    assert count == 4_000
    assert peak < 2_000_000


def test_every_line_of_a_mixed_chat_is_accounted_for(tmp_path: Path) -> None:
    def texts(records: Iterable[Record]) -> list[tuple[str, str | None]]:
        return [(record.text, record.dropped) for record in records]

    records = read(
        tmp_path,
        f"[1/25/20, 9:41:07{NNBSP}PM] Den: {LRM}Messages and calls are end-to-end encrypted.",
        f"[1/25/20, 9:41:08{NNBSP}PM] Fox: hi",
        "https://example.org",
        f"{LRM}[1/25/20, 9:41:09{NNBSP}PM] Owl: {LRM}sticker omitted",
        f"[1/25/20, 9:41:10{NNBSP}PM] Owl: https://example.org",
        f"[1/25/20, 9:41:11{NNBSP}PM] Owl: ",
    )
    assert texts(records) == [
        ("", "service"),
        ("hi\nhttps://example.org", None),
        ("", "attachment"),
        ("", "link"),
        ("", "empty"),
    ]
