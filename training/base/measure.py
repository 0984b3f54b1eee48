"""What a base knows of each of its texts, how it listens there, and what it recites of it."""

import random
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.checkpoints.checkpoint import Snapshot
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from training.base.corpus import MOST_HELD_OUT_BYTES, first_bytes
from training.base.text import read_base_text
from training.data.dataset import held_out_rows
from training.evaluation.listening import Listening, listening
from training.evaluation.memorization import Novelty, PostIndex, novelty
from training.evaluation.prompts import held_out_prompts
from training.loop.scoring import scored

REPLIES = 100
"""Replies drawn for each text, half of them to nothing, to look for copies in."""


RARE_MESSAGES, RARE_LETTERS = 2, 5
"""A word of so many letters that stands in so few messages is rare: mostly a name, a handle, an address."""


@dataclass(frozen=True)
class TextMeasures:
    """Figures on one text: bits per byte of what was held out, listening there, and how much of 100 replies is copied.

    `rare` is the share of these replies with a rare word of the text.
    """

    val_bpb: float
    listening: Listening | None
    copies: Novelty
    rare: float


def measure(
    snapshot: Snapshot, paths: Sequence[Path], progress: Callable[[str], None], seed: int = 0
) -> Iterator[TextMeasures]:
    """Measure a base on each text in turn; the replies drawn for one are looked up in that one."""
    engine, params = Engine(snapshot), SamplingParams()
    for path in paths:
        text = read_base_text(path)
        progress(f"measuring on {text.name}")
        held_out = held_out_rows(list(first_bytes(text.val, MOST_HELD_OUT_BYTES)), snapshot.tokenizer)
        prompts = [prompt.turns for prompt in held_out_prompts(text.val) if prompt.turns]
        chosen = random.Random(seed).sample(prompts, min(REPLIES // 2, len(prompts)))  # noqa: S311
        nothing: list[list[Turn]] = [[]] * (REPLIES - len(chosen))
        requests = [(turns, params, seed + number) for number, turns in enumerate([*chosen, *nothing])]
        drawn = [reply.text for reply in engine.replies(requests)]
        known = PostIndex(turn.text for conversation in text.train for turn in conversation)
        yield TextMeasures(
            scored(snapshot.model, held_out).bpb,
            listening(snapshot.model, snapshot.tokenizer, text.val, seed),
            novelty(drawn, known),
            rare_share(drawn, [turn.text for conversation in text.train for turn in conversation]),
        )


def rare_share(replies: Sequence[str], messages: Iterable[str]) -> float:
    """The share of `replies` that hold a word which stands in one or two of `messages`, whatever its case."""
    counts = Counter(word for message in messages for word in set(_words(message)))
    return sum(any(0 < counts[word] <= RARE_MESSAGES for word in _words(reply)) for reply in replies) / len(replies)


def _words(text: str) -> list[str]:
    return [word for word in re.findall(r"[\w@.-]+", text.casefold()) if len(word.strip("@.-_")) >= RARE_LETTERS]
