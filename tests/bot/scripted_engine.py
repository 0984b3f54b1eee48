"""People, places and messages that tests make up, and an engine that says what it is told to."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from time import monotonic
from typing import Any, TypeVar

from bot.config import BotSettings
from bot.platforms import settings_class
from bot.replies.generate import EngineLike
from bot.replies.responder import Responder
from bot.replies.stats import ReplyStats
from bot.replies.types import Author, Channel, ChatMessage, Command, Mention
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.admin import Admin
from bot.serving.reload import Reload
from model.architectures import build
from model.checkpoints.checkpoint import Snapshot
from model.config import ModelConfig, SamplingParams
from model.engine.completion import FinishReason
from model.engine.engine import Completion, EngineFull, Load, Turn
from model.tokenizer import Tokenizer

ME = Author("3", "dann", is_me=True)
SAM = Author("1", "Sam")
ANN = Author("2", "Ann")
BOT = Author("9", "Beep", is_bot=True)
GROUP = Channel("discord", "10", guild="20")
PRIVATE = Channel("discord", "11", private=True)
TELEGRAM = Channel("telegram", "-100")

Says = Callable[[Sequence[Turn], SamplingParams, int], str]


def said(id_: str, text: str = "hi", author: Author = SAM, time: float = 1000.0, reply_to: str = "") -> ChatMessage:
    return ChatMessage(id_, author, text, time, reply_to)


def mention(
    id_: str,
    text: str = "hi",
    author: Author = SAM,
    *,
    channel: Channel = GROUP,
    time: float = 1000.0,
    chain: tuple[ChatMessage, ...] = (),
    asked: Command | None = None,
) -> Mention:
    return Mention(channel, said(id_, text, author, time), chain, asked)


def settings(**bot: Any) -> BotSettings:
    """Settings as config.toml has them, but for these of [bot]; no cooldown unless one is given."""
    return settings_class().model_validate({"bot": {"cooldown_seconds": 0} | bot})


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@cache
def snapshot(id_: str = "one") -> Snapshot:
    """A checkpoint of random weights."""
    tokenizer = Tokenizer.train(["hey lol", "the loss goes down lol"] * 3, 280)
    return Snapshot(id_, build(ModelConfig(vocab_size=tokenizer.vocab_size, hidden_dim=16), seed=3), tokenizer)


@dataclass
class Request:
    """What the engine was asked for, and what became of it."""

    conversation: list[Turn]
    params: SamplingParams
    seed: int
    checkpoint: str
    cancelled: bool = False


class ScriptedEngine:
    """Says what `says` returns, or raises what it raises, once `go` is set; `full`: refuses."""

    def __init__(self, says: Says = lambda *_: "sure") -> None:
        self.snapshot = snapshot()
        self.says = says
        self.full = False
        self.finish_reason: FinishReason = "stop"
        self.requests: list[Request] = []
        self.go = asyncio.Event()
        self.go.set()

    def submit(
        self,
        conversation: Sequence[Turn],
        params: SamplingParams,
        seed: int,
        *,
        way: str = "",
    ) -> "ScriptedStream":
        if self.full:
            raise EngineFull("full")
        self.requests.append(Request(list(conversation), params, seed, self.snapshot.id))
        return ScriptedStream(self, self.requests[-1])

    async def swap(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot

    @property
    def load(self) -> Load:
        return Load(busy=len(self.requests), slots=64, waiting=2)

    @property
    def texts(self) -> list[list[str]]:
        """The words of every request's conversation."""
        return [[turn.text for turn in request.conversation] for request in self.requests]


@dataclass
class ScriptedStream:
    engine: ScriptedEngine
    request: Request = field(repr=False)

    async def completion(self) -> Completion:
        await self.engine.go.wait()
        text = self.engine.says(self.request.conversation, self.request.params, self.request.seed)
        return Completion(text, self.request.seed, 1, self.engine.finish_reason, self.request.checkpoint)

    def cancel(self) -> None:
        self.request.cancelled = True


R = TypeVar("R", bound=Responder)


def build_responder(
    kind: type[R], engine: EngineLike, settings: BotSettings, retraining: RetrainSupervisor | None = None, **more: Any
) -> R:
    """A responder over that engine whose owners are obeyed, put together as app.py does; `more` goes to `kind`."""
    stats, clock = more.setdefault("stats", ReplyStats()), more.setdefault("clock", monotonic)
    reload = Reload(engine, settings.data.checkpoints)
    return kind(engine, settings, Admin(engine, reload, clock, retraining, stats), **more)
