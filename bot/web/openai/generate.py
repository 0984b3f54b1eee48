"""From what an OpenAI client asked to an answer under way: everything that can be wrong is found before the first byte."""

import secrets
import time
from collections.abc import Sequence

from fastapi import Request
from fastapi.responses import Response

from bot.config import BotSettings
from bot.replies.generate import derived_seed
from bot.web.http.errors import ApiError
from bot.web.http.sse import ClientDisconnectedError, EventStream, until_disconnected
from bot.web.models import Models
from bot.web.openai.requests import ChatRequest, CompletionRequest, OpenAIRequest
from bot.web.openai.streaming import STOPPED, AnswerStream, ChatFormat, ChoiceStream, CompletionFormat
from bot.web.sampling_request import WAIT_SECONDS, begin, check_spelling, engine_of, params_of, seed_of
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.errors import DannError

Prompt = tuple[Sequence[Turn], str]
"""A conversation, and how the answer begins already."""
GONE = 499
"""What a server notes of a client that did not wait; nobody reads it."""


async def generate(
    request: Request,
    settings: BotSettings,
    models: Models,
    asked: OpenAIRequest,
    prompts: Sequence[Prompt],
    form: CompletionFormat | ChatFormat,
) -> Response:
    """`asked.n` answers to each prompt, whole or as a stream. Raises ApiError."""
    params = params_of(asked, settings, asked.max_completion_tokens if isinstance(asked, ChatRequest) else None)
    engine = await engine_of(models, asked.model)
    texts = [text for turns, begun in prompts for text in (*(turn.text for turn in turns), begun)]
    await check_spelling(engine, texts, "messages" if isinstance(asked, ChatRequest) else "prompt")
    choices = _begun(engine, asked, prompts, params, form)
    id_, model = f"{form.prefix}-{secrets.token_hex(12)}", asked.model or models.name
    answer = AnswerStream(form, id_, int(time.time()), model, choices)
    if asked.stream:
        return EventStream(answer.events(with_usage=asked.with_usage), answer.give_up)
    try:
        told = await until_disconnected(request.receive, answer.all())
    except ClientDisconnectedError:
        return Response(status_code=GONE)
    except DannError as error:
        raise ApiError(503, STOPPED, code="not_ready", wait=WAIT_SECONDS) from error
    finally:
        answer.give_up()
    return Response(told.model_dump_json(), media_type="application/json")


def _begun(
    engine: Engine,
    asked: OpenAIRequest,
    prompts: Sequence[Prompt],
    params: SamplingParams,
    form: CompletionFormat | ChatFormat,
) -> list[ChoiceStream]:
    """All of them handed to the engine, or none: a seed of its own each, that follows from the request's."""
    seed, watch = seed_of(asked.seed), form.top is not None
    choices: list[ChoiceStream] = []
    try:
        for number in range(len(prompts) * asked.n):
            turns, begun = prompts[number // asked.n]
            own = derived_seed(seed, number)
            stream = begin(engine, turns, params, own, begun=begun, stop=asked.stops, watch=watch)
            echo = begun if isinstance(asked, CompletionRequest) and asked.echo else ""
            choices.append(ChoiceStream(number, number // asked.n, stream, form, echo))
    except ApiError:
        for choice in choices:
            choice.stream.cancel()
        raise
    return choices
