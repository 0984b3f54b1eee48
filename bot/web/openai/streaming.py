"""One answer to an OpenAI client: several texts drawn at once, told whole or as chunks. Knows no HTTP.

A chunk is put together from bytes that are made once for an answer: with a hundred streams at once they are most of the work.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.web.http.errors import FAILED
from bot.web.http.refusal import error_body
from bot.web.openai.responses import (
    ChatChoice,
    ChatLogprobs,
    ChatObject,
    ChatReply,
    CompletionChoice,
    CompletionObject,
    TextLogprobs,
    Usage,
)
from model.engine.engine import Completion
from model.engine.stream import ReplyStream
from model.errors import DannError

STOPPED = "dann stopped before the answer was complete"
DONE = b"data: [DONE]\n\n"

log = logging.getLogger("dann.web")


@dataclass
class ChoiceStream:
    """One text under way: its number, and that of its prompt. `echo` is said before it."""

    index: int
    prompt: int
    stream: ReplyStream
    form: "CompletionFormat | ChatFormat"
    echo: str = ""
    _logprobs: TextLogprobs | ChatLogprobs | None = None

    def thoughts(self) -> dict[str, Any] | None:
        """The log-probabilities of what has come since this was last asked; None where nobody wants them."""
        if self.form.top is None:
            return None
        if self._logprobs is None:  # only now is it certain with which tokenizer it is drawn
            self._logprobs = self.form.logprobs(self.stream.tokenizer, self.form.top)
        return self._logprobs.told(self.stream.take_logprobs())


Told = tuple[ChoiceStream, Completion, dict[str, Any] | None]
"""A choice, what it came to, and its log-probabilities."""


@dataclass(frozen=True)
class CompletionFormat:
    """The form of /v1/completions, with so many alternatives a token, or None without log-probabilities."""

    top: int | None
    prefix: ClassVar[str] = "cmpl"
    chunk: ClassVar[str] = "text_completion"
    logprobs: ClassVar[type[TextLogprobs]] = TextLogprobs
    opening: ClassVar[dict[str, Any] | None] = None

    def piece(self, text: str) -> dict[str, Any]:
        """A choice's own fields in a chunk that has text."""
        return {"text": text}

    def ending(self) -> dict[str, Any]:
        """The same in the last."""
        return {"text": ""}

    def whole(self, about: dict[str, Any], told: Sequence[Told], usage: Usage) -> CompletionObject:
        """All of it."""
        choices = [
            CompletionChoice(
                index=choice.index, text=choice.echo + one.text, logprobs=logprobs, finish_reason=one.finish_reason
            )
            for choice, one, logprobs in told
        ]
        return CompletionObject(**about, choices=choices, usage=usage)


@dataclass(frozen=True)
class ChatFormat:
    """The form of /v1/chat/completions."""

    top: int | None
    prefix: ClassVar[str] = "chatcmpl"
    chunk: ClassVar[str] = "chat.completion.chunk"
    logprobs: ClassVar[type[ChatLogprobs]] = ChatLogprobs
    opening: ClassVar[dict[str, Any] | None] = {"delta": {"role": "assistant", "content": ""}}

    def piece(self, text: str) -> dict[str, Any]:
        """As TextForm's."""
        return {"delta": {"content": text}}

    def ending(self) -> dict[str, Any]:
        """As TextForm's."""
        return {"delta": {}}

    def whole(self, about: dict[str, Any], told: Sequence[Told], usage: Usage) -> ChatObject:
        """As TextForm's."""
        choices = [
            ChatChoice(
                index=choice.index,
                message=ChatReply(content=one.text),
                logprobs=logprobs,
                finish_reason=one.finish_reason,
            )
            for choice, one, logprobs in told
        ]
        return ChatObject(**about, choices=choices, usage=usage)


class AnswerStream:
    """All choices of one request; whoever made it gives them up in the end."""

    def __init__(
        self, form: CompletionFormat | ChatFormat, id_: str, created: int, model: str, choices: Sequence[ChoiceStream]
    ) -> None:
        self._form, self._choices = form, choices
        self._about = {"id": id_, "created": created, "model": model}
        head = json.dumps({**self._about, "object": form.chunk}, ensure_ascii=False, separators=(",", ":"))
        self._head = f"data: {head[:-1]},".encode()

    async def all(self) -> CompletionObject | ChatObject:
        """The whole answer, when it is there. Raises what went wrong."""
        completions = [await choice.stream.completion() for choice in self._choices]
        told = [(choice, one, choice.thoughts()) for one, choice in zip(completions, self._choices, strict=True)]
        return self._form.whole(self._about, told, self._usage(completions))

    async def events(self, *, with_usage: bool) -> AsyncIterator[bytes]:
        """The answer as server-sent events, the last of them [DONE]."""
        try:
            if self._form.opening:
                for choice in self._choices:
                    yield self._chunk(choice, self._form.opening)
            chunks = self._of(self._choices[0]) if len(self._choices) == 1 else self._of_many()
            async for chunk in chunks:
                yield chunk
            if with_usage:
                completions = [await choice.stream.completion() for choice in self._choices]
                usage = self._usage(completions).model_dump_json().encode()
                yield self._head + b'"choices":[],"usage":' + usage + b"}\n\n"
            yield DONE
        except DannError:
            yield _error(503, STOPPED)
        except Exception:
            log.exception("an answer could not be drawn")
            yield _error(500, FAILED)

    async def _of(self, choice: ChoiceStream) -> AsyncIterator[bytes]:
        if choice.echo:
            yield self._chunk(choice, self._form.piece(choice.echo))
        async for piece in choice.stream:
            yield self._chunk(choice, self._form.piece(piece), choice.thoughts())
        completion = await choice.stream.completion()
        yield self._chunk(choice, self._form.ending(), choice.thoughts(), completion.finish_reason)

    async def _of_many(self) -> AsyncIterator[bytes]:
        """The chunks of all choices, as they come."""
        waiting: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()

        async def read(choice: ChoiceStream) -> None:
            try:
                async for chunk in self._of(choice):
                    waiting.put_nowait(chunk)
                waiting.put_nowait(None)
            except Exception as error:
                waiting.put_nowait(error)

        reading = [asyncio.create_task(read(choice)) for choice in self._choices]
        try:
            left = len(reading)
            while left:
                told = await waiting.get()
                if isinstance(told, BaseException):
                    raise told
                left -= told is None
                if told:
                    yield told
        finally:
            for task in reading:
                task.cancel()

    def _chunk(
        self,
        choice: ChoiceStream,
        fields: dict[str, Any],
        logprobs: dict[str, Any] | None = None,
        reason: str | None = None,
    ) -> bytes:
        told = {"index": choice.index, **fields, "logprobs": logprobs, "finish_reason": reason}
        return self._head + b'"choices":[' + _json(told) + b"]}\n\n"

    def _usage(self, completions: Sequence[Completion]) -> Usage:
        """A prompt counts once, however many texts it has."""
        prompts = {choice.prompt: one.prompt_tokens for choice, one in zip(self._choices, completions, strict=True)}
        read, drawn = sum(prompts.values()), sum(one.tokens for one in completions)
        return Usage(prompt_tokens=read, completion_tokens=drawn, total_tokens=read + drawn)

    def give_up(self) -> None:
        """Draw no more of those that are under way."""
        for choice in self._choices:
            choice.stream.cancel()


def _error(status: int, message: str) -> bytes:
    return b"data: " + _json(error_body(status, message)) + b"\n\n"


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
