"""The gate: reasons why a candidate may not replace the incumbent. Figures in, reasons out.

Both are measured on the same posts and prompts, without a guard, and bits per byte compare whatever the tokenizers are. The
posts that the incumbent held out are judged by themselves: judged together with many new posts of nonsense, they would hide
that the voice is lost (training/data/split.py). A lost voice also shows in the samples: the same few words again and again,
or whole posts from memory.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from training.config.tables import RetrainConfig
from training.evaluation.memorization import COPIED_WORDS

CHANCE = 100
"""A difference in recital counts where chance alone shows it less than once in so many retrainings."""


@dataclass(frozen=True)
class GateFigures:
    """Measurements of one checkpoint.

    Bits per byte of held-out posts: of all, of those that the incumbent held out, and of those that arrived later; None
    where there are none.
    Of samples: the longest run of words copied from one post; the share that copies COPIED_WORDS words or more;
    different words, word pairs and samples as shares of all; and the share of the commonest one, of replies or of unprompted
    samples, whichever is greater; the share that nearly repeats a post, of `samples`. Of posts that both learned and that
    were `begun`, the share `recited` (evaluation/recital.py), None where there are none.
    """

    bpb: float
    old_bpb: float | None
    new_bpb: float | None
    longest_copy: int
    copied: float
    words: float
    pairs: float
    replies: float
    commonest: float
    near_copies: float = 0.0
    samples: int = 0
    recited: float | None = None
    begun: int = 0

    def as_json(self) -> dict[str, float | int | None]:
        """The figures by name, None for one that is not finite."""
        figures: dict[str, float | int | None] = asdict(self)
        return {name: figure if figure is None or math.isfinite(figure) else None for name, figure in figures.items()}


class Variety(NamedTuple):
    """Different words, word pairs and texts, as shares of all."""

    words: float
    pairs: float
    replies: float


def objections(
    candidate: GateFigures,
    incumbent: GateFigures,
    limits: RetrainConfig,
    real: Variety | None = None,
    repeated: float = 0.0,
) -> list[str]:
    """List the reasons, with figures, why the candidate may not replace the incumbent.

    `real` is the variety of as many of the person's own posts as there are samples: samples as varied as these are not bland,
    however varied the incumbent's noise is. `repeated` is the share of these that nearly repeat a learned post: no more than
    that is no recital.
    """
    return [*_knows_less(candidate, incumbent, limits), *_copies(candidate, incumbent, limits),
            *_recites(candidate, incumbent, limits, repeated), *_is_blander(candidate, incumbent, limits, real)]  # fmt: skip


def objections_to_first(
    candidate: GateFigures, unigram: float, limits: RetrainConfig, repeated: float = 0.0
) -> list[str]:
    """List the reasons against a first candidate, which must beat a unigram model and recite no more than is allowed."""
    reasons = list(_recites(candidate, None, limits, repeated))
    if candidate.bpb < unigram:
        return reasons
    return [
        f"it knows held-out posts no better than counting single tokens does: {candidate.bpb:.3f} bits per byte against "
        f"{unigram:.3f}",
        *reasons,
    ]


def _knows_less(candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig) -> Iterator[str]:
    kinds = [
        ("held-out posts", candidate.bpb, incumbent.bpb),
        ("the posts that the incumbent held out", candidate.old_bpb, incumbent.old_bpb),
    ]
    for kind, bpb, bar in kinds:
        if bpb is None or bar is None:
            continue
        most = bar * (1 + limits.tolerance)
        if not bpb <= most:  # so that NaN does not pass
            yield (
                f"it knows {kind} worse: {bpb:.3f} bits per byte where the incumbent has {bar:.3f} and at most "
                f"{most:.3f} is allowed (retrain.tolerance)"
            )


def _copies(candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig) -> Iterator[str]:
    most = max(limits.longest_copy, incumbent.longest_copy)
    if candidate.longest_copy > most:
        yield (
            f"it copies: {candidate.longest_copy} words in a row stand in one post, where the incumbent's longest copy has "
            f"{incumbent.longest_copy}, and at most {most} are allowed (retrain.longest_copy)"
        )
    share = max(limits.copied, incumbent.copied)
    if candidate.copied > share:
        yield (
            f"it copies: {candidate.copied:.1%} of its answers share {COPIED_WORDS} words with a post, of the incumbent's "
            f"{incumbent.copied:.1%}, and at most {share:.1%} is allowed (retrain.copied)"
        )


def _recites(
    candidate: GateFigures, incumbent: GateFigures | None, limits: RetrainConfig, repeated: float
) -> Iterator[str]:
    """Reasons of two kinds: more than is allowed whatever serves, and more than what serves, beyond chance."""
    for what, key, of, own in (
        ("of its answers, {} nearly repeat a post", "near_copies", "samples", repeated),
        ("of learned posts that were begun, it recites {}", "recited", "begun", 0.0),
    ):
        share, most, count = getattr(candidate, key), max(getattr(limits, key), own), getattr(candidate, of)
        if share is None or share <= own:
            continue
        bar = getattr(incumbent, key) if incumbent else None
        beside = "" if bar is None else f", where the incumbent's share is {bar:.1%}"
        if share > most:
            yield f"it recites: {what.format(f'{share:.1%}')}{beside}, and at most {most:.1%} is allowed (retrain.{key})"
        elif bar is not None and is_more(round(share * count), round(bar * count), count):
            yield f"it recites: {what.format(f'{share:.1%}')}{beside}, and that is beyond chance on {count:,}"


def is_more(of_one: int, of_other: int, count: int) -> bool:
    """Check whether one share of `count` is greater than another beyond chance: one time in a hundred at most.

    Fisher's exact test, one-sided: the hypergeometric probability that so many or more of the hits fall to the one.
    """
    hits = of_one + of_other
    ways = sum(math.comb(count, k) * math.comb(count, hits - k) for k in range(of_one, min(hits, count) + 1))
    return ways * CHANCE < math.comb(2 * count, hits)


def _is_blander(
    candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig, real: Variety | None
) -> Iterator[str]:
    for what, key in (("words", "words"), ("word pairs", "pairs"), ("answers", "replies")):
        share, bar = getattr(candidate, key), getattr(incumbent, key)
        own = getattr(real or incumbent, key)
        least = min(bar, own) * limits.variety
        if share < least:
            beside = f"of the incumbent's {bar:.1%}" + (f" and of real posts {own:.1%}" if real else "")
            yield (
                f"it is blander: of its {what}, {share:.1%} are different, {beside}, and at least {least:.1%} is "
                "required (retrain.variety)"
            )
    share = max(limits.same, incumbent.commonest)
    if candidate.commonest > share:
        yield (
            f"it is blander: one answer is {candidate.commonest:.1%} of the replies, or of the unprompted samples; the "
            f"incumbent's is {incumbent.commonest:.1%}, and at most {share:.1%} is allowed (retrain.same)"
        )
