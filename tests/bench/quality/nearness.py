"""Whether replies answer: how near they are to their own prompt, by embedding, beside what the person really replied.

For 200 held-out prompts: the cosine of a reply with the message that it answers, minus its mean cosine with the messages
that the others answer; and the share whose own message is among the nearest tenth. Guidance and candidates in turn, all
else as `[sample]` has it by default.
"""

import os
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from model.checkpoints import checkpoint
from model.config import SamplingParams
from model.engine.engine import Engine
from tests.bench.options import GIVEN
from tests.bench.quality.embedding import Embedder
from tests.bench.report import Report, table
from training.config.tables import DataConfig
from training.data.corpus import build_corpus
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.store.posts import open_store

PROMPTS = 200
GUIDANCE, CANDIDATES = (0.0, 0.5, 1.0, 2.0), (1, 4)
SEED = 0
FEWEST_CHARACTERS = 12
"""Shorter messages ("lol") say nothing that a reply could be near to."""


@dataclass(frozen=True)
class Nearness:
    """Mean of (cosine to one's own prompt - mean cosine to others'), half its 95 % interval, and the share near its own."""

    mean: float
    half: float
    nearest_tenth: float
    characters: float
    """Of a reply, on average."""


def run(quick: bool) -> Report:
    """Rows: the person's real replies, then each guidance and number of candidates; columns with what part of real it is."""
    given = os.environ.get(GIVEN)
    if not given:
        return Report("needs --checkpoint-dir DATA/checkpoints, with DATA/posts.db beside it", {})
    snapshot = checkpoint.load(Path(given), None)
    assert snapshot.meta is not None  # a checkpoint that was loaded has it
    with open_store(f"sqlite:///{Path(given).resolve().parent / 'posts.db'}") as store:
        corpus = build_corpus(list(store.posts()), _data_of(snapshot.meta.settings))
    prompts = answering_prompts(list(held_out_prompts(corpus.val)), 20 if quick else PROMPTS)
    vectors = Embedder().vectors
    asked = vectors([prompt.turns[-1].text for prompt in prompts])
    real = nearness([prompt.answer for prompt in prompts], asked, vectors)
    rows, engine = {"real replies": real}, Engine(snapshot)
    for guidance, candidates in product(GUIDANCE, CANDIDATES):
        params = SamplingParams(guidance=guidance, candidates=candidates)
        replies = engine.replies([(prompt.turns, params, SEED + at) for at, prompt in enumerate(prompts)])
        name = f"guidance {guidance:g}, candidates {candidates}"
        rows[name] = nearness([reply.text for reply in replies], asked, vectors)
    text = table(["replies", "nearer to their own prompt", "of real", "own among the nearest tenth", "characters"],
                 [_row(name, one, real) for name, one in rows.items()])  # fmt: skip
    return Report(
        f"{len(prompts)} held-out prompts of {snapshot.id}\n\n{text}", {n: vars(one) for n, one in rows.items()}
    )


def answering_prompts(prompts: Sequence[HeldOutPrompt], most: int) -> list[HeldOutPrompt]:
    """At most so many held-out replies to somebody else's message of some length, drawn at random."""
    fit = [
        one for one in prompts if one.turns and not one.turns[-1].mine and len(one.turns[-1].text) >= FEWEST_CHARACTERS
    ]
    return random.Random(SEED).sample(fit, min(most, len(fit)))


def nearness(replies: Sequence[str], asked: np.ndarray, vectors: Callable[[Sequence[str]], np.ndarray]) -> Nearness:
    """Measure replies against the prompts' vectors `asked` [N, D], in the same order."""
    cosines = vectors(replies) @ asked.T
    own = np.diagonal(cosines)
    gain = own - (cosines.sum(axis=1) - own) / (len(own) - 1)
    rank = (cosines > own[:, None]).sum(axis=1)
    half = 1.96 * float(gain.std(ddof=1)) / len(own) ** 0.5
    characters = float(np.mean([len(reply) for reply in replies]))
    return Nearness(float(gain.mean()), half, float((rank < len(own) / 10).mean()), characters)


def _row(name: str, one: Nearness, real: Nearness) -> list[str]:
    part = f"{one.mean / real.mean:.2f}"
    return [name, f"{one.mean:.3f} ± {one.half:.3f}", part, f"{one.nearest_tenth:.2f}", f"{one.characters:.0f}"]


def _data_of(settings: dict[str, Any]) -> DataConfig:
    """The limits of conversations that the checkpoint was trained with."""
    keys = ("conversation_gap_minutes", "context_turns")
    saved = settings.get("data", {})
    return DataConfig.model_validate({key: saved[key] for key in keys if key in saved})
