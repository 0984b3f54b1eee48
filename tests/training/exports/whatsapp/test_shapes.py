"""What WhatsApp adds to a message in languages that are not listed: edit signs, captions, polls; and people's own "<…>"."""

from pathlib import Path

import pytest

from tests.training.exports.export_files import export_file
from training.exports.common.record import Record
from training.exports.whatsapp.chat_text import READER

LRM = "\u200e"


def read(tmp_path: Path, *texts: str, newline: str = "\n") -> list[Record]:
    path = tmp_path / "WhatsApp Chat with Otter.txt"
    written = (f"17/03/2022, 09:{10 + number} - Heron: {text}{newline}" for number, text in enumerate(texts))
    path.write_bytes("".join(written).encode())
    return list(READER.read(export_file(path)))


@pytest.mark.parametrize(
    "tag",
    [
        "Edytowano tę wiadomość", "Pesan ini diedit", "ההודעה נערכה", "Tato zpráva byla upravena",
        "Denna meddelandet har redigerats",
        "Üzenet szerkesztve", "تم تعديل هذه الرسالة", "이 메시지는 수정되었습니다", "此訊息已編輯",
        "Повідомлення відредаговано",
    ],
)  # fmt: skip
def test_one_sign_of_an_edit_in_a_known_language_is_taken_off(tmp_path: Path, tag: str) -> None:
    (one,) = read(tmp_path, f"see you <{tag}>")
    assert (one.text, one.dropped) == ("see you", None)
    assert one.former is not None
    assert one.former.text == f"see you <{tag}>"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_words_that_end_several_messages_are_a_sign_of_an_edit_in_any_language(tmp_path: Path, newline: str) -> None:
    found = read(
        tmp_path, "one <qo vax blorp>", f"two\nlines <qo {LRM}vax blorp>", "so <grin>", "oh <grin>", newline=newline
    )
    assert [record.text for record in found] == ["one", "two\nlines", "so <grin>", "oh <grin>"]


@pytest.mark.parametrize(
    "text",
    [
        "a < b > c", "<3", "<3 <3", "see <qo vax blorp>", "x <y> z\n<div>\nfoo\n</div>",
        "<div class=\"a b\">\nfoo", "<grin>\nhi",
        "tea.pdf (it is long)\nwell", "list:\nmilk\nbread: two (brown)", "so:\nat ten\nbus: line (4 stops)",
        "I met <that one> today <ok",
    ],
)  # fmt: skip
def test_a_persons_own_angles_and_lists_are_kept(tmp_path: Path, text: str) -> None:
    (one,) = read(tmp_path, text)
    assert (one.text, one.dropped) == (text, None)


def test_one_message_sent_twice_is_no_sign_of_an_edit(tmp_path: Path) -> None:
    assert [record.text for record in read(tmp_path, "hm <so it goes>", "hm <so it goes>")] == ["hm <so it goes>"] * 2


@pytest.mark.parametrize(
    "line",
    [
        "IMG-20240120-WA0002.jpg (plik dołączony)", "VID-20240120-WA0002.mp4 (zzz)", "tea plan.pdf (příloha)",
        "<Pominięto multimedia>",
        "<メディアは含まれていません>", f"{LRM}IMG-20240120-WA0002.jpg (priedas)", "tea.pdf <qo vax>",
    ],
)  # fmt: skip
@pytest.mark.parametrize("caption", ["my own words", "my own\nwords <Edytowano tę wiadomość>"])
def test_words_below_an_attachment_are_its_caption(tmp_path: Path, line: str, caption: str) -> None:
    (one,) = read(tmp_path, f"{line}\n{caption}")
    assert (one.text, one.dropped) == (caption.partition(" <")[0], None)


@pytest.mark.parametrize(
    "text",
    [
        "tea plan.pdf (plik załączony)\ntea plan", "tea plan.pdf (plik załączony)\ntea plan.pdf",
        "ANKIETA:\nGdzie?\nOPCJA: kino (2 głosy)", "ANKIETA:\nGdzie?\nOPCJA: kino (2 głosy)\nOPCJA: bar (1 głos)",
        "משאל:\nאיפה?\nאפשרות: בר (1 קולות)\nאפשרות: ים (0 קולות)",
        f"menu.pdf • {LRM}2 pages {LRM}<attached: 00000013-menu.pdf>",
        f"menu.pdf {LRM}<attached: 00000013-menu.pdf>", f"menu.pdf • {LRM}2 strony {LRM}pominięto dokument",
    ],
)  # fmt: skip
def test_attachments_and_polls_are_nobodys_words(tmp_path: Path, text: str) -> None:
    (one,) = read(tmp_path, text)
    assert (one.text, one.dropped) == ("", "attachment")


def test_a_caption_before_omitted_media_is_kept_in_other_languages(tmp_path: Path) -> None:
    (one,) = read(tmp_path, f"my own words {LRM}pominięto obraz")
    assert (one.text, one.dropped) == ("my own words", None)


@pytest.mark.parametrize(
    "text", ["Video call, No answer", "Missed voice call, Tap to call back", "Silenced voice call", "Voice call, 2 min"]
)
def test_calls_are_notices(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text)[0].dropped == "service"
