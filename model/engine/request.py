"""One reply that is asked for, from the question to the last character. Knows no network and no threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from model.config import SamplingParams
from model.engine.detokenize import Detokenizer
from model.engine.logprobs import TokenLogprobs
from model.engine.prompt import Turn, prompt_tokens
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `tokens` is how many were drawn for it, `checkpoint` the id of what drew them all.

    `prompt_tokens` is how many were read before: the conversation, and the reply's beginning if it was given.
    """

    text: str
    seed: int
    tokens: int
    finish_reason: FinishReason
    checkpoint: str
    prompt_tokens: int = 0


class ReplyRequest:
    """What is asked, how far its prompt has been read, and what has been drawn.

    `begun` is how the reply begins already, in words or in tokens: it goes on from there, with the tokens that the whole
    would have had. It ends before the first of `stop`. With `watch`, what the network thought at each token is kept.

    `unread` is what is left of the prompt but for its `last` token, which is then the last one drawn; `fresh` until a part
    of it has been read. `tokenizer` and `checkpoint` are those of what draws it, once it has a place. Ends with a
    `completion`; `given_up` is how whoever asked says that nobody waits any more.
    """

    def __init__(
        self,
        conversation: Sequence[Turn],
        params: SamplingParams,
        seed: int,
        *,
        reply_prefix: str | Sequence[int] = "",
        stop: Sequence[str] = (),
        logprobs: bool = False,
    ) -> None:
        self.params, self.seed, self.logprobs = params, seed, logprobs
        self.tokenizer: Tokenizer
        self.checkpoint = ""
        self.reply_prefix: list[int] = []
        self.generated: list[int] = []
        self.completion: Completion | None = None
        self.given_up = False
        self.unread: list[int] = []
        self.last = 0
        self.fresh = True
        self._conversation, self._beginning, self._stop = conversation, reply_prefix, [one for one in stop if one]
        self._new, self._thoughts = "", list[TokenLogprobs]()

    def begin(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Find the prompt's tokens; raises DannError for a text that the tokenizer cannot spell, or tokens that are none."""
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        self.reply_prefix = reply_prefix_tokens(tokenizer, self._beginning)
        *self.unread, self.last = [*prompt_tokens(tokenizer, self._conversation), *self.reply_prefix]
        self._prompt_tokens = len(self.unread) + 1
        self._text = Detokenizer(tokenizer.decode_bytes(self.reply_prefix), self._stop)

    @property
    def over(self) -> bool:
        """Whether nothing more is to be done."""
        return self.completion is not None or self.given_up

    @property
    def own_unread(self) -> int:
        """How many tokens at the end of `unread` are the reply's own."""
        return min(len(self.unread), max(0, len(self.reply_prefix) - 1))

    def take_unread(self, most: int) -> list[int]:
        """The next part of the prompt, all but its last token, from which the drawing begins."""
        part, self.unread = self.unread[:most], self.unread[most:]
        self.fresh = False
        return part

    def draw(self, tokens: Sequence[int]) -> int:
        """Go on with these tokens: up to the first special one, and no more than `params.max_tokens` in all.

        Returns how many of them counted, with the special one that ends the reply.
        """
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        own = next((place for place, token in enumerate(tokens) if token < NUM_SPECIAL), len(tokens))
        self.last, had = tokens[-1], len(self.generated)
        for part in [tokens[:own]] if not self._stop else [[token] for token in tokens[:own]]:
            self.generated += part
            self._new += self._text.add(self.tokenizer.decode_bytes(part))
            if self._text.stopped:
                self._end("stop")
                return len(self.generated) - had
        if own < len(tokens):
            self._end("stop")
        elif len(self.generated) == self.params.max_tokens:
            self._end("length")
        return min(own + 1, len(tokens))

    def add_logprobs(self, thoughts: Sequence[TokenLogprobs]) -> None:
        """Keep what the network thought."""
        self._thoughts += thoughts

    def take_logprobs(self) -> list[TokenLogprobs]:
        """What it has thought since this was last asked."""
        new, self._thoughts = self._thoughts, []
        return new

    def take_text(self) -> str:
        """What has come to the reply's text since this was last asked; whole characters."""
        new, self._new = self._new, ""
        return new

    def _end(self, reason: FinishReason) -> None:
        self._new += self._text.end(cut=reason == "length")
        told = self._text.text, self.seed, len(self.generated), reason, self.checkpoint, self._prompt_tokens
        self.completion = Completion(*told)


def reply_prefix_tokens(tokenizer: Tokenizer, reply_prefix: str | Sequence[int]) -> list[int]:
    """The tokens of a reply's beginning. Raises DannError where they are none, or a text cannot be spelled."""
    if isinstance(reply_prefix, str):
        return tokenizer.encode(reply_prefix) if reply_prefix else []
    if not all(NUM_SPECIAL <= token < tokenizer.vocab_size for token in reply_prefix):
        raise DannError(f"a reply's tokens are numbers from {NUM_SPECIAL} to {tokenizer.vocab_size - 1}")
    return list(reply_prefix)


class ContinuationRequest(ReplyRequest):
    """Tokens after given ones, special ones too, until there are `params.max_tokens`: for networks of plain text."""

    def __init__(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> None:
        super().__init__([], params, seed)
        self._prompt = prompt

    def begin(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Request."""
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        *self.unread, self.last = self._prompt

    def draw(self, tokens: Sequence[int]) -> int:
        """Request."""
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        self.generated += tokens
        self.last = self.generated[-1]
        if len(self.generated) == self.params.max_tokens:
            text = self.tokenizer.decode(self.generated)
            self.completion = Completion(text, self.seed, len(self.generated), "length", self.checkpoint)
        return len(tokens)
