"""What OpenAI's clients send to /v1/completions and /v1/chat/completions. Fields that are not here are ignored, as there."""

from typing import Annotated, Literal

from pydantic import Field

from bot.web.sampling_request import WHOLE, RequestForm, SamplingForm, Seed, Text, Tokens
from model.engine.engine import Turn
from model.engine.logprobs import TOP

MOST_CHOICES = 8
"""Of each prompt, and so many prompts at most."""
Stop = Annotated[Text, Field(min_length=1, max_length=100)]


Alternatives = Annotated[int, Field(ge=0, le=TOP), WHOLE]
Off = Annotated[float, Field(ge=0, le=0)]
"""What would change the answer in a way that is not to be had here: clients may send it, switched off."""


class StreamOptions(RequestForm):
    """How an answer is streamed."""

    include_usage: bool = False


class OpenAIRequest(SamplingForm):
    """What both have in common."""

    model: Text = Field("", max_length=100, description="the persona's name, or a checkpoint's id")
    n: Annotated[int, Field(ge=1, le=MOST_CHOICES), WHOLE] = 1
    stop: Stop | Annotated[list[Stop], Field(max_length=4)] | None = None
    seed: Seed | None = None
    stream: bool = False
    stream_options: StreamOptions | None = None
    frequency_penalty: Off | None = None
    presence_penalty: Off | None = None

    @property
    def stops(self) -> list[str]:
        """What the answer ends before."""
        return [self.stop] if isinstance(self.stop, str) else self.stop or []

    @property
    def with_usage(self) -> bool:
        """Whether a stream ends with what it took."""
        return bool(self.stream_options and self.stream_options.include_usage)


class CompletionRequest(OpenAIRequest):
    """A message of the persona's own to go on with; an empty prompt lets it speak out of the blue."""

    prompt: Text | Annotated[list[Text], Field(min_length=1, max_length=MOST_CHOICES)] = ""
    logprobs: Alternatives | None = None
    echo: bool | None = Field(None, description="say the prompt, too; it has no log-probabilities")
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
    """A message; those of "system", "developer" and "tool" are not read, as the network has learned no instructions."""

    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: Text | list[ContentPart] | None = None

    @property
    def text(self) -> str:
        """The content as one text."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text for part in self.content or [])


class ChatRequest(OpenAIRequest):
    """A conversation to answer; where its last message is the assistant's, the answer goes on with it."""

    messages: list[RequestMessage] = Field(min_length=1, max_length=1000)
    max_completion_tokens: Tokens | None = None
    logprobs: bool | None = None
    top_logprobs: Alternatives | None = None

    def conversation(self) -> tuple[list[Turn], str]:
        """The turns, and how the answer begins already."""
        turns = [
            Turn(mine=message.role == "assistant", text=message.text)
            for message in self.messages
            if message.role in {"user", "assistant"} and message.text
        ]
        begun = turns.pop().text if turns and turns[-1].mine else ""
        return turns, begun
