"""Request bodies of /v1/completions and /v1/chat/completions; unknown fields are ignored."""

from typing import Annotated, Literal

from pydantic import Field

from bot.web.sampling_request import WHOLE, RequestForm, SamplingForm, Seed, Text, Tokens
from model.engine.engine import Turn
from model.engine.logprobs import TOP

MAX_CHOICES = 8
"""Answers to one prompt, and prompts in one request."""
Stop = Annotated[Text, Field(min_length=1, max_length=100)]
Alternatives = Annotated[int, Field(ge=0, le=TOP), WHOLE]
Off = Annotated[float, Field(ge=0, le=0)]
"""An option that dann does not support: clients may send it switched off."""


class StreamOptions(RequestForm):
    """Options of a stream."""

    include_usage: bool = False


class OpenAIRequest(SamplingForm):
    """Fields that completions and chat completions share."""

    model: Text = Field("", max_length=100, description="the persona's name, or a checkpoint's id")
    n: Annotated[int, Field(ge=1, le=MAX_CHOICES), WHOLE] = 1
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: Seed | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    frequency_penalty: Off | None = None
    presence_penalty: Off | None = None

    @property
    def stops(self) -> list[str]:
        """The texts that the answer stops before."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with the usage of tokens."""
        return bool(self.stream_options and self.stream_options.include_usage)


class CompletionRequest(OpenAIRequest):
    """A message of the persona's own to continue, or to start where the prompt is empty."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=MAX_CHOICES)] = ""
    logprobs: Alternatives | None = None
    echo: bool | None = Field(None, description="repeat the prompt before the text; it has no log-probabilities")
    suffix: Annotated[str, Field(max_length=0)] | None = None

    @property
    def prompts(self) -> list[str]:
        """The prompts, one or several."""
        return [self.prompt] if isinstance(self.prompt, str) else self.prompt


class ContentPart(RequestForm):
    """A part of a message's content; only text can be read."""

    type: Literal["text"]
    text: Text


class RequestMessage(RequestForm):
    """A message; "system", "developer" and "tool" are ignored.

    The network has learned no instructions.
    """

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or [])


class ChatRequest(OpenAIRequest):
    """A conversation to answer; a last message of the assistant's is continued."""

    messages: list[RequestMessage] = Field(min_length=1, max_length=1000)
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Alternatives | None = None

    def conversation(self) -> tuple[list[Turn], str]:
        """The turns, and the text that the answer starts with."""
        turns = [
            Turn(mine=message.role == "assistant", text=message.text)
            for message in self.messages
            if message.role in {"user", "assistant"} and message.text
        ]
        prefix = turns.pop().text if turns and turns[-1].mine else ""
        return turns, prefix
