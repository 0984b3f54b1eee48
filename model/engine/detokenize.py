"""The text of a reply as it grows: bytes in, whole characters out. Knows no tokens."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Detokenizer:
    """Turns the bytes of a reply into text without the blanks around it; bytes that are no UTF-8 become U+FFFD.

    The pieces that `add` and `end` return, joined, are the reply. A character appears when all of its bytes are there, and
    a blank when something follows it. `begun` are the bytes of its beginning, which is not shown again. The text ends before
    the first of `stops`, and what may become one is held back; `stopped` says that one has come.
    """

    def __init__(self, begun: bytes = b"", stops: Sequence[str] = ()) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._decoder.decode(begun)
        self._begun = bool(begun)
        self._stops = stops
        self._held = ""
        self._shown: list[str] = []
        self.stopped = False

    def add(self, raw: bytes) -> str:
        """What more can be shown now."""
        return self._show(self._decoder.decode(raw))

    def end(self, *, cut: bool) -> str:
        """The rest. A character that breaks off at the end is dropped if the reply was `cut` there, or else U+FFFD.

        A reply of blanks alone, or of part of a character, is U+FFFD: no reply is empty, unless it was begun already or was
        stopped at once.
        """
        rest = self._show("" if cut else self._decoder.decode(b"", final=True), last=True)
        return rest if self._shown or self._begun or self.stopped else self._show(REPLACEMENT)

    @property
    def text(self) -> str:
        """All that has been shown."""
        return "".join(self._shown)

    def _show(self, text: str, *, last: bool = False) -> str:
        if self.stopped:
            return ""
        text = self._held + text
        if not self._shown and not self._begun:
            text = text.lstrip()
        places = [place for stop in self._stops if (place := text.find(stop)) >= 0]
        self.stopped = bool(places)
        text = text[: min(places, default=len(text))]
        piece = text[: len(text) - (0 if last or self.stopped else self._may_stop(text))].rstrip()
        self._held = text[len(piece) :]
        if piece:
            self._shown.append(piece)
        return piece

    def _may_stop(self, text: str) -> int:
        """How many characters at the end of a text may be the beginning of a stop."""
        longest = max(map(len, self._stops), default=1) - 1
        ends = (text[-length:] for length in range(min(longest, len(text)), 0, -1))
        return next((len(end) for end in ends if any(stop.startswith(end) for stop in self._stops)), 0)
