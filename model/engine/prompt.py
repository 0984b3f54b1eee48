"""From a conversation to the prompt's token ids. Knows no network."""

from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import DannError
from model.tokenizer import BOS, ME, NUM_SPECIAL, OTHER, Tokenizer

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


def reply_prefix_tokens(tokenizer: Tokenizer, reply_prefix: str | Sequence[int]) -> list[int]:
    """Token ids of a reply's beginning; raises DannError for ids that do not exist and text that cannot be encoded."""
    if isinstance(reply_prefix, str):
        return tokenizer.encode(reply_prefix) if reply_prefix else []
    if not all(NUM_SPECIAL <= token < tokenizer.vocab_size for token in reply_prefix):
        raise DannError(f"a reply's tokens are numbers from {NUM_SPECIAL} to {tokenizer.vocab_size - 1}")
    return list(reply_prefix)
