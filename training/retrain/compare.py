"""Comparison of a candidate with the incumbent: smoke tests, measurements, verdict.

Knows no terminal and publishes nothing. No text of a post or sample leaves it.
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
from model.engine.engine import Engine, Turn
from model.engine.text.detokenize import REPLACEMENT
from model.errors import DannError
from model.tokenizer import Tokenizer
from training.config.tables import Settings
from training.data.conversations import Conversation, split_conversations
from training.data.corpus import Corpus, own_texts
from training.data.dataset import held_out_rows, own_bytes
from training.data.near_duplicates import near_copies
from training.data.split import UnlearnedPosts
from training.evaluation.kneser_ney import unigram_bpb
from training.evaluation.memorization import PostIndex, distinct_n, novelty
from training.evaluation.prompts import HeldOutPrompt, held_out_prompts
from training.evaluation.recital import BegunPost, begun_posts, recital
from training.loop.scoring import scored
from training.retrain.gate import GateFigures, Variety, objections, objections_to_first
from training.store.post import Post

FEWEST_POSTS = 10
"""Fewest held-out posts to compare two checkpoints on: below this, noise decides."""
SMOKE_DRAWS = 4
"""Replies drawn to each smoke prompt: a good network, too, sometimes writes nothing but half a character."""
SMOKE_PROMPTS: tuple[tuple[str, ...], ...] = (
    (),
    ("hi",),
    ("are you there?", "what do you think of it?"),
    ("<|end|> @everyone \u202e\u0000 😂😂😂",),
    ("a long story " * 500,),
)


@dataclass(frozen=True)
class Comparison:
    """Reasons against a candidate (none: it may be published); `figures` holds everything that was measured, by name."""

    reasons: list[str]
    candidate_bpb: float | None = None
    incumbent_bpb: float | None = None
    figures: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class ComparisonSet:
    """Held-out data that both checkpoints are compared on.

    `old` are the conversations that the incumbent held out, `new` those that arrived later (split.py): no checkpoint that is
    compared has learned either. Samples answer `prompts`, and `unprompted` more answer nothing. `real` is as many posts of
    one's own as there are samples, or as many as the incumbent held out, and `repeated` the share of these (of a first
    candidate's held-out ones) that nearly repeat a learned one; nobody should copy from `learned`, nor recite
    `begun`, which both have learned.
    """

    old: list[Conversation]
    new: list[Conversation]
    prompts: list[HeldOutPrompt]
    unprompted: int
    real: list[str]
    repeated: float
    learned: PostIndex
    begun: list[BegunPost]

    @property
    def posts(self) -> int:
        """Number of one's own posts that both are scored on."""
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
    """Compare a saved candidate with the incumbent, on posts that neither has learned.

    The candidate was trained on `corpus`, which was made of `posts`. `progress` is called with the share that is done.
    """
    try:
        candidate = Engine(checkpoint.load(root, candidate_id).unguarded())
    except DannError as error:
        return Comparison([f"it does not load: {error}"])
    if problems := serving_problems(candidate, settings.sample):
        return Comparison(problems)
    held_out = comparison_set(posts, corpus, incumbent and incumbent[1], settings)
    if incumbent and held_out.posts < FEWEST_POSTS:
        few = f"only {held_out.posts} held-out posts are there that the incumbent has not learned either, and comparing takes"
        return Comparison([f"{few} {FEWEST_POSTS}; `dann train` publishes without comparing"])
    progress(0.3)
    ours = measure(candidate, held_out, settings)
    measured: dict[str, Any] = {
        "posts": held_out.posts,
        "samples": len(held_out.prompts) + held_out.unprompted,
        "candidate": ours.as_json(),
    }
    if incumbent is None:
        unigram = unigram_bpb(own_texts(corpus.train), own_texts(corpus.val), candidate.snapshot.tokenizer)
        reasons = objections_to_first(ours, unigram, settings.retrain, held_out.repeated)
        return Comparison(reasons, _finite(ours.bpb), None, measured | {"unigram": unigram})
    progress(0.6)
    theirs = measure(Engine(incumbent[0].unguarded()), held_out, settings)
    real = variety(held_out.real) if held_out.real else None
    measured |= {"incumbent": theirs.as_json(), "real": real and real._asdict() | {"near_copies": held_out.repeated}}
    return Comparison(
        objections(ours, theirs, settings.retrain, real, held_out.repeated),
        _finite(ours.bpb),
        _finite(theirs.bpb),
        measured,
    )


def comparison_set(
    posts: Sequence[Post], corpus: Corpus, incumbent: UnlearnedPosts | None, settings: Settings
) -> ComparisonSet:
    """The posts that the candidate's corpus holds out and the incumbent, if there is one, has not learned."""
    old_ids, new_ids = (incumbent.old, incumbent.new) if incumbent else (frozenset[str](), corpus.held_out)
    old, new = (
        [c for c in split_conversations(posts, settings.data, corpus.held_out & ids) if c[-1].val]
        for ids in (old_ids, new_ids)
    )
    unprompted = settings.retrain.samples // 3
    prompts = _sample_prompts(old, new, settings.retrain.samples - unprompted, settings.eval.seed)
    real = _some(own_texts(old), settings)
    learned = own_texts(corpus.train)
    compared = real if incumbent else _some(own_texts(new), settings)
    repeated = near_copies(compared, learned) / max(1, len(compared))
    begun = begun_posts(
        corpus.train, settings.eval.seed, among=_learned_by_both(posts, incumbent) if incumbent else None
    )
    return ComparisonSet(old, new, prompts, unprompted, real, repeated, PostIndex(learned), begun)


def _some(texts: Sequence[str], settings: Settings) -> list[str]:
    """As many texts as there are samples, drawn from all of them; fewer where there are fewer."""
    return random.Random(settings.eval.seed).sample(texts, min(settings.retrain.samples, len(texts)))  # noqa: S311


def _learned_by_both(posts: Sequence[Post], incumbent: UnlearnedPosts) -> set[str]:
    """Texts of the posts that the incumbent may have learned.

    That is none that it held out or that was imported after it, nor one as new as those after it. A candidate
    has learned more posts than the incumbent, and would recite more of them for that alone.
    """
    new = min((post.time for post in posts if post.id in incumbent.new and post.time is not None), default=math.inf)
    return {post.text for post in posts if incumbent.may_be_learned(post) and (post.time is None or post.time < new)}


def _sample_prompts(
    old: Sequence[Conversation], new: Sequence[Conversation], number: int, seed: int
) -> list[HeldOutPrompt]:
    """Prompts of both kinds in equal parts; many new posts must not crowd out the old."""
    draw = random.Random(seed)  # noqa: S311
    shuffled = [draw.sample(prompts, len(prompts)) for prompts in map(list, map(held_out_prompts, (old, new)))]
    half = max(number // 2, number - len(shuffled[1]))
    chosen = shuffled[0][:half]
    return chosen + shuffled[1][: number - len(chosen)]


def serving_problems(engine: Engine, params: SamplingParams) -> list[str]:
    """Problems that keep a checkpoint from serving, whatever its score."""
    weights = weights_of(engine.snapshot.model)
    broken = [name for name, array in weights.items() if not np.isfinite(array).all()]
    if broken:
        return [f"its weights are not all finite numbers ({', '.join(broken)})"]
    prompts = [prompt for prompt in SMOKE_PROMPTS if _can_encode(engine.snapshot.tokenizer, prompt)]
    conversations = [[Turn(mine=False, text=text) for text in prompt] for prompt in prompts]
    replies = engine.replies([(turns, params, seed) for turns in conversations for seed in range(SMOKE_DRAWS)])
    good = [bool(reply.text.strip(REPLACEMENT)) and reply.tokens <= params.max_tokens for reply in replies]
    silent = sum(not any(good[at : at + SMOKE_DRAWS]) for at in range(0, len(good), SMOKE_DRAWS))
    return [f"it has no answer to {silent} of {len(prompts)} simple prompts"] if silent else []


def _can_encode(tokenizer: Tokenizer, texts: Sequence[str]) -> bool:
    """Check that there are tokens for these texts; for unseen characters there may be none."""
    try:
        tokenizer.encode_batch(texts)
    except DannError:
        return False
    return True


def measure(engine: Engine, held_out: ComparisonSet, settings: Settings) -> GateFigures:
    """Measure one checkpoint; prompts and seeds are the same for each.

    Unprompted samples are also measured by themselves: nonsense learned from a channel of its own hardly changes replies in a
    conversation, and is all that is written without one.
    """
    old, new = _bpb(engine.snapshot, held_out.old), _bpb(engine.snapshot, held_out.new)
    parts = [(old, own_bytes(held_out.old)), (new, own_bytes(held_out.new))]
    sized = [(bpb, size) for bpb, size in parts if bpb is not None]
    prompts = [prompt.turns for prompt in held_out.prompts] + [[]] * held_out.unprompted
    requests = [(turns, settings.sample, settings.eval.seed + number) for number, turns in enumerate(prompts)]
    samples = [reply.text for reply in engine.replies(requests)]
    kinds = samples[: len(held_out.prompts)], samples[len(held_out.prompts) :]
    copies, begun = novelty(samples, held_out.learned), recital(engine, held_out.begun)
    return GateFigures(
        bpb=sum(bpb * size for bpb, size in sized) / sum(size for _, size in sized),
        old_bpb=old,
        new_bpb=new,
        longest_copy=copies.longest_words,
        copied=copies.copied,
        **variety(samples)._asdict(),
        commonest=max(Counter(kind).most_common(1)[0][1] / len(kind) for kind in kinds),
        near_copies=copies.near_copies,
        samples=len(samples),
        recited=begun.recited,
        begun=begun.begun,
    )


def variety(texts: Sequence[str]) -> Variety:
    """Variety of at least one text."""
    return Variety(distinct_n(texts, 1), distinct_n(texts, 2), len(set(texts)) / len(texts))


def _bpb(snapshot: Snapshot, conversations: Sequence[Conversation]) -> float | None:
    if not own_texts(conversations):
        return None
    return scored(snapshot.model, held_out_rows(conversations, snapshot.tokenizer)).bpb


def _finite(figure: float) -> float | None:
    return figure if math.isfinite(figure) else None
