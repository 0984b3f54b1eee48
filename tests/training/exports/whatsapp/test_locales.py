"""WhatsApp's locales: stamps, calendars, day parts; one style a file; notices and attachments by shape in any language."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from model.errors import DannError
from tests.training.exports.export_files import export_file
from training.exports.common.record import Record
from training.exports.whatsapp.chat_text import READER
from training.exports.whatsapp.timestamps import StampParser, style_of

LRM = "\u200e"


def read(tmp_path: Path, text: str) -> list[Record]:
    path = tmp_path / "_chat.txt"
    path.write_bytes(text.encode())
    assert READER.claims(path.read_bytes()[: 1 << 16])
    return list(READER.read(export_file(path)))


def local(time: float | None) -> str:
    assert time is not None
    return datetime.fromtimestamp(time, UTC).strftime("%Y-%m-%d %H:%M")


STAMPS = [
    ("17/03/2022 à 21:41 - ", "2022-03-17 21:41"), ("17.03.2022 г., 21:41 - ", "2022-03-17 21:41"),
    ("17.03.22 um 21:41 - ", "2022-03-17 21:41"), ("17/3/22, 9:41 nachm. - ", "2022-03-17 21:41"),
    ("17.03.22, 12:05 vorm. - ", "2022-03-17 00:05"), ("2022. 03. 17. du. 9:41 - ", "2022-03-17 21:41"),
    ("2022. 3. 17. 오전 12:05 - ", "2022-03-17 00:05"), ("2022/3/17 晚上9:41 - ", "2022-03-17 21:41"),
    ("2022/3/17 凌晨12:05 - ", "2022-03-17 00:05"), ("2022/3/17 中午12:05 - ", "2022-03-17 12:05"),
    ("2022/3/17 中午1:05 - ", "2022-03-17 13:05"), ("17/3/22 रात 10:41 - ", "2022-03-17 22:41"),
    ("17/3/22 रात 2:41 - ", "2022-03-17 02:41"), ("17/3/2022, 9:41 odp. - ", "2022-03-17 21:41"),
    ("2022-03-17 9:41 em - ", "2022-03-17 21:41"), ("17.3.2022 klo 21.41 - ", "2022-03-17 21:41"),
    ("17/3/22, 9:41 μ.μ. - ", "2022-03-17 21:41"), ("17/3/22, 9:41 م - ", "2022-03-17 21:41"),
    ("\u200f١٧\u200f/٣\u200f/٢٠٢٢، ٩:٤١ م - ", "2022-03-17 21:41"), ("१७/३/२०२२, २१:४१ - ", "2022-03-17 21:41"),
    ("১৭/৩/২২, ৯:৪১ অপরাহ্ণ - ", "2022-03-17 21:41"), ("۱۴۰۰/۱۲/۲۶، ۲۱:۴۱ - ", "2022-03-17 21:41"),
    ("1400/12/26, 21:41 - ", "2022-03-17 21:41"), ("17/3/2565 21:41 - ", "2022-03-17 21:41"),
    ("17/3/65 21:41 - ", "2022-03-17 21:41"), ("17.03.22 21:41:07: ", "2022-03-17 21:41"),
    ("[17/3/22 21:41:07] ", "2022-03-17 21:41"),
]  # fmt: skip


@pytest.mark.parametrize(("stamp", "expected"), STAMPS)
def test_stamps_of_all_locales(tmp_path: Path, stamp: str, expected: str) -> None:
    found = read(tmp_path, f"{stamp}Heron: hello\n{stamp}Otter: hi\nthere\n")
    assert [(local(one.time), one.author, one.text) for one in found] == [
        (expected, "Heron", "hello"), (expected, "Otter", "hi\nthere"),
    ]  # fmt: skip


PLAIN = [
    "17/03/2022, 21:41 - ",
    "3/17/22, 9:41 PM - ",
    "3/17/22, 9:41\u202fPM - ",
    "[17.03.22, 21:41:07] ",
    "2022-3-17 9.41 - ",
]


@pytest.mark.parametrize("stamp", [*PLAIN, *(stamp for stamp, _ in STAMPS)])
@pytest.mark.parametrize("rest", ["Heron: hello", " Heron: hello", "\u200eHeron: hello", "", "9: hello"])
def test_a_stamp_without_marks_and_words_is_read_alike_and_faster(stamp: str, rest: str) -> None:
    style = style_of(f"{stamp}Heron: hello")
    assert style is not None
    parser, line = StampParser(style), stamp + rest
    plain, full = parser.plain(line), parser.match(line)
    assert plain is not None or stamp not in PLAIN
    assert full is not None
    if plain is not None:
        assert (plain.groups(), plain.end()) == (full.groups(), full.end())


@pytest.mark.parametrize(
    ("persian", "gregorian"),
    [("1388/1/1", "2009-03-21"), ("1391/12/30", "2013-03-20"), ("1392/1/1", "2013-03-21"), ("1399/12/30", "2021-03-20"),
     ("1403/12/30", "2025-03-20"), ("1404/1/1", "2025-03-21")],
)  # fmt: skip
def test_persian_leap_years(tmp_path: Path, persian: str, gregorian: str) -> None:
    assert local(read(tmp_path, f"{persian}, 10:00 - Heron: a\n")[0].time)[:10] == gregorian


def test_a_half_of_the_day_that_is_not_known_refuses_with_its_word(tmp_path: Path) -> None:
    with pytest.raises(DannError, match="'plip' beside the time"):
        read(tmp_path, "17/3/22, 9:41 plip - Heron: a\n17/3/22, 9:42 plop - Heron: b\n")
    assert len(read(tmp_path, "17/3/22, 9:41 Uhr - Heron: a\n17/3/22, 21:42 Uhr - Heron: b\n")) == 2


@pytest.mark.parametrize("date", ["17/3/1995", "17/9/1443", "17/3/2999"])
def test_a_year_of_no_known_calendar_is_refused(tmp_path: Path, date: str) -> None:
    with pytest.raises(DannError, match="of no year from 2009"):
        read(tmp_path, f"{date}, 9:41 - Heron: a\n")


@pytest.mark.parametrize(
    "pasted",
    [
        "[17/03/2022, 10:00:00] Otter: not mine", "17.03.2022 10:00 - Otter: not mine",
        "17.03.2022, 10:00 - tea: at ten",
        "2022-03-17, 10:00 - Otter: no", "17/03/2022 10:00 - Otter: no", "17/03/22, 10:00 - Otter: no",
        "17/03/2022, 10.00 - Otter: no", "17/03/2022, 10:00:00 - Otter: no", "١٧/٠٣/٢٠٢٢, ١٠:٠٠ - Otter: no",
    ],
)  # fmt: skip
def test_what_is_stamped_otherwise_is_part_of_a_message(tmp_path: Path, pasted: str) -> None:
    found = read(tmp_path, f"17/03/2022, 09:41 - Heron: look:\n{pasted}\nwell\n17/03/2022, 09:42 - Otter: hm\n")
    assert [(one.author, one.text) for one in found] == [("Heron", f"look:\n{pasted}\nwell"), ("Otter", "hm")]


def test_crlf_ends_messages_where_lf_ends_lines(tmp_path: Path) -> None:
    stamp = "[17/03/2022, 09:41:00] "
    pasted = f"{stamp}Heron: look\n{stamp}Otter: not mine\nsee\r\n{stamp}Otter: hm\r\n{stamp}Heron: well\r\n"
    assert [one.author for one in read(tmp_path, f"{stamp}Otter: hi\r\n{pasted}")] == [
        "Otter",
        "Heron",
        "Otter",
        "Heron",
    ]
    put_together = f"{stamp}Otter: hi\r\n" * 30 + f"{stamp}Heron: ho\n" * 60
    assert len(read(tmp_path, put_together)) == 90


def test_a_file_that_begins_within_a_message_loses_that_one_alone(tmp_path: Path) -> None:
    lines = "".join(f"17/03/2022, 09:4{n} - {'Heron' if n % 2 else 'Otter'}: line {n}\n" for n in range(4))
    assert [one.text for one in read(tmp_path, f"and so on\n[1/1/22, 10:00:00] x: y\n{lines}")] == [
        "line 0", "line 1", "line 2", "line 3",
    ]  # fmt: skip
    assert not READER.claims(b"my diary\n" * 20 + lines.encode())


@pytest.mark.parametrize(
    "text",
    [
        "<Mediji izostavljeni>", "<Meedia ära jäetud>", "<メディアは含まれていません>", "<קובץ מדיה נכלל>",
        "IMG-20220317-WA0003.jpg",
        "00000012-AUDIO-2022-03-17.opus", "IMG-20220317-WA0003.jpg (bestand mellékelve)",
        "tea plan.pdf (mellékelt csatolmány)",
        "tea plan.pdf (fil bifogad)", "Kim Otter.vcf (ekli dosya)", "2016-06-27-PHOTO-00000123.jpg <\u200eattached>",
        "tea.pdf <\u200eattached>", "vCard attached: Kim Otter.vcf", "bild utelämnad", "slika izostavljena",
        "사진 생략됨",
        "obraz pominięto",
    ],
)  # fmt: skip
def test_placeholders_and_attachments_of_any_language(tmp_path: Path, text: str) -> None:
    (one,) = read(tmp_path, f"17/03/2022, 09:41 - Heron: {text}\n")
    assert (one.dropped, one.text) == ("attachment", "")


@pytest.mark.parametrize(
    "text",
    [
        "Det här meddelandet togs bort", "Du raderade detta meddelande", "Denne besked blev slettet",
        "Denne meldingen ble slettet",
        "Tämä viesti poistettiin", "Ta wiadomość została usunięta", "Tato zpráva byla smazána",
        "Táto správa bola vymazaná",
        "Ezt az üzenetet törölték", "Acest mesaj a fost șters", "Това съобщение беше изтрито",
        "Ova poruka je izbrisana",
        "To sporočilo je bilo izbrisano", "Ви видалили це повідомлення", "Αυτό το μήνυμα διαγράφηκε",
        "הודעה זו נמחקה",
        "تم حذف هذه الرسالة", "این پیام حذف شد", "यह मैसेज डिलीट किया गया", "এই মেসেজটি মুছে ফেলা হয়েছে",
        "Pesan ini telah dihapus",
        "Mesej ini telah dipadam", "Tin nhắn này đã bị xóa", "ข้อความนี้ถูกลบแล้ว",
        "このメッセージは削除されました", "삭제된 메시지입니다",
        "此訊息已被刪除", "此消息已被删除", "Aquest missatge s'ha eliminat", "See sõnum kustutati",
        "Ši žinutė buvo ištrinta",
        "You deleted this message as admin", "This message was deleted by an admin",
        "This message was deleted by admin Nora",
        "Diese Nachricht wurde vom Admin Nora gelöscht", "Det här meddelandet raderades av administratören Nora",
    ],
)  # fmt: skip
def test_deleted_messages_in_thirty_languages(tmp_path: Path, text: str) -> None:
    for written in (text, f"{text}."):
        (one,) = read(tmp_path, f"17/03/2022, 09:41 - Heron: {written}\n")
        assert (one.dropped, one.text) == ("service", ""), written


@pytest.mark.parametrize(
    "text",
    [
        "ok", "lol", "gm", "<3", "a <b> c", "this was it", "jag raderade det här meddelandet i morse", "denne",
        "du", "message",
        "look at tea.pdf", "see tea.pdf (it is long)", "did you delete this message?", "de nada", "video",
        "a photo.", "nachricht",
        "kuva pois", "e.g. this", "the message", "<3 <3", "@home", "the image was omitted by accident",
    ],
)  # fmt: skip
def test_speech_that_resembles_them_is_kept(tmp_path: Path, text: str) -> None:
    (one,) = read(tmp_path, f"17/03/2022, 09:41 - Heron: {text}\n")
    assert (one.dropped, one.text) == (None, text)


def test_what_several_people_have_word_for_word_with_a_mark_is_whatsapps(tmp_path: Path) -> None:
    stamp = "[17/03/2022, 09:41:00] "
    same = f"{stamp}Heron: Puhelu, {LRM}ei vastausta\n{stamp}Otter: Puhelu, {LRM}ei vastausta\n"
    alone = f"{stamp}Otter: one {LRM}mark\n{stamp}Heron: gm\n{stamp}Otter: gm\n"
    assert [one.text for one in read(tmp_path, same + alone)] == ["", "", "one mark", "gm", "gm"]


@pytest.mark.parametrize(
    "tag", [f"{LRM}<Det här meddelandet redigerades>", f"<{LRM}Viestiä muokattu>", f"{LRM}<x y> {LRM}"]
)
def test_a_marked_tag_at_the_end_is_taken_off(tmp_path: Path, tag: str) -> None:
    assert read(tmp_path, f"17/03/2022, 09:41 - Heron: see you {tag}\n")[0].text == "see you"
