"""An answer to an OpenAI client: one or more choices drawn at once, sent whole or as chunks.

The fixed part of a chunk is encoded once per answer: with a hundred streams at once encoding is most of the work.
Knows no HTTP.
"""

import asyncio
import logging
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from bot.web.http.errors import FAILED
from bot.web.http.refusal import error_body
from bot.web.http.sse import encode_event, encode_json
from bot.web.openai.responses import ChatLogprobs, ChatObject, CompletionObject, TextLogprobs, Usage
from model.engine.engine import Completion
from model.engine.stream import ReplyStream
from model.errors import DannError

STOPPED = "dann stopped before the answer was complete"
DONE = b"data: [DONE]\n\n"
Fields = dict[str, Any]

log = logging.getLogger("dann.web")


@dataclass
class ChoiceStream:
    """One choice being drawn: its index, its prompt's index, and `echo`, the text before it."""

    index: int
    prompt: int
    stream: ReplyStream
    format_: "CompletionFormat | ChatFormat"
    echo: str = ""
    _logprobs: TextLogprobs | ChatLogprobs | None = None

    async def take_logprobs(self) -> Fields | None:
        """Log-probabilities of the tokens drawn since the last call, if the client wants them."""
        if self.format_.top is None:
            return None
        if self._logprobs is None:  # only now is the tokenizer certain: another checkpoint may have come to serve
            self._logprobs = self.format_.logprobs(self.stream.tokenizer, self.format_.top, len(self.echo))
        return self._logprobs.encode(await self.stream.shown_logprobs())


@dataclass(frozen=True)
class CompletionFormat:
    """The format of /v1/completions; `top`: alternatives per token, None: no log-probabilities."""

    top: int | None
    prefix: ClassVar[str] = "cmpl"
    chunk: ClassVar[str] = "text_completion"
    logprobs: ClassVar[type[TextLogprobs]] = TextLogprobs
    whole: ClassVar[type[CompletionObject]] = CompletionObject
    opening: ClassVar[Fields | None] = None
    ending: ClassVar[Fields] = {"text": ""}

    def piece(self, text: str) -> Fields:
        """The fields of a choice in a chunk with text."""
        return {"text": text}

    def content(self, text: str) -> Fields:
        """The fields of a choice in the whole response."""
        return {"text": text}


@dataclass(frozen=True)
class ChatFormat:
    """The format of /v1/chat/completions."""

    top: int | None
    prefix: ClassVar[str] = "chatcmpl"
    chunk: ClassVar[str] = "chat.completion.chunk"
    logprobs: ClassVar[type[ChatLogprobs]] = ChatLogprobs
    whole: ClassVar[type[ChatObject]] = ChatObject
    opening: ClassVar[Fields | None] = {"delta": {"role": "assistant", "content": ""}}
    ending: ClassVar[Fields] = {"delta": {}}

    def piece(self, text: str) -> Fields:
        """The fields of a choice in a chunk with text."""
        return {"delta": {"content": text}}

    def content(self, text: str) -> Fields:
        """The fields of a choice in the whole response."""
        return {"message": {"content": text}}


class AnswerStream:
    """All choices of one request; its owner calls `cancel` in the end."""

    def __init__(self, format_: CompletionFormat | ChatFormat, model: str, choices: Sequence[ChoiceStream]) -> None:
        self._format, self._choices = format_, choices
        id_ = f"{format_.prefix}-{secrets.token_hex(12)}"
        self._about = {"id": id_, "created": int(time.time()), "model": model}
        self._head = b"data: " + encode_json({**self._about, "object": format_.chunk})[:-1] + b","

    async def all(self) -> CompletionObject | ChatObject:
        """Wait for the whole answer. Raises the first choice's error."""
        completions = [await choice.stream.completion() for choice in self._choices]
        logprobs = [await choice.take_logprobs() for choice in self._choices]
        choices = [
            self._format.content(choice.echo + completion.text)
            | {"index": choice.index, "logprobs": shown, "finish_reason": completion.finish_reason}
            for completion, choice, shown in zip(completions, self._choices, logprobs, strict=True)
        ]
        whole = {**self._about, "choices": choices, "usage": self._usage(completions)}
        return self._format.whole.model_validate(whole)

    async def events(self, *, with_usage: bool) -> AsyncIterator[bytes]:
        """The answer as server-sent events, the last of them [DONE]."""
        try:
            if self._format.opening:
                for choice in self._choices:
                    yield self._chunk(choice, self._format.opening)
            chunks = self._chunks(self._choices[0]) if len(self._choices) == 1 else self._merged()
            async for chunk in chunks:
                yield chunk
            if with_usage:
                completions = [await choice.stream.completion() for choice in self._choices]
                usage = self._usage(completions).model_dump_json().encode()
                yield self._head + b'"choices":[],"usage":' + usage + b"}\n\n"
            yield DONE
        except DannError:
            yield encode_event(**error_body(503, STOPPED))
        except Exception:
            log.exception("an answer could not be drawn")
            yield encode_event(**error_body(500, FAILED))

    async def _chunks(self, choice: ChoiceStream) -> AsyncIterator[bytes]:
        if choice.echo:
            yield self._chunk(choice, self._format.piece(choice.echo))
        async for piece in choice.stream:
            yield self._chunk(choice, self._format.piece(piece), await choice.take_logprobs())
        completion = await choice.stream.completion()
        yield self._chunk(choice, self._format.ending, await choice.take_logprobs(), completion.finish_reason)

    async def _merged(self) -> AsyncIterator[bytes]:
        """The chunks of all choices, in the order they arrive."""
        queue: asyncio.Queue[bytes | BaseException | None] = asyncio.Queue()

        async def read(choice: ChoiceStream) -> None:
            try:
                async for chunk in self._chunks(choice):
                    queue.put_nowait(chunk)
                queue.put_nowait(None)
            except Exception as error:
                queue.put_nowait(error)

        reading = [asyncio.create_task(read(choice)) for choice in self._choices]
        try:
            left = len(reading)
            while left:
                chunk = await queue.get()
                for (
                    choice
                ) in self._choices:  # what is queued may have been drawn long ago, by a checkpoint withdrawn since
                    choice.stream.refuse_withdrawn()
                if isinstance(chunk, BaseException):
                    raise chunk
                left -= chunk is None
                if chunk:
                    yield chunk
        finally:
            for task in reading:
                task.cancel()

    def _chunk(
        self, choice: ChoiceStream, fields: Fields, logprobs: Fields | None = None, reason: str | None = None
    ) -> bytes:
        fields = {"index": choice.index, **fields, "logprobs": logprobs, "finish_reason": reason}
        return self._head + b'"choices":[' + encode_json(fields) + b"]}\n\n"

    def _usage(self, completions: Sequence[Completion]) -> Usage:
        """Token counts; a prompt counts once, however many choices it has."""
        prompts = {choice.prompt: done.prompt_tokens for choice, done in zip(self._choices, completions, strict=True)}
        read, drawn = sum(prompts.values()), sum(done.tokens for done in completions)
        return Usage(prompt_tokens=read, completion_tokens=drawn, total_tokens=read + drawn)

    def cancel(self) -> None:
        """Stop drawing the choices that are unfinished."""
        for choice in self._choices:
            choice.stream.cancel()
