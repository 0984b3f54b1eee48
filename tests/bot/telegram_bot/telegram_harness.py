"""A harness for tests of dann on Telegram: the real client, a server on loopback, and replies that echo.

@on_telegram()
async def test_something(telegram: TelegramHarness) -> None:
    telegram.simulation.say(telegram.alice, telegram.tavern, "@dann_bot hi")
    assert await telegram.replies() == ["echo: hi"]
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Self

from bot.platforms import settings_class
from bot.replies.types import Author, Channel, ChatMessage, Mention, Reply, Send
from bot.serving.collect import Collector
from bot.telegram_bot.client import TelegramBot
from tests.servers.telegram import Message, TelegramServer

SENTINEL = "and that is all"


class RecordingReplier:
    """A `Replier` that echoes and records its calls. Like the responder, it answers no bots, and nothing twice."""

    def __init__(self) -> None:
        self.messages: list[tuple[Channel, ChatMessage]] = []
        self.edits: list[tuple[Channel, str, str]] = []
        self.mentions: list[Mention] = []
        self.remarks: list[tuple[str, bool]] = []
        self.admin_calls: list[tuple[str, str, str]] = []
        self.release = asyncio.Event()
        """What begins with "slow" is answered once this is set."""
        self.footer = ""
        self.remark_with = ""
        self.owners: set[str] = set()
        self.told: set[str] = set()

    def on_message(self, channel: Channel, message: ChatMessage) -> None:
        self.messages.append((channel, message))

    def on_edit(self, channel: Channel, id_: str, text: str) -> None:
        self.edits.append((channel, id_, text))

    def on_delete(self, channel: Channel, id_: str) -> None:
        raise AssertionError("Telegram does not tell bots of deletions")

    async def answer(self, mention: Mention) -> Reply | None:
        message = mention.message
        if message.author.is_bot or message.id in {before.message.id for before in self.mentions}:
            return None
        self.mentions.append(mention)
        if message.text.startswith("slow"):
            await self.release.wait()
        if message.text == "break":
            raise ValueError("something inside broke, with a secret of its own")
        return self.reply(message.text)

    def reply(self, text: str) -> Reply:
        return Reply(f"echo: {text}" if text else "just talking", self.footer)

    def refuse(self, channel: Channel, author: Author, line: str) -> Reply | None:
        told, self.told = author.id in self.told, self.told | {author.id}
        return None if author.is_bot or told else Reply(line, private=True, refused=True)

    async def remark(self, channel: Channel, message: ChatMessage, *, addressed: bool) -> Reply | None:
        self.remarks.append((message.text, addressed))
        return Reply(self.remark_with) if self.remark_with else None

    async def deliver(self, reply: Reply, send: Send) -> None:
        await send(reply)

    async def privacy(self, channel: Channel, author: Author, command: str) -> Reply:
        self.admin_calls.append((author.id, "privacy", command))
        return Reply(f"privacy: {command}", private=True)

    async def admin(self, channel: Channel, author: Author, command: str, argument: str) -> Reply:
        if author.id not in self.owners:
            return Reply("that is for owners", private=True, refused=True)
        self.admin_calls.append((author.id, command, argument))
        return Reply(f"done: {command}", private=True)


class TelegramHarness:
    """Everything a test acts with; `dann` has started when it is entered, unless `started` is False."""

    def __init__(
        self,
        *,
        privacy: bool = False,
        persona: str = "dann",
        started: bool = True,
        answers: type[RecordingReplier] = RecordingReplier,
        config: dict[str, Any] | None = None,
    ) -> None:
        self._started = started
        self._persona = persona
        self._config = config or {}
        self.server = TelegramServer()
        self.simulation = self.server.simulation
        self.bot = self.simulation.bot("Dann_Bot", privacy=privacy)
        self.alice = self.simulation.user("alice")
        self.bob = self.simulation.user("bob")
        self.tavern = self.simulation.group("tavern")
        self.private_chat = self.simulation.private(self.alice)
        self.answers = answers()
        self.line = ""

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        self.dann = self.another(self.bot.token)
        if self._started:
            self.line = await self.dann.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.release.set()
        await self.dann.stop()
        await self.server.__aexit__()

    def another(self, token: str, **config: Any) -> TelegramBot:
        """One more process, as it were, with this token."""
        table = {"base_url": self.server.base_url, **self._config, **config}
        bot = {"persona": {"name": self._persona}, "bot": {"telegram": table}}
        settings = settings_class().model_validate(bot)
        return TelegramBot(token, settings, self.answers, Collector(settings))

    async def sent(self, count: int) -> list[Message]:
        """What the bot sent, once there is so much of it."""
        await self.simulation.until(lambda: len(self.simulation.sent) >= count)
        return list(self.simulation.sent)

    async def own_texts(self, count: int) -> list[str]:
        """What dann has heard itself say, once that is so much: a moment after the server has it."""

        def words() -> list[str]:
            return [message.text for _, message in self.answers.messages if message.author.is_me]

        await self.simulation.until(lambda: len(words()) >= count)
        return words()

    async def replies(self) -> list[str]:
        """What the bot said to everything so far, in the order of what it answered.

        Updates are taken in order, so that an answer to a last one says that the others are taken too; one more gives
        what is still on its way the time of a whole round.
        """
        stranger, sent = self.simulation.user("stranger"), self.simulation.sent
        for _ in range(2):
            last = self.simulation.say(stranger, self.simulation.private(stranger), SENTINEL)
            await self.simulation.until(lambda last=last: any(one.reply_to is last for one in sent))  # type: ignore[misc]
        said = [message for message in self.simulation.sent if not message.text.startswith(f"echo: {SENTINEL}")]
        return [message.text for message in sorted(said, key=lambda message: (message.reply_to or message).number)]


def on_telegram(**options: Any) -> Callable[[Callable[..., Coroutine[Any, Any, None]]], Callable[..., None]]:
    """Run an async test in a TelegramHarness with these options; its other parameters are pytest's."""

    def decorate(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        async def run_scenario(given: dict[str, Any]) -> None:
            async with TelegramHarness(**options) as telegram:
                await test(telegram, **given)

        def run(**given: Any) -> None:
            asyncio.run(run_scenario(given))

        run.__dict__.update(test.__dict__)  # pytest's marks
        run.__name__, run.__module__, run.__doc__ = test.__name__, test.__module__, test.__doc__
        rest = list(inspect.signature(test).parameters.values())[1:]
        run.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
        return run

    return decorate
