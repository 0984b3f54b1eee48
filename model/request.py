"""One reply that is asked for, from the question to the last character. Knows no network and no threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.config import SamplingParams
from model.prompt import Turn, prompt_tokens
from model.reply_text import ReplyText
from model.tokenizer import NUM_SPECIAL, Tokenizer

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `tokens` is how many were drawn for it, `checkpoint` the id of what drew them all."""

    text: str
    seed: int
    tokens: int
    finish_reason: FinishReason
    checkpoint: str


class Request:
    """What is asked, how far its prompt has been read, and what has been drawn.

    `unread` is what is left of the prompt but for its `last` token, which is then the last one drawn; `fresh` until a part
    of it has been read. Ends with a `completion`; `given_up` is how whoever asked says that nobody waits any more.
    """

    def __init__(self, conversation: Sequence[Turn], params: SamplingParams, seed: int) -> None:
        self.params, self.seed = params, seed
        self.drawn: list[int] = []
        self.completion: Completion | None = None
        self.given_up = False
        self.unread: list[int] = []
        self.last = 0
        self.fresh = True
        self._conversation = conversation
        self._text = ReplyText()
        self._new = ""

    def begin(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Find the prompt's tokens; raises DannError for a text that the tokenizer cannot spell."""
        self._tokenizer, self._checkpoint = tokenizer, checkpoint
        *self.unread, self.last = prompt_tokens(tokenizer, self._conversation)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done."""
        return self.completion is not None or self.given_up

    def take_unread(self, most: int) -> list[int]:
        """The next part of the prompt, all but its last token, from which the drawing begins."""
        part, self.unread = self.unread[:most], self.unread[most:]
        self.fresh = False
        return part

    def draw(self, tokens: Sequence[int]) -> None:
        """Go on with these tokens: up to the first special one, and no more than `params.max_tokens` in all."""
        tokens = tokens[: self.params.max_tokens - len(self.drawn)]
        own = next((place for place, token in enumerate(tokens) if token < NUM_SPECIAL), len(tokens))
        self.drawn += tokens[:own]
        self.last = tokens[-1]
        self._new += self._text.add(self._tokenizer.decode_bytes(tokens[:own]))
        if own < len(tokens):
            self._end("stop")
        elif len(self.drawn) == self.params.max_tokens:
            self._end("length")

    def take_text(self) -> str:
        """What has come to the reply's text since this was last asked; whole characters."""
        new, self._new = self._new, ""
        return new

    def _end(self, reason: FinishReason) -> None:
        self._new += self._text.end(cut=reason == "length")
        self.completion = Completion(self._text.text, self.seed, len(self.drawn), reason, self._checkpoint)


class Continuation(Request):
    """Tokens after given ones, special ones too, until there are `params.max_tokens`: for networks of plain text."""

    def __init__(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> None:
        super().__init__([], params, seed)
        self._prompt = prompt

    def begin(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Request."""
        self._tokenizer, self._checkpoint = tokenizer, checkpoint
        *self.unread, self.last = self._prompt

    def draw(self, tokens: Sequence[int]) -> None:
        """Request."""
        self.drawn += tokens[: self.params.max_tokens - len(self.drawn)]
        self.last = self.drawn[-1]
        if len(self.drawn) == self.params.max_tokens:
            text = self._tokenizer.decode(self.drawn)
            self.completion = Completion(text, self.seed, len(self.drawn), "length", self._checkpoint)
