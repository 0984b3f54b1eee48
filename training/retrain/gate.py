"""The gate: reasons why a candidate may not replace the incumbent. Figures in, reasons out.

Both are measured on the same posts and prompts, and bits per byte compare whatever the tokenizers are. The posts that the
incumbent held out are judged by themselves: judged together with many new posts of nonsense, they would hide that the voice
is lost (training/data/split.py). A lost voice also shows in the samples: the same few words again and again, or whole posts
from memory.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from training.config.tables import RetrainConfig
from training.evaluation.memorization import COPIED_WORDS


@dataclass(frozen=True)
class GateFigures:
    """Measurements of one checkpoint.

    Bits per byte of held-out posts: of all, of those that the incumbent held out, and of those that arrived later; None
    where there are none.
    Of samples: the longest run of words copied from one post; the share that copies COPIED_WORDS words or more;
    different words, word pairs and samples as shares of all; and the share of the commonest one, of replies or of unprompted
    samples, whichever is greater.
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
    candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig, real: Variety | None = None
) -> list[str]:
    """List the reasons, with figures, why the candidate may not replace the incumbent.

    `real` is the variety of as many of the person's own posts as there are samples: samples as varied as these are not bland,
    however varied the incumbent's noise is.
    """
    return [*_knows_less(candidate, incumbent, limits), *_copies(candidate, incumbent, limits),
            *_is_blander(candidate, incumbent, limits, real)]  # fmt: skip


def objections_to_first(candidate: GateFigures, unigram: float) -> list[str]:
    """List the reasons against a first candidate, which must beat a unigram model."""
    if candidate.bpb < unigram:
        return []
    return [
        f"it knows held-out posts no better than counting single tokens does: {candidate.bpb:.3f} bits per byte against "
        f"{unigram:.3f}"
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
