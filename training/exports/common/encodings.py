"""How text was written down: UTF-8, UTF-16 with its mark, or Windows-1252. Knows no other encodings."""

import codecs
from typing import BinaryIO, Literal

Encoding = Literal["utf-8-sig", "utf-16", "cp1252"]

_CHUNK = 1 << 20


def marked(head: bytes) -> Encoding | None:
    """Return the encoding that a byte order mark names, or None without one."""
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    return "utf-8-sig" if head.startswith(codecs.BOM_UTF8) else None


def guess(stream: BinaryIO) -> tuple[Encoding, bool]:
    """Read a stream to its end, or to where it is not UTF-8; return its encoding and whether all of it is valid.

    Where UTF-8 breaks, what came before decides: if it had letters beyond ASCII that were right, it is UTF-8 with a
    damaged spot (Windows-1252 hardly ever looks like that), and otherwise Windows-1252.
    """
    chunk = stream.read(_CHUNK)
    mark = marked(chunk)
    if mark == "utf-16":
        return mark, True
    decoder = codecs.getincrementaldecoder("utf-8")()
    beyond_ascii = mark is not None
    while True:
        try:
            beyond_ascii |= not decoder.decode(chunk, final=not chunk).isascii()
        except UnicodeDecodeError as error:
            beyond_ascii |= not error.object[: error.start].isascii()
            return ("utf-8-sig" if beyond_ascii else "cp1252"), False
        if not chunk:
            return "utf-8-sig", True
        chunk = stream.read(_CHUNK)


def text_of(head: bytes) -> str:
    """Decode the beginning of a file, which may end within a character. Never raises."""
    encoding = marked(head)
    if encoding is None:
        try:
            return codecs.getincrementaldecoder("utf-8")().decode(head)
        except UnicodeDecodeError as error:
            encoding = "cp1252" if head[: error.start].isascii() else "utf-8-sig"
    return codecs.getincrementaldecoder(encoding)("replace").decode(head)
