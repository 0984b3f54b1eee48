"""Text of a reply as it grows: bytes in, whole characters out, up to a stop word. Knows no tokens."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"


class Detokenizer:
    """Turns a reply's bytes into text without the white space around it; invalid UTF-8 becomes U+FFFD.

    The pieces that `add` and `end` return, joined, are the reply. A character is returned when all of its bytes are there,
    white space when something follows it. `prefix` are the bytes of a beginning that is known already and not returned. The
    text ends before the first of `stops`: the possible beginning of one is held back, and `stopped` says that one has come.
    """

    def __init__(self, prefix: bytes = b"", stops: Sequence[str] = ()) -> None:
        self._decoder = getincrementaldecoder("utf-8")("replace")
        self._decoder.decode(prefix)
        self._has_prefix = bool(prefix)
        self._stops = stops
        self._held_back = ""
        self._pieces: list[str] = []
        self.stopped = False

    def add(self, raw: bytes) -> str:
        """The text that can be shown after these bytes and not before."""
        return self._take(self._decoder.decode(raw))

    def end(self, *, cut: bool, may_be_empty: bool = False) -> str:
        """The rest of the text. An incomplete character at the end is dropped if the reply was `cut` there, else U+FFFD.

        A reply of white space alone, or of part of a character, is U+FFFD: no reply is empty, unless it has a prefix or
        begins with a stop word, or it `may_be_empty`.
        """
        rest = self._take("" if cut else self._decoder.decode(b"", final=True), last=True)
        return rest if self._pieces or self._has_prefix or self.stopped or may_be_empty else self._take(REPLACEMENT)

    @property
    def text(self) -> str:
        """All pieces so far."""
        return "".join(self._pieces)

    def _take(self, text: str, *, last: bool = False) -> str:
        if self.stopped:
            return ""
        text = self._held_back + text
        if not self._pieces and not self._has_prefix:
            text = text.lstrip()
        positions = [position for stop in self._stops if (position := text.find(stop)) >= 0]
        self.stopped = bool(positions)
        text = text[: min(positions, default=len(text))]
        piece = text[: len(text) - (0 if last or self.stopped else self._possible_stop(text))].rstrip()
        self._held_back = text[len(piece) :]
        if piece:
            self._pieces.append(piece)
        return piece

    def _possible_stop(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a stop word."""
        longest = max(map(len, self._stops), default=1) - 1
        ends = (text[-length:] for length in range(min(longest, len(text)), 0, -1))
        return next((len(end) for end in ends if any(stop.startswith(end) for stop in self._stops)), 0)
