"""dann on Telegram with the real responder, over an engine that says what it is told to."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self

from bot.replies.responder import Responder
from bot.replies.types import Channel, ChatMessage
from bot.serving.collect import Collector
from bot.telegram_bot.client import TelegramBot
from model.config import SamplingParams
from tests.bot.scripted_engine import ScriptedEngine, build_responder, settings
from tests.bot.telegram_bot.telegram_harness import TelegramHarness
from tests.servers.telegram import Message


class RecordingResponder(Responder):
    """A responder that knows what it was told that dann said."""

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self.own: set[str] = set()

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        super().on_message(channel, message)
        if message.author.is_me:
            self.own.add(message.id)


class ResponderHarness(TelegramHarness):
    """The tavern and a market, with a responder whose engine says what it read last.

    `sample` is [sample] of config.toml; the others are keys of [bot].
    """

    def __init__(self, sample: SamplingParams = SamplingParams(), **bot: Any) -> None:  # noqa: B008 (frozen)
        super().__init__(started=False)
        self.engine = ScriptedEngine(lambda read, *_: f"you said {read[-1].text}" if read else "nobody spoke")
        self.market = self.simulation.group("market")
        self._sample, self._bot_table = sample, bot

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        telegram = {"base_url": self.server.base_url} | self._bot_table.pop("telegram", {})
        made = settings(**self._bot_table, telegram=telegram).model_copy(update={"sample": self._sample})
        self.responder = build_responder(RecordingResponder, self.engine, made)
        self.dann = TelegramBot(self.bot.token, made, self.responder, Collector(made))
        await self.dann.start()
        return self

    async def answered(self, text: str, reply_to: Message | None = None) -> Message:
        """Say it in the tavern, and wait until it is answered and dann has heard itself; refusals it does not hear."""
        question = self.simulation.say(self.alice, self.tavern, text, reply_to=reply_to)
        (answer,) = await self.simulation.until(
            lambda: [message for message in self.simulation.sent if message.reply_to is question]
        )
        aside = [entity for entity in answer.entities if entity["type"] == "italic" and entity["offset"] == 0]
        await self.simulation.until(lambda: aside or f"{answer.chat.id}/{answer.id}" in self.responder.own)
        return answer


def run_scenario(scenario: Callable[[ResponderHarness], Coroutine[Any, Any, None]], **table: Any) -> None:
    """Run a scenario with a ResponderHarness of these settings."""

    async def run() -> None:
        async with ResponderHarness(**table) as telegram:
            await scenario(telegram)

    asyncio.run(run())
