"""Text encodings: UTF-8, UTF-16 with a byte order mark, or Windows-1252. Tells that a text is in none of them.

Every byte string can be decoded as Windows-1252, so a text has to look like it: in western European languages most letters
are ASCII, and no word has a symbol inside it. Cyrillic in Windows-1251 is words of "ïðèâåò", Polish in Windows-1250 "ma³y".
"""

import codecs
import re
from dataclasses import dataclass
from typing import BinaryIO, Literal

Encoding = Literal["utf-8-sig", "utf-16", "cp1252"]

DIRECTION_MARKS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible direction marks, as the inside of a regular expression's character class."""

_INVISIBLE = frozenset(
    "\xad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_CHUNK = 1 << 20
_ASCII = bytes(range(0x80))
_UTF_8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_LETTER = rb"\x8a\x8c\x8e\x9a\x9c\x9e\x9f\xc0-\xd6\xd8-\xf6\xf8-\xff"
"""Letters of Windows-1252 beyond ASCII, as the inside of a character class."""
_LETTERS = bytes(byte for byte in range(0x80, 0x100) if re.match(rb"[%b]" % _LETTER, bytes([byte])))
_FOREIGN_WORD = re.compile(rb"(?<![A-Za-z%b])[%b]{2,}(?![A-Za-z%b])" % (_LETTER, _LETTER, _LETTER))
"""A word without any ASCII letter. In Icelandic a few of two letters are."""
_INNER_SYMBOL = re.compile(
    rb"(?<=[A-Za-z\x80-\xff])[\x80\x82-\x84\x86-\x89\x8b\x93\x94\x98\x9b\xa2-\xa6\xa8\xac\xaf\xb1-\xb3\xb5\xb6\xb8\xb9\xbc-\xbf]"
    rb"(?=[A-Za-z\x80-\xff])"
)
"""A symbol between two letters, but for those that people write there: apostrophes, dashes, an ellipsis, "l·l", "nº"."""
_UNDEFINED = b"\x81\x8d\x8f\x90\x9d"
_LEAST_FOREIGN = 4
"""Letters of words without an ASCII letter; fewer may be a name or two."""


def encoding_from_bom(head: bytes) -> Encoding | None:
    """Return the encoding named by a byte order mark, or None without one."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else None


@dataclass(slots=True)
class _ByteCounts:
    """Counts of a text's bytes beyond ASCII, by which its encoding is told where it is not valid UTF-8."""

    high: int = 0
    in_utf_8: int = 0
    letters: int = 0
    in_foreign_words: int = 0
    inner_symbols: int = 0
    undefined: int = 0

    def add(self, chunk: bytes) -> None:
        """Count the next part of the text."""
        self.high += len(chunk.translate(None, _ASCII))
        self.in_utf_8 += sum(map(len, _UTF_8.findall(chunk)))
        self.letters += len(chunk) - len(chunk.translate(None, _LETTERS))
        self.in_foreign_words += sum(map(len, _FOREIGN_WORD.findall(chunk)))
        self.inner_symbols += len(_INNER_SYMBOL.findall(chunk))
        self.undefined += len(chunk) - len(chunk.translate(None, _UNDEFINED))

    def add_valid(self, chunk: bytes) -> None:
        """Count a part that is valid UTF-8."""
        found = len(chunk.translate(None, _ASCII))
        self.high += found
        self.in_utf_8 += found

    def encoding(self) -> Encoding | None:
        """Return UTF-8 where most bytes are of it (it is damaged), Windows-1252 where the text looks like it, or None."""
        if 3 * self.in_utf_8 >= 2 * self.high:
            return "utf-8-sig"
        foreign = self.in_foreign_words >= _LEAST_FOREIGN and 2 * self.in_foreign_words >= self.letters
        broken_words = self.inner_symbols >= 2 and 10 * self.inner_symbols >= self.high
        return None if foreign or broken_words or 20 * self.undefined >= self.high else "cp1252"


def guess_encoding(stream: BinaryIO) -> tuple[Encoding | None, bool]:
    """Read a stream; return its encoding and whether all is valid UTF-8 or UTF-16. None stands for another encoding."""
    chunk = stream.read(_CHUNK)
    encoding = encoding_from_bom(chunk)
    if encoding == "utf-16":
        return encoding, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    counts, valid = _ByteCounts(), True
    while True:
        try:
            if valid:
                decoder.decode(chunk, final=not chunk)
        except UnicodeDecodeError:
            valid = False
        if not chunk:
            break
        (counts.add_valid if valid else counts.add)(chunk)
        chunk = stream.read(_CHUNK)
    return (encoding or "utf-8-sig" if valid else encoding or counts.encoding()), valid


def is_readable(head: bytes) -> bool:
    """Return whether the start of a file is in one of these encodings, as far as it tells."""
    return _encoding_of_head(head) is not None


def decode_head(head: bytes) -> str:
    """Decode the start of a file, which may end within a character. Never raises."""
    encoding = _encoding_of_head(head) or "cp1252"
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)


def _encoding_of_head(head: bytes) -> Encoding | None:
    if encoding := encoding_from_bom(head):
        return encoding
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        counts = _ByteCounts()
        counts.add(head)
        return counts.encoding()
    return "utf-8-sig"


def count_unprintable(text: str) -> int:
    """Count characters that are neither printable nor white space nor invisible by intent, as in Persian and in emoji."""
    return sum(
        not character.isprintable() and not character.isspace() and character not in _INVISIBLE for character in text
    )
