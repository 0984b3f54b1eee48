"""Prompts for evaluation: the places in held-out conversations where the person wrote next."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from model.engine.prompt import Turn
from training.data.conversations import Conversation


@dataclass(frozen=True)
class HeldOutPrompt:
    """A held-out post, and the turns before it in its conversation."""

    turns: Sequence[Turn]
    answer: str


def held_out_prompts(val: Sequence[Conversation]) -> Iterator[HeldOutPrompt]:
    """Iterate over one's own held-out posts; without turns where nobody else writes."""
    for conversation in val:
        before = [Turn(mine=turn.mine, text=turn.text) for turn in conversation]
        for number, turn in enumerate(conversation):
            if turn.mine and not turn.quoted:
                yield HeldOutPrompt([] if turn.alone else before[:number], turn.text)
