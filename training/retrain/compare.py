"""A candidate judged: whether it can serve at all, and what the gate says to its figures beside the incumbent's.

Knows no terminal and publishes nothing. No post's text and no sample's leaves it.
"""

import math
import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Snapshot, weights_of
from model.config import SamplingParams
from model.engine.detokenize import REPLACEMENT
from model.engine.engine import Engine, Turn
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import Settings
from training.data.conversations import Conversation
from training.data.corpus import Corpus, cut_conversations, own_texts
from training.data.dataset import held_out_rows, own_bytes
from training.data.split import UnlearnedPosts
from training.evaluation.kneser_ney import unigram_bpb
from training.evaluation.memorization import PostIndex, distinct_n, novelty
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.loop.scoring import scored
from training.retrain.gate import GateFigures, Variety, objections, objections_to_first
from training.store.post import Post

FEWEST_POSTS = 10
"""Held-out posts below which two checkpoints are not compared: chance would decide."""
SMOKE_DRAWS = 4
"""How often a smoke prompt is tried: now and then a good network says nothing but half a character."""
SMOKE_PROMPTS: tuple[tuple[str, ...], ...] = (
    (),
    ("hi",),
    ("are you there?", "what do you think of it?"),
    ("<|end|> @everyone \u202e\u0000 😂😂😂",),
    ("a long story " * 500,),
)


@dataclass(frozen=True)
class Comparison:
    """Why a candidate may not be published, nothing if it may; bits per byte of both; and all that was measured, by name."""

    reasons: list[str]
    candidate_bpb: float | None = None
    incumbent_bpb: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonSet:
    """What checkpoints are compared on, all of it held out by each of them, and the posts that nobody should copy.

    `old` are the conversations that the incumbent held out, `new` those that came since (split.py), `asked` the prompts
    that samples answer; so many more, `unasked`, answer nothing at all. `real` is as many posts of one's own as there are
    samples, or what the incumbent held out of them.
    """

    old: list[Conversation]
    new: list[Conversation]
    asked: list[HeldOutPrompt]
    unasked: int
    real: list[str]
    learned: PostIndex

    @property
    def posts(self) -> int:
        """How many posts of one's own both are scored on."""
        return len(own_texts([*self.old, *self.new]))


def compare(
    root: Path,
    candidate_id: str,
    incumbent: tuple[Snapshot, UnlearnedPosts] | None,
    posts: Sequence[Post],
    corpus: Corpus,
    settings: Settings,
    progress: Callable[[float], None],
) -> Comparison:
    """Judge a saved candidate that learned `corpus`, made of `posts`, beside the incumbent and what that cannot have learned.

    `progress` is told which part of it is done.
    """
    try:
        candidate = Engine(checkpoint.load(root, candidate_id))
    except DannError as error:
        return Comparison([f"it does not load: {error}"])
    if faults := serving_problems(candidate, settings.sample):
        return Comparison(faults)
    ground = comparison_set(posts, corpus, incumbent and incumbent[1], settings)
    if incumbent and ground.posts < FEWEST_POSTS:
        few = f"only {ground.posts} held-out posts are there that the incumbent has not learned either, and comparing takes"
        return Comparison([f"{few} {FEWEST_POSTS}; `dann train` publishes without comparing"])
    progress(0.3)
    found = figures(candidate, ground, settings)
    measured: dict[str, Any] = {
        "posts": ground.posts,
        "samples": len(ground.asked) + ground.unasked,
        "candidate": found.as_json(),
    }
    if incumbent is None:
        unigram = unigram_bpb(own_texts(corpus.train), own_texts(corpus.val), candidate.snapshot.tokenizer)
        return Comparison(
            objections_to_first(found, unigram), _finite(found.bpb), None, measured | {"unigram": unigram}
        )
    progress(0.6)
    bar = figures(Engine(incumbent[0]), ground, settings)
    real = variety(ground.real) if ground.real else None
    measured |= {"incumbent": bar.as_json(), "real": real and real._asdict()}
    return Comparison(objections(found, bar, settings.retrain, real), _finite(found.bpb), _finite(bar.bpb), measured)


def comparison_set(
    posts: Sequence[Post], corpus: Corpus, incumbent: UnlearnedPosts | None, settings: Settings
) -> ComparisonSet:
    """What to compare on: what the candidate's corpus holds out and the incumbent has not learned; all of it without one."""
    old_ids, new_ids = (incumbent.old, incumbent.new) if incumbent else (frozenset[str](), corpus.held_out)
    old, new = (
        [c for c in cut_conversations(posts, settings.data, corpus.held_out & ids) if c[-1].val]
        for ids in (old_ids, new_ids)
    )
    unasked = settings.retrain.samples // 3
    asked = _asked(old, new, settings.retrain.samples - unasked, settings.eval.seed)
    own = own_texts(old)
    real = random.Random(settings.eval.seed).sample(own, min(settings.retrain.samples, len(own)))  # noqa: S311
    return ComparisonSet(old, new, asked, unasked, real, PostIndex(own_texts(corpus.train)))


def _asked(old: Sequence[Conversation], new: Sequence[Conversation], wanted: int, seed: int) -> list[HeldOutPrompt]:
    """Prompts from both kinds in equal parts, so that many new posts do not crowd out the voice as it was."""
    draw = random.Random(seed)  # noqa: S311
    shuffled = [draw.sample(found, len(found)) for found in (list(held_out_prompts(old)), list(held_out_prompts(new)))]
    half = max(wanted // 2, wanted - len(shuffled[1]))
    chosen = shuffled[0][:half]
    return chosen + shuffled[1][: wanted - len(chosen)]


def serving_problems(engine: Engine, params: SamplingParams) -> list[str]:
    """Why a checkpoint cannot serve, whatever it knows, a line each; nothing if it can."""
    weights = weights_of(engine.snapshot.model)
    broken = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if broken:
        return [f"its weights are not all finite numbers ({', '.join(broken)})"]
    prompts = [prompt for prompt in SMOKE_PROMPTS if _spells(engine.snapshot.tokenizer, prompt)]
    said = [[Turn(mine=False, text=text) for text in prompt] for prompt in prompts]
    replies = engine.replies([(turns, params, seed) for turns in said for seed in range(SMOKE_DRAWS)])
    good = [bool(reply.text.strip(REPLACEMENT)) and reply.tokens <= params.max_tokens for reply in replies]
    silent = sum(not any(good[at : at + SMOKE_DRAWS]) for at in range(0, len(good), SMOKE_DRAWS))
    return [f"it has no answer to {silent} of {len(prompts)} simple prompts"] if silent else []


def _spells(tokenizer: Tokenizer, texts: Sequence[str]) -> bool:
    """Whether there are tokens for these texts; a tokenizer of characters has none for what it never saw."""
    try:
        tokenizer.encode_batch(texts)
    except DannError:
        return False
    return True


def figures(engine: Engine, ground: ComparisonSet, settings: Settings) -> GateFigures:
    """Measure one checkpoint on what is common. Samples have the same prompts and seeds whichever it is.

    Those out of the blue are looked at by themselves as well: nonsense from a place of its own hardly changes what is said
    in a conversation, and is all that is said where there is none.
    """
    old, new = _bpb(engine.snapshot, ground.old), _bpb(engine.snapshot, ground.new)
    parts = [(old, own_bytes(ground.old)), (new, own_bytes(ground.new))]
    scored = [(bpb, size) for bpb, size in parts if bpb is not None]
    prompts = [one.turns for one in ground.asked] + [[]] * ground.unasked
    requests = [(turns, settings.sample, settings.eval.seed + number) for number, turns in enumerate(prompts)]
    said = [reply.text for reply in engine.replies(requests)]
    kinds = said[: len(ground.asked)], said[len(ground.asked) :]
    copies = novelty(said, ground.learned)
    return GateFigures(
        bpb=sum(bpb * size for bpb, size in scored) / sum(size for _, size in scored),
        old_bpb=old,
        new_bpb=new,
        longest_copy=copies.longest_words,
        copied=copies.copied,
        **variety(said)._asdict(),
        commonest=max(Counter(kind).most_common(1)[0][1] / len(kind) for kind in kinds),
    )


def variety(texts: Sequence[str]) -> Variety:
    """Of at least one text."""
    return Variety(distinct_n(texts, 1), distinct_n(texts, 2), len(set(texts)) / len(texts))


def _bpb(snapshot: Snapshot, conversations: Sequence[Conversation]) -> float | None:
    if not own_texts(conversations):
        return None
    return scored(snapshot.model, held_out_rows(conversations, snapshot.tokenizer)).bpb


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
