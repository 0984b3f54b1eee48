"""A conversation, and the tokens that a network reads of it. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.tokenizer import BOS, ME, OTHER, Tokenizer

PROMPT_TOKENS = 512
"""How much of a conversation is read; its end counts."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation to answer: `mine` if it is the persona's own."""

    mine: bool
    text: str


def prompt_tokens(tokenizer: Tokenizer, conversation: Sequence[Turn]) -> list[int]:
    """The conversation as the network was trained on it, up to where the persona's turn begins; the newest is kept."""
    tokens = [ME]
    for turn in reversed(conversation):
        room = PROMPT_TOKENS - 2 - len(tokens)  # for BOS and this turn's marker
        if room <= 0:
            break
        # No token is longer than 64 bytes in practice; a long text's beginning need not even be encoded.
        ids = tokenizer.encode(turn.text[-64 * PROMPT_TOKENS :])[-room:]
        tokens = [ME if turn.mine else OTHER, *ids, *tokens]
    return [BOS, *tokens]
