"""Generation for OpenAI's API; mistakes in a request are reported before the first byte."""

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from fastapi import Request
from fastapi.responses import Response

from bot.replies.generate import derived_seed
from bot.web.http.auth import is_known
from bot.web.http.errors import ApiError
from bot.web.http.rate_limit import DRAWING, STREAM_SECONDS
from bot.web.http.sse import ClientDisconnectedError, EventStream, until_disconnected
from bot.web.models import Models
from bot.web.openai.requests import ChatRequest, CompletionRequest, OpenAIRequest
from bot.web.openai.streaming import STOPPED, AnswerStream, ChatFormat, ChoiceStream, CompletionFormat
from bot.web.sampling_request import WAIT_SECONDS, api_errors, check_capacity, check_spelling, params_of, seed_of
from bot.web.state import AppState
from model.config import SamplingParams
from model.engine.engine import Engine, Turn
from model.errors import DannError

Prompt = tuple[Sequence[Turn], str]
"""A conversation, and the text that the answer starts with."""
WAY = "v1"
"""This way out in the metrics of the guard."""
CLIENT_CLOSED = 499
"""The customary status for a client that disconnected; nobody receives it."""


async def generate(
    request: Request,
    state: AppState,
    models: Models,
    body: OpenAIRequest,
    prompts: Sequence[Prompt],
    format_: CompletionFormat | ChatFormat,
) -> Response:
    """Generate `body.n` answers to each prompt, whole or as a stream. Raises ApiError."""
    params = params_of(body, state.settings, body.max_completion_tokens if isinstance(body, ChatRequest) else None)
    _check_streams(request, body.n * sum(_draws(turns, params) for turns, _ in prompts))
    with api_errors():
        engine = await models.engine(body.model)
    texts = [text for turns, prefix in prompts for text in (*(turn.text for turn in turns), prefix)]
    await check_spelling(engine, texts, "messages" if isinstance(body, ChatRequest) else "prompt")
    withhold = 0 if is_known(request.scope) else format_.top or 0
    with api_errors():
        check_capacity(engine, state.engine(), body.n * len(prompts))
        choices = _submit_all(engine, body, prompts, params, format_, withhold)
    answer = AnswerStream(format_, body.model or models.name, choices)
    if body.stream:
        return EventStream(answer.events(with_usage=body.with_usage), answer.cancel)
    try:
        whole = await until_disconnected(request.receive, answer.all())
    except ClientDisconnectedError:
        return Response(status_code=CLIENT_CLOSED)
    except DannError as error:
        raise ApiError(503, STOPPED, code="not_ready", wait=WAIT_SECONDS) from error
    finally:
        answer.cancel()
    return Response(whole.model_dump_json(), media_type="application/json")


def _draws(turns: Sequence[Turn], params: SamplingParams) -> int:
    """How many replies are drawn for one: without a conversation there are no candidates to choose from."""
    return params.candidates if turns and params.is_chosen else 1


def _check_streams(request: Request, count: int) -> None:
    """Raise ApiError where a request for so many answers goes beyond the client's, or everybody's."""
    drawing = request.scope.get(DRAWING)
    if drawing is not None and (refusal := drawing.ask_for(count)):
        seconds = round(STREAM_SECONDS)
        message = f"{refusal} Try again in {seconds} s."
        raise ApiError(429, message, code="rate_limit_exceeded", wait=seconds)


def _submit_all(
    engine: Engine,
    body: OpenAIRequest,
    prompts: Sequence[Prompt],
    params: SamplingParams,
    format_: CompletionFormat | ChatFormat,
    withhold: int,
) -> list[ChoiceStream]:
    """Submit all answers to the engine, or none, each with a seed derived from the request's."""
    choices: list[ChoiceStream] = []
    seed = seed_of(body.seed)
    more: dict[str, Any] = {
        "stop": body.stops, "logprobs": format_.top is not None, "withhold": withhold, "way": WAY
    }  # fmt: skip
    with ExitStack() as submitted:
        for number in range(len(prompts) * body.n):
            turns, prefix = prompts[number // body.n]
            stream = engine.submit(turns, params, derived_seed(seed, number), reply_prefix=prefix, **more)
            submitted.callback(stream.cancel)
            echo = prefix if isinstance(body, CompletionRequest) and body.echo else ""
            choices.append(ChoiceStream(number, number // body.n, stream, format_, echo))
        submitted.pop_all()
    return choices
