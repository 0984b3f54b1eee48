"""A conversation to words that can be shown: draws from the engine until hygiene leaves something. Knows no platform.

The same (checkpoint, conversation, SamplingParams, seed, names) gives the same words: every further draw has a seed
that follows from the first.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.replies import phrases
from bot.replies.sanitize import sanitize
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Completion, Turn

FALLBACK_TEMPERATURE = 0.5
"""The highest temperature of the last draw, and SHORTER its most tokens: what is short and likely is seldom all link."""
FALLBACK_TOKENS = 24


class StreamLike(Protocol):
    """One request that the engine works on."""

    async def completion(self) -> Completion:
        """Wait for all of it."""

    def cancel(self) -> None:
        """Draw no more of it."""


class LoadLike(Protocol):
    """How busy the engine is: replies that are being drawn, and that wait to be."""

    @property
    def busy(self) -> int:
        """How many are being drawn."""

    @property
    def waiting(self) -> int:
        """How many wait."""


class EngineLike(Protocol):
    """What is asked of the engine. `submit` raises EngineFull at once where too many wait."""

    @property
    def snapshot(self) -> Snapshot:
        """What new requests are answered from."""

    def submit(self, conversation: Sequence[Turn], params: SamplingParams, seed: int) -> StreamLike:
        """Begin a reply."""

    async def swap(self, snapshot: Snapshot) -> None:
        """Answer new requests from this one; returns once it is in place."""

    @property
    def load(self) -> LoadLike:
        """How busy it is."""


@dataclass(frozen=True, slots=True)
class DrawnReply:
    """Words that can be shown, never empty, and the checkpoint that they come from."""

    text: str
    checkpoint: str


async def draw(
    engine: EngineLike,
    conversation: Sequence[Turn],
    params: SamplingParams,
    seed: int,
    *,
    names: Sequence[str],
    draws: int,
    links: bool,
) -> DrawnReply:
    """Draw `draws` times, then once shorter and cooler, until something can be shown. Raises EngineFull.

    Where another checkpoint came to serve between two draws it begins anew: else nobody could have the same again.
    """
    cooler = {
        "temperature": min(params.temperature, FALLBACK_TEMPERATURE),
        "max_tokens": min(params.max_tokens, FALLBACK_TOKENS),
    }
    attempts = [*[params] * draws, params.model_copy(update=cooler)]
    while True:
        checkpoint = ""
        for number, attempt in enumerate(attempts):
            completion = await wait_for_completion(engine.submit(conversation, attempt, derived_seed(seed, number)))
            if number and completion.checkpoint != checkpoint:
                break
            checkpoint = completion.checkpoint
            if text := sanitize(completion.text, names, links=links):
                return DrawnReply(text, checkpoint)
        else:
            return DrawnReply(phrases.NOTHING_TO_SAY, checkpoint)


def derived_seed(seed: int, number: int) -> int:
    """The seed of draw `number` (0: the first, which has `seed` itself), from 0 to 2**32 - 1."""
    if number == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed} {number}".encode(), digest_size=4).digest())


async def wait_for_completion(stream: StreamLike) -> Completion:
    """Wait for a stream; whoever stops waiting frees its place in the engine."""
    try:
        return await stream.completion()
    except BaseException:
        stream.cancel()
        raise
