"""One requested reply, from the conversation to the last character. Knows no network and no threads."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.checkpoints.calibration import Calibration
from model.config import SamplingParams
from model.engine.completion import Completion, FinishReason
from model.engine.logprobs import TokenLogprobs
from model.engine.prompt import Turn, prompt_tokens, reply_prefix_tokens
from model.engine.text.detokenize import Detokenizer
from model.engine.text.drawn_words import DrawnWords
from model.engine.text.guarded import MOST_READ_AGAIN, REFUSALS_A_STEP, REFUSED_STEPS, GuardedReply
from model.privacy.guard_index import GuardIndex
from model.tokenizer import NUM_SPECIAL, Tokenizer


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
    `refusals` are the kinds of what was refused so far. Where the checkpoint is calibrated, the reply is taken back
    likewise to before a word that nobody knows, and goes on with `draw_seed`, which is another then.
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
        self._token_log_likelihoods: list[np.ndarray] = []
        self.tokenizer: Tokenizer
        self.checkpoint = ""
        self.reply_prefix: list[int] = []
        self.generated: list[int] = []
        self._unshown: list[int] = []
        """The newest tokens, while they end in a word that is not finished, or that the reply must not end with."""
        self._num_told = 0
        self._guard: GuardIndex | None = None
        self.completion: Completion | None = None
        self.cancelled = False
        self.unread: list[int] = []
        self.last = 0
        self.fresh = True
        self.refused: list[int] = []
        self.refusals: list[str] = []
        self._refused_steps = self._refused_here = self._read_again = self._read_again_for_words = 0
        self._guarded: GuardedReply | None = None
        self._observed: GuardedReply | None = None
        self._words: DrawnWords | None = None
        self._conversation, self._given_prefix = conversation, reply_prefix
        self._stops = [text for text in stop if text]
        self._new_text, self._new_logprobs = "", list[TokenLogprobs]()

    def tokenize(
        self,
        tokenizer: Tokenizer,
        checkpoint: str,
        guard: GuardIndex | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Encode the prompt; raises DannError for text that the tokenizer cannot encode, or ids that it does not have.

        `guard` is the checkpoint's index of what must not come out, `calibration` knows the words that may.
        """
        self.tokenizer, self.checkpoint = tokenizer, checkpoint
        self.reply_prefix = reply_prefix_tokens(tokenizer, self._given_prefix)
        self._prompt = [*prompt_tokens(tokenizer, self._conversation), *self.reply_prefix]
        *self.unread, self.last = self._prompt
        if guard is not None:
            self._guarded = GuardedReply(guard, tokenizer, self.reply_prefix)
            self._observed = GuardedReply(guard, tokenizer, self.reply_prefix)
        self._guard = guard
        if calibration is not None:
            self._words = DrawnWords(calibration, tokenizer, self.reply_prefix, self.seed)
        self._detokenizer = Detokenizer(tokenizer.decode_bytes(self.reply_prefix), self._stops)

    @property
    def draw_seed(self) -> int:
        """The seed of the tokens that are drawn next."""
        return self._words.seed if self._words else self.seed

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
        one_by_one = self._stops or self._guarded or self._words
        for part in [[token] for token in tokens[:end]] if one_by_one else [tokens[:end]]:
            if not self._goes_on(part):
                return max(0, len(self.generated) - length_before)
        if end < len(tokens):
            if not self._ends(tokens[end], may_end=end > 0 or self._may_end):
                return max(0, len(self.generated) - length_before)
        elif len(self.generated) == self.params.max_tokens:
            self._complete("length")
        if end:
            self.last = tokens[end - 1]
        return min(end + 1, len(tokens))

    def _goes_on(self, part: Sequence[int]) -> bool:
        """Go on with some tokens, one where anything may be taken back; False where it was, or a stop word has come."""
        if self._guarded and self._refuses(self._guarded, part[0]):
            return False
        self.generated += part
        self._unshown += part
        self.refused = []
        if self._words and self._takes_back(self._words):
            return False
        if self._may_be_shown:
            self._show()
        if self._detokenizer.stopped:
            self._complete("stop")
        return not self._detokenizer.stopped

    def _ends(self, token: int, *, may_end: bool) -> bool:
        """End with a special token; False where the reply was taken back instead."""
        if self._words and self.generated and self._takes_back(self._words, ended=True):
            return False
        if may_end and self._guarded and self._refuses(self._guarded, token):
            return False
        self._complete("stop" if may_end else "content_filter")
        return True

    @property
    def _may_be_shown(self) -> bool:
        """Whether nothing of what there is will be taken back."""
        return (not self._words or self._words.is_whole) and (not self._guarded or self._guarded.may_end)

    def _show(self) -> None:
        self._new_text += self._detokenizer.add(self.tokenizer.decode_bytes(self._unshown))
        self._unshown = []

    @property
    def _may_end(self) -> bool:
        """Whether a special token may come next; where one does that may not, every other was refused."""
        if not self.refused or self._guarded is None:
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
            self._read_anew()
        return True

    def _takes_back(self, words: DrawnWords, *, ended: bool = False) -> bool:
        """Take the reply back to before a word that is to be drawn again, if there is one."""
        kept = words.take_back_to(self.generated, ended=ended)
        if kept is None:
            return False
        num_shown = len(self.generated) - len(self._unshown)
        del self.generated[kept:], self._token_log_likelihoods[kept:]
        del self._unshown[kept - num_shown :], self._new_logprobs[kept - self._num_told :]
        self.refused = words.refused
        self._read_again_for_words += len(self._prompt) + len(self.generated)
        if self._read_again_for_words > MOST_READ_AGAIN:
            self._words = None  # from here on words stay as they come
        if self._guard is not None:
            self._guarded = GuardedReply(self._guard, self.tokenizer, self.reply_prefix)
            for token in self.generated:
                self._guarded.add(token)
        self._read_anew()
        return True

    def _read_anew(self) -> None:
        """Have the prompt, and what there is of the reply, read again."""
        *self.unread, self.last = [*self._prompt, *self.generated]
        self.fresh = True

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
        """Append those of the newest tokens `[T, 2]`, the end of the reply included."""
        self._token_log_likelihoods += list(of_tokens)

    @property
    def log_likelihoods(self) -> np.ndarray:
        """Those of the whole reply `[2]`: of its tokens after the conversation, and after an empty one."""
        return np.asarray(np.sum([np.zeros(2), *self._token_log_likelihoods], axis=0))

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
        if reason != "content_filter" and (not self._guarded or self._guarded.may_end):
            self._show()
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
