"""A harness for tests of the responder: a scripted engine, and a clock that is moved by hand."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from bot.config import RemarksConfig
from bot.replies.responder import Responder
from bot.replies.stats import ReplyStats
from bot.replies.types import Author, Command, Mention, Reply
from bot.replies.unprompted import UnpromptedRemarks
from model.config import SamplingParams
from tests.bot.scripted_engine import SAM, Clock, ScriptedEngine, build_responder, mention, settings

OWNER = {"discord": {"owners": ["1"]}}
COMMAND = Command("hey", SamplingParams(temperature=1.25), 7)


class ResponderHarness:
    """A responder, its engine and a clock, all on one loop."""

    def __init__(self, **bot: Any) -> None:
        self.engine = ScriptedEngine()
        self.clock = Clock()
        remarks = UnpromptedRemarks(RemarksConfig.model_validate({"chance": 1, "chats": ["10"]}), local_hour=lambda: 12)
        self.stats = ReplyStats()
        self.responder = build_responder(
            Responder, self.engine, settings(**bot), remarks=remarks, stats=self.stats, clock=self.clock
        )

    async def ask(self, id_: str, text: str = "hi", author: Author = SAM, **more: Any) -> Reply | None:
        """Mention dann as platforms do: the message is passed on, then to be answered."""
        return await self.tell(mention(id_, text, author, **more))

    async def begun(self, id_: str, **more: Any) -> asyncio.Task[Reply | None]:
        """Mention dann, with the reply in flight until `engine.go` is set."""
        self.engine.go.clear()
        count = len(self.engine.requests)
        answer = asyncio.create_task(self.ask(id_, **more))
        while len(self.engine.requests) == count:
            await asyncio.sleep(0)
        return answer

    async def tell(self, wanted: Mention) -> Reply | None:
        self.responder.on_message(wanted.channel, wanted.message)
        return await self.responder.answer(wanted)


def run_scenario(scenario: Callable[[ResponderHarness], Awaitable[None]], **bot: Any) -> None:
    """Run a scenario, and check that it leaves no task behind."""

    async def run() -> None:
        await scenario(ResponderHarness(**bot))
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(run())


def broken(*_: object) -> str:
    raise RuntimeError("the engine is on fire")
