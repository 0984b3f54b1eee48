"""One requested reply, from the conversation to the last character. Knows no network and no threads."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model.config import SamplingParams
from model.engine.logprobs import TokenLogprobs
from model.engine.prompt import Turn, prompt_tokens
from model.engine.text.detokenize import Detokenizer
from model.engine.text.guarded import MOST_READ_AGAIN, REFUSALS_A_STEP, REFUSED_STEPS, GuardedReply
from model.errors import DannError
from model.privacy.guard_index import GuardIndex
from model.tokenizer import NUM_SPECIAL, Tokenizer

FinishReason = Literal["stop", "length", "content_filter"]
"""`content_filter`: the guard refused tokens at more steps than another may be drawn at (guarded.py)."""


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
    reply would have had. The reply ends before the first of `stop`. With `logprobs`, log-probabilities are collected;
    `withhold` is how many of the likeliest tokens are shown to somebody who must not see what is guarded (`withheld`), 0 if
    that is nobody. `way` names the way out that it was requested for.
    `scored` replies add up `log_likelihoods`: of their tokens after the conversation, and after an empty one. `drawn` is the
    reply itself, or the candidates that it is chosen from (candidates.py).

    `unread` is what is left of the prompt but for its `last` token, which is later the last one generated; `fresh` until a
    chunk of it has been read. `tokenizer` and `checkpoint` are known once it has a slot. Ends with a `completion`, or with
    `cancelled`, which the caller sets when nobody waits for it any more.

    Where the checkpoint has an index of what is guarded, a token that would complete something of it is refused: the
    request is `fresh` again, with all that stands in `unread`, and decoding goes on without the tokens in `refused`.
    `refusals` are the kinds of what was refused so far.
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
        withhold: int = 0,
        way: str = "",
        scored: bool = False,
    ) -> None:
        self.params, self.seed, self.logprobs, self.scored = params, seed, logprobs, scored
        self.withhold, self.way = withhold, way
        self.log_likelihoods = np.zeros(2)
        self.tokenizer: Tokenizer
        self.checkpoint = ""
        self.reply_prefix: list[int] = []
        self.generated: list[int] = []
        self._unshown: list[int] = []
        """The newest tokens, while they end in a word that the reply must not end with."""
        self._num_told = 0
        self.completion: Completion | None = None
        self.cancelled = False
        self.unread: list[int] = []
        self.last = 0
        self.fresh = True
        self.refused: list[int] = []
        self.refusals: list[str] = []
        self._refused_steps = self._refused_here = self._read_again = 0
        self._guarded: GuardedReply | None = None
        self._observed: GuardedReply | None = None
        self._conversation, self._given_prefix = conversation, reply_prefix
        self._stops = [text for text in stop if text]
        self._new_text, self._new_logprobs = "", list[TokenLogprobs]()

    def tokenize(self, tokenizer: Tokenizer, checkpoint: str, guard: GuardIndex | None = None) -> None:
        """Encode the prompt; raises DannError for text that the tokenizer cannot encode, or ids that it does not have.

        `guard` is the checkpoint's index of what must not come out.
        """
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        self.reply_prefix = reply_prefix_tokens(tokenizer, self._given_prefix)
        self._prompt = [*prompt_tokens(tokenizer, self._conversation), *self.reply_prefix]
        *self.unread, self.last = self._prompt
        if guard is not None:
            self._guarded = GuardedReply(guard, tokenizer, self.reply_prefix)
            self._observed = GuardedReply(guard, tokenizer, self.reply_prefix)
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
        """How many tokens at the end of `unread` belong to the reply."""
        return min(len(self.unread), max(0, self.reply_tokens - 1))

    @property
    def reply_tokens(self) -> int:
        """How many tokens the reply has, those of its beginning too."""
        return len(self.reply_prefix) + len(self.generated)

    def take_unread(self, most: int) -> list[int]:
        """The next chunk of the prompt, all but its last token, from which decoding begins."""
        chunk, self.unread = self.unread[:most], self.unread[most:]
        self.fresh = False
        return chunk

    def accept(self, tokens: Sequence[int]) -> int:
        """Append generated tokens, up to the first special one, the first refused one, and to `params.max_tokens` in all.

        Returns how many were used, with the special one that ends the reply.
        """
        tokens = tokens[: self.params.max_tokens - len(self.generated)]
        end = next((position for position, token in enumerate(tokens) if token < NUM_SPECIAL), len(tokens))
        length_before = len(self.generated)
        one_by_one = self._stops or self._guarded
        for part in [[token] for token in tokens[:end]] if one_by_one else [tokens[:end]]:
            if self._guarded and self._refuses(self._guarded, part[0]):
                return len(self.generated) - length_before
            self.generated += part
            self._unshown += part
            if self._guarded and not self._guarded.may_end:
                continue
            self._new_text += self._detokenizer.add(self.tokenizer.decode_bytes(self._unshown))
            self._unshown = []
            if self._detokenizer.stopped:
                self._complete("stop")
                return len(self.generated) - length_before
        if end < len(tokens):
            may_end = end > 0 or self._may_end
            if may_end and self._guarded and self._refuses(self._guarded, tokens[end]):
                return len(self.generated) - length_before
            self._complete("stop" if may_end else "content_filter")
        elif len(self.generated) == self.params.max_tokens:
            self._complete("length")
        if end:
            self.last = tokens[end - 1]
        return min(end + 1, len(tokens))

    @property
    def _may_end(self) -> bool:
        """Whether a special token may come next; where one does that may not, every other was refused."""
        if not self.refused:
            return True
        return bool(self.reply_tokens and self._guarded and self._guarded.is_whole and self._guarded.may_end)

    def _refuses(self, guarded: GuardedReply, token: int) -> bool:
        """Go on with a token, or refuse it: then the prompt and what there is of the reply are read again, or it ends."""
        last = len(self.generated) == self.params.max_tokens - 1
        refusal = guarded.refuses(token, last=last)
        if refusal is None:
            guarded.add(token)
            self.refused = []
            return False
        self.refusals.append(refusal.kind)
        self._refused_steps += not self.refused
        self._refused_here = self._refused_here + 1 if self.refused else 1
        self.refused = [*self.refused, *(guarded.refused_like(token) if guarded.refuses(token) else [token])]
        self._read_again += len(self._prompt) + len(self.generated)
        is_over = self._refused_steps > REFUSED_STEPS or self._refused_here > REFUSALS_A_STEP
        if is_over or self._read_again > MOST_READ_AGAIN:
            self._complete("content_filter")
        else:
            *self.unread, self.last = [*self._prompt, *self.generated]
            self.fresh = True
        return True

    def add_logprobs(self, logprobs: Sequence[TokenLogprobs]) -> None:
        """Append log-probabilities of the newest tokens."""
        self._new_logprobs += logprobs

    def withheld(self, logprobs: Sequence[TokenLogprobs]) -> Sequence[TokenLogprobs]:
        """What may be shown of the log-probabilities of the next tokens; called with all of them in turn.

        It takes a third of a millisecond a token, and so is no work for the engine's thread.
        """
        if not self._observed or not self.withhold:
            return logprobs
        return [self._observed.withhold(entry, self.withhold) for entry in logprobs]

    def conclude(self) -> None:
        """Called after a round: complete the request if all that was drawn for it is complete."""

    def add_log_likelihoods(self, of_tokens: np.ndarray) -> None:
        """Add those of the newest tokens `[T, 2]`, the end of the reply included."""
        self.log_likelihoods += of_tokens.sum(axis=0)

    def take_update(self) -> "RequestUpdate":
        """What has come since the last call: text in whole characters, log-probabilities, the completion."""
        ready = len(self._new_logprobs)
        if self._unshown:
            ready = len(self.generated) - len(self._unshown) - self._num_told
        update = RequestUpdate(self, self._new_text, self.completion, self._new_logprobs[:ready])
        self._new_text, self._new_logprobs = "", self._new_logprobs[ready:]
        self._num_told += ready
        return update

    def _complete(self, reason: FinishReason) -> None:
        self._new_text += self._detokenizer.end(cut=reason != "stop", may_be_empty=reason == "content_filter")
        text, read = self._detokenizer.text, len(self._prompt)
        self.completion = Completion(text, self.seed, len(self.generated), reason, self.checkpoint, read)


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
        self._prompt = list(prompt)

    def tokenize(self, tokenizer: Tokenizer, checkpoint: str, guard: GuardIndex | None = None) -> None:  # noqa: ARG002
        """Take the prompt as it is. Nothing is guarded: nobody but who trains gets such text."""
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
