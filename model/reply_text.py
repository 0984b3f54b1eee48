"""The text of a reply as it grows: bytes in, whole characters out. Knows no tokens."""

from codecs import getincrementaldecoder

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class ReplyText:
    """Turns the bytes of a reply into text without the blanks around it; bytes that are no UTF-8 become U+FFFD.

    The pieces that `add` and `end` return, joined, are the reply. A character appears when all of its bytes are there, and
    a blank when something follows it.
    """

    def __init__(self) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._held = ""
        self._shown: list[str] = []

    def add(self, raw: bytes) -> str:
        """What more can be shown now."""
        return self._show(self._decoder.decode(raw))

    def end(self, *, cut: bool) -> str:
        """The rest. A character that breaks off at the end is dropped if the reply was `cut` there, or else U+FFFD.

        A reply of blanks alone, or of part of a character, is U+FFFD: no reply is empty.
        """
        rest = "" if cut else self._show(self._decoder.decode(b"", final=True))
        return rest if self._shown else self._show(REPLACEMENT)

    @property
    def text(self) -> str:
        """All that has been shown."""
        return "".join(self._shown)

    def _show(self, text: str) -> str:
        text = self._held + text
        if not self._shown:
            text = text.lstrip()
        piece = text.rstrip()
        self._held = text[len(piece) :]
        if piece:
            self._shown.append(piece)
        return piece
