"""Draw replies from the engine until sanitizing leaves something to show.

The same (checkpoint, conversation, SamplingParams, seed, names) gives the same words: every further draw has a seed
derived from the first. Knows no platform.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.replies import phrases
from bot.replies.sanitize import sanitize
from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Completion, Load, Turn

FALLBACK_TEMPERATURE = 0.5
"""Limits of the last draw, with FALLBACK_TOKENS: short and likely text is seldom nothing but a link."""
FALLBACK_TOKENS = 24


class StreamLike(Protocol):
    """One request in the engine."""

    async def completion(self) -> Completion:
        """Wait for the whole completion."""

    def cancel(self) -> None:
        """Stop drawing."""


class EngineLike(Protocol):
    """The engine as replies see it; `submit` raises EngineFull where too many wait."""

    @property
    def snapshot(self) -> Snapshot:
        """The checkpoint that new requests are answered from."""

    def submit(self, conversation: Sequence[Turn], params: SamplingParams, seed: int, *, way: str = "") -> StreamLike:
        """Queue a reply for a way out, which its refusals are counted by."""

    async def swap(self, snapshot: Snapshot) -> None:
        """Answer new requests from this checkpoint; returns once it is in place."""

    @property
    def load(self) -> Load:
        """The current load."""


@dataclass(frozen=True, slots=True)
class DrawnReply:
    """Words that can be shown, never empty, and the checkpoint they come from; `filtered`: the guard ended the reply."""

    text: str
    checkpoint: str
    filtered: bool = False


async def draw(
    engine: EngineLike,
    conversation: Sequence[Turn],
    params: SamplingParams,
    seed: int,
    *,
    names: Sequence[str],
    draws: int,
    links: bool,
    way: str = "",
) -> DrawnReply:
    """Draw `draws` times, then once shorter and cooler, until something can be shown, or the guard ends a reply.

    Where another checkpoint was swapped in between two draws all begin again, or nobody could reproduce the reply. Raises
    EngineFull.
    """
    cooler = {
        "temperature": min(params.temperature, FALLBACK_TEMPERATURE),
        "max_tokens": min(params.max_tokens, FALLBACK_TOKENS),
    }
    attempts = [*[params] * draws, params.model_copy(update=cooler)]
    while True:
        checkpoint = ""
        for number, attempt in enumerate(attempts):
            stream = engine.submit(conversation, attempt, derived_seed(seed, number), way=way)
            completion = await wait_for_completion(stream)
            if number and completion.checkpoint != checkpoint:
                break
            checkpoint = completion.checkpoint
            if completion.finish_reason == "content_filter":
                return DrawnReply(phrases.NEUTRAL, checkpoint, filtered=True)
            if text := sanitize(completion.text, names, links=links):
                return DrawnReply(text, checkpoint)
        else:
            return DrawnReply(phrases.NOTHING_TO_SAY, checkpoint)


def derived_seed(seed: int, number: int) -> int:
    """Return the seed of draw `number`: `seed` itself for 0, else a hash, below 2**32."""
    if number == 0:
        return seed
    return int.from_bytes(hashlib.blake2b(f"{seed} {number}".encode(), digest_size=4).digest())


async def wait_for_completion(stream: StreamLike) -> Completion:
    """Wait for a stream; a cancelled wait cancels the stream and frees its slot."""
    try:
        return await stream.completion()
    except BaseException:
        stream.cancel()
        raise
