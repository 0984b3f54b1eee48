"""Fields and steps that the page's and OpenAI's requests share."""

import asyncio
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bot.config import BotSettings
from bot.web.http.errors import ApiError
from bot.web.models import NotReadyError, UnknownModelError
from bot.web.state import AppState
from model.config import SAMPLING_OPTIONS, SEED_HELP, SamplingParams
from model.engine.engine import CheckpointWithdrawn, Engine, EngineClosed, EngineFull
from model.errors import DannError

WAIT_SECONDS = 2
"""Retry-After of a request that was refused because the queue is full."""
PAUSED = "dann is paused by its owner"
PAUSED_SECONDS = 15
"""Retry-After while it is paused."""
KEPT_FOR_CHATS = 8
"""One place in so many of the engine's is not for HTTP: programs may fill the rest, and chats are still answered."""
SEEDS = 2**31
MAX_JSON_INT = 2**53
"""HTTP seeds may be any integer that every JSON library reads exactly, as OpenAI's clients send large and negative ones."""
SHORT = 1000
"""Characters that encode faster than a thread wakes up; longer texts must not hold up the event loop."""


def _well_formed(text: str) -> str:
    """Refuse half a character (a lone surrogate), which JSON may hold and no text can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character (a lone surrogate)") from None
    return text


def _whole(value: object) -> object:
    """Turn 7.0 into 7, as JSON has one kind of number."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Text = Annotated[str, AfterValidator(_well_formed)]
WHOLE = BeforeValidator(_whole)
Seed = Annotated[int, Field(ge=-MAX_JSON_INT, le=MAX_JSON_INT, description=SEED_HELP), WHOLE]


class RequestForm(BaseModel):
    """A client's JSON: no text is read as a number, and unknown fields are ignored."""

    model_config = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


def _sampling(name: str, limit: str = "") -> Any:
    """Range and help of a field of SamplingParams; `limit` mentions a narrower one in settings."""
    option = SAMPLING_OPTIONS[name]
    return Field(description=option.help + limit, **option.bounds)


Tokens = Annotated[int, _sampling("max_tokens", "; at most [bot.web] most_tokens"), WHOLE]


class SamplingForm(RequestForm):
    """Sampling parameters; missing ones are as config.toml's [sample] has them."""

    temperature: Annotated[float, _sampling("temperature")] | None = None
    top_k: Annotated[int, _sampling("top_k"), WHOLE] | None = None
    top_p: Annotated[float, _sampling("top_p")] | None = None
    min_p: Annotated[float, _sampling("min_p")] | None = None
    word_min_p: Annotated[float, _sampling("word_min_p")] | None = None
    repetition_penalty: Annotated[float, _sampling("repetition_penalty")] | None = None
    guidance: Annotated[float, _sampling("guidance")] | None = None
    candidates: Annotated[int, _sampling("candidates"), WHOLE] | None = None
    max_tokens: Tokens | None = None


def params_of(form: SamplingForm, settings: BotSettings, max_tokens: int | None = None) -> SamplingParams:
    """Merge a request's sampling parameters into [sample]'s; `max_tokens` overrides the form's. Raises ApiError."""
    given = {name: value for name in SamplingForm.model_fields if (value := getattr(form, name)) is not None}
    given |= {} if max_tokens is None else {"max_tokens": max_tokens}
    allowed = settings.bot.web.most_tokens
    if given.get("max_tokens", 0) > allowed:
        raise ApiError(400, f"max_tokens: at most {allowed} here", param="max_tokens")
    params = SamplingParams.model_validate(settings.sample.model_dump() | given)
    return params.model_copy(update={"max_tokens": min(params.max_tokens, allowed)})


def seed_of(requested: int | None) -> int:
    """The requested seed, or a random one."""
    return secrets.randbelow(SEEDS) if requested is None else requested


def check_length(texts: Sequence[str], settings: BotSettings, param: str) -> None:
    """Raise ApiError for texts that are longer together than [bot.web] longest_prompt."""
    if (length := sum(map(len, texts))) > (allowed := settings.bot.web.longest_prompt):
        raise ApiError(
            400, f"{param}: {length:,} characters, where {allowed:,} are allowed", param=param, code="too_long"
        )


def check_not_paused(state: AppState) -> None:
    """Raise ApiError while an owner has paused dann: the page then answers nobody, as chats do not."""
    if state.paused():
        raise ApiError(503, PAUSED, code="paused", wait=PAUSED_SECONDS)


def check_capacity(engine: Engine, serving: Engine | None, count: int) -> None:
    """Raise EngineFull where so many requests would take places that `serving` keeps for chats."""
    kept = engine.capacity // KEPT_FOR_CHATS if engine is serving else 0
    if engine.free - kept < count:
        raise EngineFull(f"{engine.capacity - kept} replies of HTTP are in progress or waiting; more are not taken")


@contextmanager
def api_errors() -> Iterator[None]:
    """Raise ApiError where there is no such model, it is not ready, its queue is full, or it is stopping."""
    try:
        yield
    except UnknownModelError as error:
        raise ApiError(404, str(error), param="model", code="model_not_found") from error
    except NotReadyError as error:
        raise ApiError(503, str(error), code="not_ready", wait=WAIT_SECONDS) from error
    except EngineFull as error:
        message = "dann is busy: its queue of replies is full"
        raise ApiError(429, message, code="queue_full", wait=WAIT_SECONDS) from error
    except EngineClosed as error:
        raise ApiError(503, "dann is stopping", code="not_ready", wait=WAIT_SECONDS) from error
    except CheckpointWithdrawn as error:
        raise ApiError(503, str(error), code="not_ready", wait=WAIT_SECONDS) from error


async def check_spelling(engine: Engine, texts: Sequence[str], param: str) -> None:
    """Raise ApiError for texts with characters that a character tokenizer has not seen."""
    encode = engine.snapshot.tokenizer.encode_batch
    try:
        if sum(map(len, texts)) > SHORT:
            await asyncio.to_thread(encode, texts)
        else:
            encode(texts)
    except DannError as error:
        raise ApiError(400, f"{param}: this model cannot spell it", param=param) from error
