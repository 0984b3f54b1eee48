"""Which encoding a text is in, where it is not valid UTF-8."""

import io
from pathlib import Path

import pytest

from model.errors import DannError
from training.exports.common.encodings import decode_head, guess_encoding, is_readable
from training.exports.common.files import open_tree, read_lines

WESTERN = (
    "Où étais-tu hier ? J’ai mangé à la crêperie, c’était délicieux… «\xa0Ça va\xa0?\xa0» été été été",
    "Schöne Grüße aus München! Äpfel, Öl. „Komm schon“ über fünf Straßen, 3 m², 5 °C, €5",
    "Não é possível! Você está à espera? Avó e avô, ação, são três horas; é só isso.",
    "Það er þó ekki hægt að fá þá á Íslandi. Ó já, ég á að vera í skóla, æði! Þú átt öðru að venjast",
    "¿Qué tal? ¡Mañana también! Señor, el año del pingüino. Nº 3",
    "Hyvää päivää! Älä mene yöllä työhön. Åå nej, på så vis.",
    "L'Anna col·labora; això, allò",
    "naïve",
)
OTHERS = (
    ("Привет как дела, сегодня пошел в магазин", "cp1251"), ("Привет как дела", "koi8-r"), ("Привет как дела", "cp866"),
    ("Może jutro pójdę, mała żółta łódka", "cp1250"), ("Καλημέρα, τι κάνεις", "cp1253"), ("שלום מה שלומך", "cp1255"),
    ("مرحبا كيف حالك", "cp1256"), ("สวัสดีครับ", "cp874"), ("おはようございます、元気ですか", "cp932"),
    ("おはようございます", "euc-jp"), ("你好,今天天气怎么样", "gb18030"), ("你好,今天天氣怎麼樣", "big5"),
    ("안녕하세요 오늘", "cp949"),
    ("Où étais-tu, déjà prêt à la crêperie", "mac-roman"), ("Grüße über fünf Straßen", "cp850"),
)  # fmt: skip


@pytest.mark.parametrize("text", WESTERN)
def test_western_european_text_is_read(text: str) -> None:
    written = text.encode("cp1252")
    assert guess_encoding(io.BytesIO(written)) == ("cp1252", False)
    assert decode_head(written) == text


@pytest.mark.parametrize(("text", "encoding"), OTHERS)
@pytest.mark.parametrize("line", ["{}", '{{"author": "sam", "time": "2024-01-01", "text": "{}"}}\n'])
def test_other_text_is_refused_and_not_learned_as_something_else(
    tmp_path: Path, text: str, encoding: str, line: str
) -> None:
    written = line.format(text).encode(encoding)
    (tmp_path / "a.txt").write_bytes(written)
    assert not is_readable(written)
    with pytest.raises(DannError, match=r"a\.txt: is neither UTF-8 nor Windows-1252.*save it as UTF-8"):
        list(read_lines(open_tree(tmp_path / "a.txt")[0]))


def test_damaged_utf_8_is_still_utf_8(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"caf\xc3 " + "naïve café, très bien".encode())
    assert list(read_lines(open_tree(tmp_path / "a.txt")[0])) == ["caf\ufffd naïve café, très bien"]
