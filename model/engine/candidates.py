"""The best of several replies: the one that the conversation makes likelier than an empty one would. Knows no network."""

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from model.checkpoints.calibration import Calibration
from model.config import SamplingParams
from model.engine.prompt import Turn
from model.engine.request import ReplyRequest
from model.privacy.guard_index import GuardIndex
from model.tokenizer import Tokenizer

LENGTH_EXPONENT = 0.75
"""What the gain of a reply is divided by is its tokens to this power: at 0 long replies win, at 1 short ones; with this one
replies are as long as the person's (experiments/LOG.md)."""


class CandidatesRequest(ReplyRequest):
    """A request whose reply is the best of `params.candidates`; it is complete when all of them are.

    Candidate 0 is what the request would get without candidates. All of them are drawn on one Batch, so by one network.
    """

    def __init__(self, conversation: Sequence[Turn], params: SamplingParams, seed: int, **more: Any) -> None:
        super().__init__(conversation, params, seed, **more)
        self._drawn = [
            ReplyRequest(conversation, params, candidate_seed(seed, number), **more, scored=True)
            for number in range(params.candidates)
        ]

    def is_paired(self, *, guidable: bool) -> bool:  # noqa: ARG002 (each candidate is scored)
        """Whether its candidates have a second row in the table."""
        return True

    @property
    def drawn(self) -> Sequence[ReplyRequest]:
        """The candidates."""
        return self._drawn

    @property
    def tokens_generated(self) -> int:
        """How many tokens were generated for it, of all candidates."""
        return sum(candidate.tokens_generated for candidate in self._drawn)

    def tokenize(
        self,
        tokenizer: Tokenizer,
        checkpoint: str,
        guard: GuardIndex | None = None,
        calibration: Calibration | None = None,
    ) -> None:
        """Encode the prompt; raises DannError as for one reply."""
        super().tokenize(tokenizer, checkpoint, guard, calibration)
        for candidate in self._drawn:
            candidate.tokenize(tokenizer, checkpoint, guard, calibration)

    def conclude(self) -> None:
        """Choose the reply, once all candidates are complete: one that the guard ended only where it ended all."""
        if self.completion is None and all(candidate.completion for candidate in self._drawn):
            best = max(
                self._drawn, key=lambda candidate: (not is_filtered(candidate), score(candidate))
            )  # else the first
            self.refusals = [kind for candidate in self._drawn for kind in candidate.refusals]
            update = best.take_update()
            self._new_text, self._new_logprobs = update.piece, list(update.logprobs)
            assert update.completion
            self.completion = replace(update.completion, seed=self.seed)


def is_filtered(candidate: ReplyRequest) -> bool:
    """Whether the guard ended a candidate."""
    return candidate.completion is not None and candidate.completion.finish_reason == "content_filter"


def score(candidate: ReplyRequest) -> float:
    """What the conversation tells of a reply that was scored: log p(reply | conversation) - log p(reply), for its length.

    Maximum mutual information (Li et al., 1510.03055), in nats a token to the power of LENGTH_EXPONENT.
    """
    conditional, unconditional = candidate.log_likelihoods.tolist()
    return float((conditional - unconditional) / max(1, candidate.tokens_generated) ** LENGTH_EXPONENT)


def candidate_seed(seed: int, number: int) -> int:
    """The seed of a candidate: `seed` itself for 0, else a hash, below 2**32.

    Another hash than that of draws and of choices (bot/replies/generate.py), or the next draw would repeat a candidate.
    """
    if number == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"candidate {number} of {seed % 2**32}".encode(), digest_size=4).digest())


def reply_request(conversation: Sequence[Turn], params: SamplingParams, seed: int, **more: Any) -> ReplyRequest:
    """The request for a reply, of candidates where they could differ and there is a conversation to compare them by."""
    kind = CandidatesRequest if params.is_chosen and conversation else ReplyRequest
    return kind(conversation, params, seed, **more)
