"""Whether a network tells by a reply what it answers. Draws no samples.

Each held-out reply is read after its own context and after those of nine other conversations, with weights fixed. `share` of
them are likeliest after their own; chance is 0.1. Bits alone say little: a network that is sure and wrong in another's
context earns them without listening (docs/training.md).
"""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass

from model.architectures import LanguageModel
from model.engine.prompt import prompt_tokens
from model.tokenizer import Tokenizer
from training.data.conversations import Conversation
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.evaluation.reply_nats import reply_nats

CONTEXTS = 10
"""A reply's own context, and others'."""
CONTEXT_TURNS = 6
MOST_REPLIES = 300
"""Replies that are tried, drawn at random: the share is then known to about 0.05."""


@dataclass(frozen=True)
class Listening:
    """The share of `replies` that find their own context among 10, its 95 % interval, and the bits a reply gains by it."""

    replies: int
    share: float
    low: float
    high: float
    bits: float


def listening(
    model: LanguageModel, tokenizer: Tokenizer, val: Sequence[Conversation], seed: int, most: int = MOST_REPLIES
) -> Listening | None:
    """Measure listening on `most` held-out replies; None where fewer than 10 conversations have somebody else's words."""
    answering = [
        (number, prompt)
        for number, conversation in enumerate(val)
        for prompt in held_out_prompts([conversation])
        if any(not turn.mine for turn in prompt.turns)
    ]
    if len({number for number, _ in answering}) < CONTEXTS:
        return None
    rng = random.Random(seed)  # noqa: S311
    rows: list[tuple[list[int], list[int]]] = []
    chosen = rng.sample(answering, min(most, len(answering)))
    for number, prompt in chosen:
        reply = tokenizer.encode(prompt.answer)
        contexts = [prompt, *_others(answering, number, rng)]
        rows += [(prompt_tokens(tokenizer, context.turns[-CONTEXT_TURNS:]), reply) for context in contexts]
    nats = reply_nats(model, rows).reshape(len(chosen), CONTEXTS)
    share = float((nats[:, 0] < nats[:, 1:].min(axis=1)).mean())
    low, high = _interval(share, len(chosen))
    bits = float((nats[:, 1:].mean(axis=1) - nats[:, 0]).mean() / math.log(2))
    return Listening(len(chosen), share, low, high, bits)


def _others(answering: Sequence[tuple[int, HeldOutPrompt]], own: int, rng: random.Random) -> list[HeldOutPrompt]:
    """Contexts of nine other conversations."""
    others: dict[int, HeldOutPrompt] = {}
    while len(others) < CONTEXTS - 1:
        number, prompt = rng.choice(answering)
        if number != own:
            others.setdefault(number, prompt)
    return list(others.values())


def _interval(share: float, count: int) -> tuple[float, float]:
    """A share's 95 % interval (Wilson 1927)."""
    z = 1.96
    middle = share + z * z / (2 * count)
    spread = z * math.sqrt(share * (1 - share) / count + (z / (2 * count)) ** 2)
    return (middle - spread) / (1 + z * z / count), (middle + spread) / (1 + z * z / count)
