"""`POST /api/reply`, the page's replies: one conversation in, server-sent events out.

    {"type": "start", "checkpoint": "20260101-000000", "seed": 7, "params": {...}}
    {"type": "piece", "text": "he", "tokens": [{"id": 300, "text": "he", "logprob": -0.1, "entropy": 1.2, "top": [...]}]}
    {"type": "end", "finish_reason": "stop" | "length" | "content_filter", "tokens": 12}
    {"type": "error", "message": "..."}

`begun` is in "start" where the request had `begun_text`: its tokens. `tokens` are sent to requests with `watch`; a token's
text is "" where it ends the reply. Without a key or the password, a token's figures are withheld where one
of the likeliest would repeat what is guarded: they are null then, `top` is empty, and `withheld` is true. The same
checkpoint, messages, params, seed and `begun` give the same text again. If another checkpoint comes to serve while a reply
waits for a slot, that one draws it, and "start" names it; a request for a certain checkpoint, or with tokens in `begun`, gets
an error.
"""

import logging
from collections.abc import AsyncIterator, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import Field

from bot.web.http.auth import is_known
from bot.web.http.errors import FAILED, ApiError, documented
from bot.web.http.sse import EVENTS, EventStream, encode_event
from bot.web.models import Models
from bot.web.sampling_request import (
    WHOLE,
    RequestForm,
    SamplingForm,
    Seed,
    Text,
    api_errors,
    check_capacity,
    check_length,
    check_not_paused,
    check_spelling,
    params_of,
    seed_of,
)
from bot.web.state import AppState
from model.config import SamplingParams
from model.engine.engine import Turn
from model.engine.logprobs import TOP, TokenLogprobs
from model.engine.prompt import reply_prefix_tokens
from model.engine.stream import ReplyStream
from model.errors import DannError
from model.tokenizer import NUM_SPECIAL, Tokenizer

STOPPED = "dann stopped before the reply was complete; ask again in a moment"
ANOTHER = "another checkpoint serves now; ask again"

log = logging.getLogger("dann.web")


class PageMessage(RequestForm):
    """A message of the conversation, dann's own or somebody's."""

    mine: bool
    text: Text


class PageRequest(RequestForm):
    """A conversation to answer. `begun` are tokens that the reply starts with, or `begun_text` its first words."""

    messages: list[PageMessage] = Field([], max_length=1000)
    params: SamplingForm = SamplingForm()
    seed: Seed | None = None
    checkpoint: Text | None = Field(None, max_length=100)
    begun: list[Annotated[int, Field(ge=NUM_SPECIAL), WHOLE]] | None = Field(None, max_length=4096)
    begun_text: Text | None = Field(None, max_length=4096)
    watch: bool = False


def router(state: AppState, models: Models) -> APIRouter:
    """The route."""
    page = APIRouter(prefix="/api", tags=["page"])
    ok = {"content": EVENTS, "description": "The reply as it comes"}

    @page.post("/reply", response_class=EventStream, responses={**documented(400, 404, 429, 503), 200: ok})
    async def reply(body: PageRequest, request: Request) -> EventStream:
        """Draw one reply, piece by piece."""
        settings, seed = state.settings, seed_of(body.seed)
        check_not_paused(state)
        texts = [message.text for message in body.messages]
        check_length(texts, settings, "messages")
        params = params_of(body.params, settings)
        with api_errors():
            engine = await models.engine(body.checkpoint or "")
        await check_spelling(engine, texts, "messages")
        try:
            prefix = reply_prefix_tokens(engine.snapshot.tokenizer, body.begun or body.begun_text or [])
        except DannError as error:
            raise ApiError(404, f"begun: {error}", param="begun", code="no_such_token") from error
        turns = [Turn(message.mine, message.text) for message in body.messages]
        wanted = engine.snapshot.id if prefix or body.checkpoint not in {None, "", models.name} else ""
        with api_errors():
            withhold = 0 if is_known(request.scope) else TOP
            check_capacity(engine, state.engine(), 1)
            stream = engine.submit(
                turns, params, seed, reply_prefix=prefix, logprobs=body.watch, withhold=withhold, way="page"
            )
        begun = {"begun": prefix} if body.begun_text and not body.begun else {}
        return EventStream(_events(stream, params, seed, wanted, begun), stream.cancel)

    return page


async def _events(
    stream: ReplyStream, params: SamplingParams, seed: int, wanted: str, begun: dict[str, list[int]]
) -> AsyncIterator[bytes]:
    try:
        first = await anext(stream, "")
        if wanted not in {"", stream.checkpoint}:
            yield encode_event(type="error", message=ANOTHER)
            return
        yield encode_event(type="start", checkpoint=stream.checkpoint, seed=seed, params=params.model_dump(), **begun)
        yield await _piece(stream, first)
        async for piece in stream:
            yield await _piece(stream, piece)
        completion = await stream.completion()
        if rest := await stream.shown_logprobs():
            yield encode_event(type="piece", text="", tokens=_tokens(rest, stream.tokenizer))
        yield encode_event(type="end", finish_reason=completion.finish_reason, tokens=completion.tokens)
    except DannError:
        yield encode_event(type="error", message=STOPPED)
    except Exception:
        log.exception("a reply for the page failed")
        yield encode_event(type="error", message=FAILED)


async def _piece(stream: ReplyStream, text: str) -> bytes:
    return encode_event(type="piece", text=text, tokens=_tokens(await stream.shown_logprobs(), stream.tokenizer))


def _tokens(logprobs: Sequence[TokenLogprobs], tokenizer: Tokenizer) -> list[dict[str, Any]]:
    token_bytes = tokenizer.token_bytes

    def text(id_: int) -> str:
        return token_bytes[id_].decode(errors="replace")

    def shown(token: TokenLogprobs) -> dict[str, Any]:
        about = {"id": token.token, "text": text(token.token)}
        if token.withheld:
            return about | {"logprob": None, "entropy": None, "top": [], "withheld": True}
        top = [(id_, text(id_), round(logprob, 4)) for id_, logprob in token.top]
        return about | {"logprob": round(token.logprob, 4), "entropy": round(token.entropy, 4), "top": top}

    return [shown(token) for token in logprobs]
