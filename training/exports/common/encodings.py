"""Text encodings: UTF-8, UTF-16 with a byte order mark, or Windows-1252. Knows no others."""

import codecs
from typing import BinaryIO, Literal

Encoding = Literal["utf-8-sig", "utf-16", "cp1252"]

DIRECTION_MARKS = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff"
"""Invisible direction marks, as the inside of a regular expression's character class."""

_INVISIBLE = frozenset(
    "\xad\u061c\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff"
)
_CHUNK = 1 << 20


def encoding_from_bom(head: bytes) -> Encoding | None:
    """Return the encoding named by a byte order mark, or None without one."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else None


def guess_encoding(stream: BinaryIO) -> tuple[Encoding, bool]:
    """Read a stream up to any invalid byte; return its encoding and whether all is valid.

    At invalid UTF-8 the text before it decides: with valid letters beyond ASCII it is UTF-8 with a damaged spot
    (Windows-1252 hardly ever looks like that), otherwise Windows-1252.
    """
    chunk = stream.read(_CHUNK)
    encoding = encoding_from_bom(chunk)
    if encoding == "utf-16":
        return encoding, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    non_ascii = encoding is not None
    while True:
        try:
            non_ascii |= not decoder.decode(chunk, final=not chunk).isascii()
        except UnicodeDecodeError as error:
            non_ascii |= not error.object[: error.start].isascii()
            return ("utf-8-sig" if non_ascii else "cp1252"), False
        if not chunk:
            return "utf-8-sig", True
        chunk = stream.read(_CHUNK)


def decode_head(head: bytes) -> str:
    """Decode the start of a file, which may end within a character. Never raises."""
    encoding = encoding_from_bom(head)
    if encoding is None:
        try:
            return codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError as error:
            encoding = "cp1252" if head[: error.start].isascii() else "utf-8-sig"
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)


def count_unprintable(text: str) -> int:
    """Count characters that are neither printable nor white space nor invisible by intent, as in Persian and in emoji."""
    return sum(
        not character.isprintable() and not character.isspace() and character not in _INVISIBLE for character in text
    )
