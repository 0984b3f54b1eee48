"""Routes of OpenAI's API: models, completions, chat completions."""

from typing import Annotated

from fastapi import APIRouter, Path
from fastapi import Request as HttpRequest
from fastapi.responses import Response

from bot.web.http.errors import ApiError, documented
from bot.web.models import Models
from bot.web.openai.generate import Prompt, generate
from bot.web.openai.requests import ChatRequest, CompletionRequest
from bot.web.openai.responses import ChatObject, CompletionObject, ModelList, ModelObject
from bot.web.openai.streaming import ChatFormat, CompletionFormat
from bot.web.sampling_request import check_length, check_not_paused
from bot.web.state import AppState

ERRORS = documented(400, 404, 429, 503)
STREAMED = {"text/event-stream": {"schema": {"description": "with `stream`: chunks, then [DONE]"}}}


def router(state: AppState, models: Models) -> APIRouter:
    """Routes under /v1."""
    openai = APIRouter(prefix="/v1", tags=["OpenAI's"])

    @openai.get("/models")
    async def listed() -> ModelList:
        """List the checkpoints; the persona's name stands for the one that serves."""
        served = await models.listed()
        return ModelList(data=[ModelObject(id=id_, created=made, owned_by=models.name) for id_, made in served])

    @openai.get("/models/{id}", responses=documented(404))
    async def one(id_: Annotated[str, Path(alias="id")]) -> ModelObject:
        """Show one model."""
        for model in (await listed()).data:
            if model.id == id_:
                return model
        raise ApiError(404, "there is no such model; GET /v1/models lists them", param="model", code="model_not_found")

    @openai.post(
        "/completions",
        response_model=CompletionObject,
        responses={**ERRORS, 200: {"content": STREAMED, "description": "The texts"}},
    )
    async def completions(body: CompletionRequest, request: HttpRequest) -> Response:
        """Continue a message of the persona's own."""
        check_not_paused(state)
        prompts: list[Prompt] = [([], prompt) for prompt in body.prompts]
        check_length(body.prompts, state.settings, "prompt")
        return await generate(request, state, models, body, prompts, CompletionFormat(body.logprobs))

    @openai.post(
        "/chat/completions",
        response_model=ChatObject,
        responses={**ERRORS, 200: {"content": STREAMED, "description": "The messages"}},
    )
    async def chat(body: ChatRequest, request: HttpRequest) -> Response:
        """Answer a conversation."""
        check_not_paused(state)
        check_length([message.text for message in body.messages], state.settings, "messages")
        format_ = ChatFormat(body.top_logprobs or 0 if body.logprobs else None)
        return await generate(request, state, models, body, [body.conversation()], format_)

    return openai
