"""What OpenAI's clients read: the objects of /v1, and the figures in them. Knows no engine at work."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from model.engine.logprobs import TokenLogprobs
from model.tokenizer import NUM_SPECIAL, Tokenizer

END = "<|end|>"
"""How a special token is shown among alternatives: any of them ends the message."""


class ModelObject(BaseModel):
    """A checkpoint."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All of them."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Usage(BaseModel):
    """Tokens read, and drawn."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionChoice(BaseModel):
    """One text."""

    index: int
    text: str
    logprobs: dict[str, Any] | None = None
    finish_reason: Literal["stop", "length"]


class CompletionObject(BaseModel):
    """The answer of /v1/completions."""

    id: str
    object: Literal["text_completion"] = "text_completion"
    created: int
    model: str
    choices: list[CompletionChoice]
    usage: Usage


class ChatReply(BaseModel):
    """The persona's message."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None


class ChatChoice(BaseModel):
    """One of them."""

    index: int
    message: ChatReply
    logprobs: dict[str, Any] | None = None
    finish_reason: Literal["stop", "length"]


class ChatObject(BaseModel):
    """The answer of /v1/chat/completions."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


@dataclass
class TextLogprobs:
    """The older form, of /v1/completions, with `top` alternatives; `offset` is how long the text was so far."""

    tokenizer: Tokenizer
    top: int
    offset: int = 0

    def told(self, thoughts: Sequence[TokenLogprobs]) -> dict[str, Any]:
        """Of the tokens that have come."""
        own = _own(thoughts)
        texts = [_text(self.tokenizer, thought.token) for thought in own]
        offsets = []
        for text in texts:
            offsets.append(self.offset)
            self.offset += len(text)
        return {
            "tokens": texts,
            "token_logprobs": [thought.logprob for thought in own],
            "top_logprobs": [self._best(thought) for thought in own] if self.top else None,
            "text_offset": offsets,
        }

    def _best(self, thought: TokenLogprobs) -> dict[str, float]:
        """By text: of tokens that look alike (parts of characters) the likeliest counts."""
        found: dict[str, float] = {}
        for token, logprob in thought.top[: self.top]:
            found.setdefault(_text(self.tokenizer, token), logprob)
        return found


@dataclass
class ChatLogprobs:
    """The form of /v1/chat/completions."""

    tokenizer: Tokenizer
    top: int

    def told(self, thoughts: Sequence[TokenLogprobs]) -> dict[str, Any]:
        """Of the tokens that have come."""
        return {"content": [self._one(thought) for thought in _own(thoughts)], "refusal": None}

    def _one(self, thought: TokenLogprobs) -> dict[str, Any]:
        best = [self._named(token, logprob) for token, logprob in thought.top[: self.top]]
        return self._named(thought.token, thought.logprob) | {"top_logprobs": best}

    def _named(self, token: int, logprob: float) -> dict[str, Any]:
        return {
            "token": _text(self.tokenizer, token),
            "logprob": logprob,
            "bytes": list(self.tokenizer.token_bytes[token]),
        }


def _own(thoughts: Sequence[TokenLogprobs]) -> list[TokenLogprobs]:
    """Without the one that ends the message, which is not in the text."""
    return [thought for thought in thoughts if thought.token >= NUM_SPECIAL]


def _text(tokenizer: Tokenizer, token: int) -> str:
    return END if token < NUM_SPECIAL else tokenizer.token_bytes[token].decode(errors="replace")
