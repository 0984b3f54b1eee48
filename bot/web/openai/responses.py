"""Response bodies of /v1, and log-probabilities in the forms they have there. Knows no running engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import BaseModel

from model.engine.completion import FinishReason
from model.engine.logprobs import TokenLogprobs
from model.tokenizer import NUM_SPECIAL, Tokenizer

UNKNOWN = -9999.0
"""The log-probability of a token whose own is withheld, where the form must have one: OpenAI's for what it does not tell."""
END = "<|end|>"
"""The text of a special token among alternatives; each of them ends the message."""


class ModelObject(BaseModel):
    """A model: a checkpoint, or the persona's name for the one that serves."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """All models."""

    object: Literal["list"] = "list"
    data: list[ModelObject]


class Usage(BaseModel):
    """Tokens read and drawn."""

    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class CompletionChoice(BaseModel):
    """One completion."""

    index: int
    text: str
    logprobs: dict[str, Any] | None = None
    finish_reason: FinishReason


class CompletionObject(BaseModel):
    """Response of /v1/completions."""

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
    """One answer."""

    index: int
    message: ChatReply
    logprobs: dict[str, Any] | None = None
    finish_reason: FinishReason


class ChatObject(BaseModel):
    """Response of /v1/chat/completions."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[ChatChoice]
    usage: Usage


@dataclass
class TextLogprobs:
    """The form of /v1/completions, with `top` alternatives; `offset`: the text's length so far, the echo's at first.

    `withheld`, where anything is, has the places in these lists of tokens whose figures are withheld.
    """

    tokenizer: Tokenizer
    top: int
    offset: int

    def encode(self, logprobs: Sequence[TokenLogprobs]) -> dict[str, Any]:
        """Encode the log-probabilities of newly drawn tokens."""
        tokens = _without_end(logprobs)
        texts = [_text(self.tokenizer, token.token) for token in tokens]
        offsets = []
        for text in texts:
            offsets.append(self.offset)
            self.offset += len(text)
        withheld = [place for place, token in enumerate(tokens) if token.withheld]
        return {
            "tokens": texts,
            "token_logprobs": [None if token.withheld else token.logprob for token in tokens],
            "top_logprobs": [self._alternatives(token) for token in tokens] if self.top else None,
            "text_offset": offsets,
            **({"withheld": withheld} if withheld else {}),
        }

    def _alternatives(self, token: TokenLogprobs) -> dict[str, float]:
        """Alternatives by text; of tokens that look alike (half characters) the likeliest counts."""
        alternatives: dict[str, float] = {}
        for id_, logprob in token.top[: self.top]:
            alternatives.setdefault(_text(self.tokenizer, id_), logprob)
        return alternatives


@dataclass
class ChatLogprobs:
    """The form of /v1/chat/completions, which has no offsets; a token whose figures are withheld is marked `withheld`."""

    tokenizer: Tokenizer
    top: int
    offset: int

    def encode(self, logprobs: Sequence[TokenLogprobs]) -> dict[str, Any]:
        """Encode the log-probabilities of newly drawn tokens."""
        return {"content": [self._token(token) for token in _without_end(logprobs)], "refusal": None}

    def _token(self, token: TokenLogprobs) -> dict[str, Any]:
        if token.withheld:
            return self._entry(token.token, UNKNOWN) | {"top_logprobs": [], "withheld": True}
        top = [self._entry(id_, logprob) for id_, logprob in token.top[: self.top]]
        return self._entry(token.token, token.logprob) | {"top_logprobs": top}

    def _entry(self, token: int, logprob: float) -> dict[str, Any]:
        return {
            "token": _text(self.tokenizer, token),
            "logprob": logprob,
            "bytes": list(self.tokenizer.token_bytes[token]),
        }


def _without_end(logprobs: Sequence[TokenLogprobs]) -> list[TokenLogprobs]:
    """All but the token that ends the message, which is not in the text."""
    return [token for token in logprobs if token.token >= NUM_SPECIAL]


def _text(tokenizer: Tokenizer, token: int) -> str:
    return END if token < NUM_SPECIAL else tokenizer.token_bytes[token].decode(errors="replace")
