"""The gate: whether a candidate may be published instead of the incumbent, and if not, why. Figures in, reasons out.

It is the same person's voice that both are to know, so the figures are of the same posts and prompts. Bits per byte compare
whatever the tokenizers are. What the incumbent held out is judged for itself: were everything judged together, many new
posts of nonsense would hide that the voice is lost (training/data/split.py). A voice that is lost also shows in what is said:
the same few words again and again, or whole posts from memory.
"""

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import NamedTuple

from training.config.tables import RetrainConfig
from training.evaluation.memorization import COPIED_WORDS


@dataclass(frozen=True)
class GateFigures:
    """What was measured of one checkpoint.

    Bits per byte of held-out posts: of all, of those that the incumbent held out, and of those that came since; None where
    there are none. Of samples: the most words in a row that stand in one post; the share that has COPIED_WORDS such words;
    different words and word pairs as shares of all, and different samples; the share that is one and the same, of those in a
    conversation or those out of the blue, whichever is greater.
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
        """By name; what is no finite number is None."""
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
    """Why the candidate may not take the incumbent's place, a line each, with figures; nothing if it may.

    `real` is the variety of as many posts of the person's own as there are samples: what is as varied as they are is not
    bland, however varied the incumbent's noise is.
    """
    return [*_knows_less(candidate, incumbent, limits), *_copies(candidate, incumbent, limits),
            *_is_blander(candidate, incumbent, limits, real)]  # fmt: skip


def objections_to_first(candidate: GateFigures, unigram: float) -> list[str]:
    """Why a candidate without an incumbent may not be published: it must know more than how often each token occurs."""
    if candidate.bpb < unigram:
        return []
    return [
        f"it knows held-out posts no better than counting single tokens does: {candidate.bpb:.3f} bits per byte against "
        f"{unigram:.3f}"
    ]


def _variety(figures: GateFigures) -> Variety:
    return Variety(figures.words, figures.pairs, figures.replies)


def _knows_less(candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig) -> Iterator[str]:
    kinds = [
        ("held-out posts", candidate.bpb, incumbent.bpb),
        ("the posts that the incumbent held out", candidate.old_bpb, incumbent.old_bpb),
    ]
    for kind, found, bar in kinds:
        if found is None or bar is None:
            continue
        most = bar * (1 + limits.tolerance)
        if not found <= most:  # so that what is no number does not pass
            yield (
                f"it knows {kind} worse: {found:.3f} bits per byte where the incumbent has {bar:.3f} and {most:.3f} would "
                "do (retrain.tolerance)"
            )


def _copies(candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig) -> Iterator[str]:
    most = max(limits.longest_copy, incumbent.longest_copy)
    if candidate.longest_copy > most:
        yield (
            f"it copies: {candidate.longest_copy} words in a row stand in one post, where the incumbent's longest copy has "
            f"{incumbent.longest_copy}, and {most} would do (retrain.longest_copy)"
        )
    share = max(limits.copied, incumbent.copied)
    if candidate.copied > share:
        yield (
            f"it copies: {candidate.copied:.1%} of its answers share {COPIED_WORDS} words with a post, of the incumbent's "
            f"{incumbent.copied:.1%}, and {share:.1%} would do (retrain.copied)"
        )


def _is_blander(
    candidate: GateFigures, incumbent: GateFigures, limits: RetrainConfig, real: Variety | None
) -> Iterator[str]:
    found, bars = _variety(candidate), _variety(incumbent)
    for what, share, bar, own in zip(("words", "word pairs", "answers"), found, bars, real or bars, strict=True):
        least = min(bar, own) * limits.variety
        if share < least:
            held_against = f"of the incumbent's {bar:.1%}" + (f" and of real posts {own:.1%}" if real else "")
            yield (
                f"it is blander: of its {what}, {share:.1%} are different, {held_against}, and {least:.1%} would do "
                "(retrain.variety)"
            )
    share = max(limits.same, incumbent.commonest)
    if candidate.commonest > share:
        yield (
            f"it is blander: one answer is {candidate.commonest:.1%} of those in a conversation, or out of the blue, the "
            f"incumbent's is {incumbent.commonest:.1%}, and {share:.1%} would do (retrain.same)"
        )
