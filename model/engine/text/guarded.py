"""The text of a guarded reply as it grows token by token, and which tokens it must not go on with. Knows no network."""

from codecs import getincrementaldecoder
from collections.abc import Sequence

from model.engine.logprobs import TokenLogprobs
from model.privacy.guard_index import GuardIndex
from model.privacy.reply_guard import Refusal
from model.tokenizer import NUM_SPECIAL, Tokenizer

REFUSED_STEPS = 8
"""Steps of one reply at which another token may be drawn; where one more would have to be, the reply ends."""
REFUSALS_A_STEP = 16
"""At one step so many tokens may be drawn that are refused; with one more, the reply ends too."""
MOST_READ_AGAIN = 1 << 16
"""Tokens, over a reply's refusals together, and as many over its words that are drawn again: the prompt and what was drawn
are read again after each. A beginning of 19,000 tokens would be read up to 136 times, in half a second each by the smallest
network; three refusals end the reply there."""


class GuardedReply:
    """A reply's text after a beginning that was given, as whole characters, and the guard that reads it.

    How tokens cut the text makes no difference: a token that ends inside a character adds that character's text with the
    token that completes it.
    """

    def __init__(self, index: GuardIndex, tokenizer: Tokenizer, begun: Sequence[int]) -> None:
        self._token_bytes = tokenizer.token_bytes
        self._text = ""
        given, self._rest = _characters(tokenizer.decode_bytes(begun))
        self._guard = index.guard(given)

    @property
    def is_whole(self) -> bool:
        """Whether no character is incomplete."""
        return not self._rest

    @property
    def may_end(self) -> bool:
        """Whether the reply may end here; where not, the last word must not be shown before it goes on."""
        return self._guard.refuses_end(self._text) is None

    def refuses(self, token: int, *, last: bool = False) -> Refusal | None:
        """Return why the text must not go on with a token, one that ends the reply too, or not end with the `last` one."""
        if token < NUM_SPECIAL:
            return self._guard.refuses_end(self._text)
        added, _ = _characters(self._rest + self._token_bytes[token])
        refuses = self._guard.refuses_end if last else self._guard.refuses
        return refuses(self._text + added) if added or last else None

    def refused_like(self, token: int) -> Sequence[int]:
        """Return the tokens that are refused with one that is: all that begin with as much text as is refused of it.

        Whatever follows a text that is refused undoes nothing.
        """
        if token < NUM_SPECIAL:
            return range(NUM_SPECIAL)
        raw = self._rest + self._token_bytes[token]
        added, _ = _characters(raw)
        ends = range(1, len(added))
        least = next((end for end in ends if self._guard.refuses(self._text + added[:end])), len(added))
        if not raw.startswith(begins := added[:least].encode()):  # it is not well-formed
            return [token]
        begins = begins[len(self._rest) :]
        return [number for number, each in enumerate(self._token_bytes) if each.startswith(begins)]

    def add(self, token: int) -> None:
        """Go on with a token."""
        added, self._rest = _characters(self._rest + self._token_bytes[token])
        self._text += added

    def withhold(self, entry: TokenLogprobs, count: int) -> TokenLogprobs:
        """Go on with a token that was drawn, and return what may be shown of it, where `count` of the likeliest would be.

        Where the guard refuses one of them, nothing is: what is left of a distribution tells what was taken out.
        """
        guarded = any(self.refuses(token, last=True) for token, _ in entry.top[:count])
        self.add(entry.token)
        self._guard.refuses(self._text)  # read once, or each alternative to the next token would be read with it
        return TokenLogprobs(entry.token, 0.0, 0.0, (), withheld=True) if guarded else entry


def _characters(raw: bytes) -> tuple[str, bytes]:
    """The whole characters of UTF-8, U+FFFD where it is not well-formed, and the bytes of an incomplete one at the end."""
    if raw.isascii():
        return raw.decode("ascii"), b""
    decoder = getincrementaldecoder("utf-8")("replace")
    return decoder.decode(raw), decoder.getstate()[0]
