"""From a conversation to the prompt's token ids. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.tokenizer import BOS, ME, OTHER, Tokenizer

PROMPT_TOKENS = 512
"""Most tokens of a prompt; of a longer conversation the end is kept."""


@dataclass(frozen=True, slots=True)
class Turn:
    """One message of the conversation to reply to: `mine` if it is the persona's own."""

    mine: bool
    text: str


def prompt_tokens(tokenizer: Tokenizer, conversation: Sequence[Turn]) -> list[int]:
    """Token ids of a conversation, as in training, up to where the persona's turn begins; the newest turns are kept."""
    tokens = [ME]
    for turn in reversed(conversation):
        room = PROMPT_TOKENS - 2 - len(tokens)  # for BOS and this turn's marker
        if room <= 0:
            break
        # No token is longer than 64 bytes in practice; a long text's beginning need not even be encoded.
        ids = tokenizer.encode(turn.text[-64 * PROMPT_TOKENS :])[-room:]
        tokens = [ME if turn.mine else OTHER, *ids, *tokens]
    return [BOS, *tokens]
