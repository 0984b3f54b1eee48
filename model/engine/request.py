"""One requested reply, from the conversation to the last character. Knows no network and no threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.config import SamplingParams
from model.engine.detokenize import Detokenizer
from model.engine.logprobs import TokenLogprobs
from model.engine.prompt import Turn, prompt_tokens
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `tokens` is how many were generated for it, `checkpoint` the id of the checkpoint that generated them.

    `prompt_tokens` is how many were read before: the conversation, and the reply's beginning if it was given.
    """

    text: str
    seed: int
    tokens: int
    finish_reason: FinishReason
    checkpoint: str
    prompt_tokens: int = 0


class ReplyRequest:
    """A conversation to reply to, how far its prompt has been read, and the tokens generated so far.

    `reply_prefix` is the reply's beginning, as text or as tokens: it goes on from there, with the tokens that the whole
    reply would have had. The reply ends before the first of `stop`. With `logprobs`, log-probabilities are collected.
    `scored` replies add up `log_likelihoods`: of their tokens after the conversation, and after an empty one. `drawn` is the
    reply itself, or the candidates that it is chosen from (candidates.py).

    `unread` is what is left of the prompt but for its `last` token, which is later the last one generated; `fresh` until a
    chunk of it has been read. `tokenizer` and `checkpoint` are known once it has a slot. Ends with a `completion`, or with
    `cancelled`, which the caller sets when nobody waits for it any more.
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
        scored: bool = False,
    ) -> None:
        self.params, self.seed, self.logprobs, self.scored = params, seed, logprobs, scored
        self.log_likelihoods = np.zeros(2)
        self.tokenizer: Tokenizer
        self.checkpoint = ""
        self.reply_prefix: list[int] = []
        self.generated: list[int] = []
        self.completion: Completion | None = None
        self.cancelled = False
        self.unread: list[int] = []
        self.last = 0
        self.fresh = True
        self._conversation, self._given_prefix = conversation, reply_prefix
        self._stops = [text for text in stop if text]
        self._new_text, self._new_logprobs = "", list[TokenLogprobs]()

    def tokenize(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Encode the prompt; raises DannError for text that the tokenizer cannot encode, or ids that it does not have."""
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        self.reply_prefix = reply_prefix_tokens(tokenizer, self._given_prefix)
        *self.unread, self.last = [*prompt_tokens(tokenizer, self._conversation), *self.reply_prefix]
        self._prompt_tokens = len(self.unread) + 1
        self._detokenizer = Detokenizer(tokenizer.decode_bytes(self.reply_prefix), self._stops)

    @property
    def finished(self) -> bool:
        """Whether it is complete or cancelled."""
        return self.completion is not None or self.cancelled

    def is_paired(self, *, guidable: bool) -> bool:
        """Whether it has a second row in the table: scored replies do, and by a network that is `guidable` guided ones."""
        compared = self.scored or (guidable and self.params.guidance > 0)
        return compared and bool(self._conversation)  # nothing to compare with nothing

    @property
    def drawn(self) -> "Sequence[ReplyRequest]":
        """The replies that are drawn for it, each in a slot of its own."""
        return [self]

    @property
    def tokens_generated(self) -> int:
        """How many tokens were generated for it."""
        return len(self.generated)

    @property
    def unread_reply_tokens(self) -> int:
        """How many tokens at the end of `unread` belong to the reply's beginning."""
        return min(len(self.unread), max(0, len(self.reply_prefix) - 1))

    def take_unread(self, most: int) -> list[int]:
        """The next chunk of the prompt, all but its last token, from which decoding begins."""
        chunk, self.unread = self.unread[:most], self.unread[most:]
        self.fresh = False
        return chunk

    def accept(self, tokens: Sequence[int]) -> int:
        """Append generated tokens, up to the first special one and to `params.max_tokens` in all.

        Returns how many were used, with the special one that ends the reply.
        """
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        end = next((position for position, token in enumerate(tokens) if token < NUM_SPECIAL), len(tokens))
        self.last, length_before = tokens[-1], len(self.generated)
        for part in [tokens[:end]] if not self._stops else [[token] for token in tokens[:end]]:
            self.generated += part
            self._new_text += self._detokenizer.add(self.tokenizer.decode_bytes(part))
            if self._detokenizer.stopped:
                self._complete("stop")
                return len(self.generated) - length_before
        if end < len(tokens):
            self._complete("stop")
        elif len(self.generated) == self.params.max_tokens:
            self._complete("length")
        return min(end + 1, len(tokens))

    def add_logprobs(self, logprobs: Sequence[TokenLogprobs]) -> None:
        """Append log-probabilities of the newest tokens."""
        self._new_logprobs += logprobs

    def conclude(self) -> None:
        """Called after a round: complete the request if all that was drawn for it is complete."""

    def add_log_likelihoods(self, of_tokens: np.ndarray) -> None:
        """Add those of the newest tokens `[T, 2]`, the end of the reply included."""
        self.log_likelihoods += of_tokens.sum(axis=0)

    def take_update(self) -> "RequestUpdate":
        """What has come since the last call: text in whole characters, log-probabilities, the completion."""
        update = RequestUpdate(self, self._new_text, self.completion, self._new_logprobs)
        self._new_text, self._new_logprobs = "", []
        return update

    def _complete(self, reason: FinishReason) -> None:
        self._new_text += self._detokenizer.end(cut=reason == "length")
        self.completion = Completion(
            self._detokenizer.text, self.seed, len(self.generated), reason, self.checkpoint, self._prompt_tokens
        )


@dataclass(frozen=True, slots=True)
class RequestUpdate:
    """What a round added to one request: text, log-probabilities, and its completion or an error if it has ended."""

    request: ReplyRequest
    piece: str = ""
    completion: Completion | None = None
    logprobs: Sequence[TokenLogprobs] = ()
    error: BaseException | None = None


def reply_prefix_tokens(tokenizer: Tokenizer, reply_prefix: str | Sequence[int]) -> list[int]:
    """Token ids of a reply's beginning; raises DannError for ids that do not exist and text that cannot be encoded."""
    if isinstance(reply_prefix, str):
        return tokenizer.encode(reply_prefix) if reply_prefix else []
    if not all(NUM_SPECIAL <= token < tokenizer.vocab_size for token in reply_prefix):
        raise DannError(f"a reply's tokens are numbers from {NUM_SPECIAL} to {tokenizer.vocab_size - 1}")
    return list(reply_prefix)


class ContinuationRequest(ReplyRequest):
    """`params.max_tokens` tokens after given ones, special ones too: for networks of plain text."""

    def __init__(self, prompt: Sequence[int], params: SamplingParams, seed: int) -> None:
        super().__init__([], params, seed)
        self._prompt = prompt

    def tokenize(self, tokenizer: Tokenizer, checkpoint: str) -> None:
        """Take the prompt as it is."""
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        *self.unread, self.last = self._prompt

    def accept(self, tokens: Sequence[int]) -> int:
        """Append generated tokens; special ones do not end the text."""
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        self.generated += tokens
        self.last = self.generated[-1]
        if len(self.generated) == self.params.max_tokens:
            text = self.tokenizer.decode(self.generated)
            self.completion = Completion(text, self.seed, len(self.generated), "length", self.checkpoint)
        return len(tokens)
