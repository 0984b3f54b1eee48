"""A finished reply. Knows no network and no tokens."""

from dataclasses import dataclass
from typing import Literal

FinishReason = Literal["stop", "length", "content_filter"]
"""`content_filter`: the guard refused tokens at more steps than another may be drawn at (guarded.py)."""


@dataclass(frozen=True, slots=True)
class Completion:
    """One reply; `tokens` is how many were generated for it, `checkpoint` the id of the checkpoint that generated them.

    `prompt_tokens` is how many were read before: the conversation, and the reply's beginning if it was given.
    """

    text: str
    seed: int
    tokens: int
    finish_reason: FinishReason
    checkpoint: str
    prompt_tokens: int = 0
