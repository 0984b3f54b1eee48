"""What the page's and OpenAI's requests have in common: texts, samplers, and handing a reply to the engine."""

import asyncio
import secrets
from collections.abc import Sequence
from typing import Annotated

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field

from bot.config import BotSettings
from bot.web.http.errors import ApiError
from bot.web.models import Models, NotReadyError, UnknownModelError
from model.config import SamplingParams
from model.engine.engine import Engine, EngineClosed, EngineFull, Turn
from model.engine.stream import ReplyStream
from model.errors import DannError

WAIT_SECONDS = 2
"""After so long, who was refused for a full queue may try again."""
SEEDS = 2**31
SHORT = 1000
"""So many characters are encoded in less time than a thread takes to wake; more are not the event loop's to wait for."""


def _well_formed(text: str) -> str:
    """JSON may hold half a character (a lone surrogate), which no text can."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("holds half a character (a lone surrogate)") from None
    return text


def _whole(number: object) -> object:
    """JSON knows one kind of number: 7.0 is 7."""
    return int(number) if isinstance(number, float) and number.is_integer() else number


Text = Annotated[str, AfterValidator(_well_formed)]
WHOLE = BeforeValidator(_whole)
Seed = Annotated[int, Field(ge=-(2**53), le=2**53, description="The same seed gives the same text again."), WHOLE]


class RequestForm(BaseModel):
    """What a client sends: no text is read as a number, and what is not known is passed over."""

    model_config = ConfigDict(strict=True, extra="ignore")


Tokens = Annotated[int, Field(ge=1, le=4096, description="at most [bot.web] most_tokens"), WHOLE]


class SamplingForm(RequestForm):
    """How a reply is drawn; what is missing is as config.toml's [sample] has it."""

    temperature: float | None = Field(None, ge=0, le=2, allow_inf_nan=False, description="0 is greedy")
    top_k: Annotated[int, Field(ge=0, le=1_000_000, description="0 is off"), WHOLE] | None = None
    top_p: float | None = Field(None, gt=0, le=1, allow_inf_nan=False)
    min_p: float | None = Field(None, ge=0, le=1, allow_inf_nan=False)
    repetition_penalty: float | None = Field(None, ge=1, le=2, allow_inf_nan=False)
    max_tokens: Tokens | None = None


def params_of(asked: SamplingForm, settings: BotSettings, most: int | None = None) -> SamplingParams:
    """The settings to draw with. Raises ApiError for more tokens than are allowed; `most` counts instead of `max_tokens`."""
    given = {name: value for name in SamplingForm.model_fields if (value := getattr(asked, name)) is not None}
    given |= {} if most is None else {"max_tokens": most}
    allowed = settings.bot.web.most_tokens
    if given.get("max_tokens", 0) > allowed:
        raise ApiError(400, f"max_tokens: at most {allowed} here", param="max_tokens")
    params = SamplingParams.model_validate(settings.sample.model_dump() | given)
    return params.model_copy(update={"max_tokens": min(params.max_tokens, allowed)})


def seed_of(asked: int | None) -> int:
    """The seed that is asked for, or one by chance."""
    return secrets.randbelow(SEEDS) if asked is None else asked


def check_length(texts: Sequence[str], settings: BotSettings, param: str) -> None:
    """Raises ApiError for texts that are longer, together, than may be."""
    if (length := sum(map(len, texts))) > (most := settings.bot.web.longest_prompt):
        raise ApiError(400, f"{param}: {length:,} characters, where {most:,} are allowed", param=param, code="too_long")


async def engine_of(models: Models, name: str) -> Engine:
    """The engine of a model. Raises ApiError for one that is not there, or not yet."""
    try:
        return await models.engine(name)
    except UnknownModelError as error:
        raise ApiError(404, str(error), param="model", code="model_not_found") from error
    except NotReadyError as error:
        raise ApiError(503, str(error), code="not_ready", wait=WAIT_SECONDS) from error


def begin(
    engine: Engine,
    turns: Sequence[Turn],
    params: SamplingParams,
    seed: int,
    *,
    begun: str | Sequence[int] = "",
    stop: Sequence[str] = (),
    watch: bool = False,
) -> ReplyStream:
    """Ask the engine for a reply. Raises ApiError where it takes no more, or is stopping."""
    try:
        return engine.submit(turns, params, seed, reply_prefix=begun, stop=stop, logprobs=watch)
    except EngineFull as error:
        message = "as many replies are under way, and wait, as may"
        raise ApiError(429, message, code="queue_full", wait=WAIT_SECONDS) from error
    except EngineClosed as error:
        raise ApiError(503, "dann is stopping", code="not_ready", wait=WAIT_SECONDS) from error


async def check_spelling(engine: Engine, texts: Sequence[str], param: str) -> None:
    """Raises ApiError for what the model has no tokens for: one of characters knows only those it has seen."""
    encode = engine.snapshot.tokenizer.encode_batch
    try:
        if sum(map(len, texts)) > SHORT:
            await asyncio.to_thread(encode, texts)
        else:
            encode(texts)
    except DannError as error:
        raise ApiError(400, f"{param}: this model cannot spell it", param=param) from error
