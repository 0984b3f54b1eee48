"""A tavern on Telegram: the server on loopback, the real client, and an `Answers` that says everything back.

@on_telegram()
async def test_something(scene: Scene) -> None:
    scene.simulation.say(scene.alice, scene.tavern, "@dann_bot hi")
    assert await scene.replies() == ["echo: hi"]
"""

import asyncio
import inspect
from collections.abc import Callable, Coroutine
from typing import Any, Self

from bot.platforms import settings_class
from bot.replies.types import Author, Channel, ChatMessage, Mention, Reply
from bot.telegram_bot.client import TelegramBot
from tests.servers.telegram import Message, TelegramServer

SENTINEL = "and that is all"


class Echo:
    """Says everything back. Like the responder, it answers no bots, and nothing twice."""

    def __init__(self) -> None:
        self.messages: list[tuple[Channel, ChatMessage]] = []
        self.edits: list[tuple[Channel, str, str]] = []
        self.mentions: list[Mention] = []
        self.remarks: list[tuple[str, bool]] = []
        self.managed: list[tuple[str, str, str]] = []
        self.gate = asyncio.Event()
        """What begins with "slow" is answered once this is set."""
        self.footer = ""
        self.remark_with = ""
        self.owners: set[str] = set()

    def on_message(self, place: Channel, said: ChatMessage) -> None:
        self.messages.append((place, said))

    def on_edit(self, place: Channel, id_: str, text: str) -> None:
        self.edits.append((place, id_, text))

    def on_delete(self, place: Channel, id_: str) -> None:
        raise AssertionError("Telegram does not tell bots of deletions")

    async def answer(self, mention: Mention) -> Reply | None:
        said = mention.message
        if said.author.is_bot or said.id in {before.message.id for before in self.mentions}:
            return None
        self.mentions.append(mention)
        if said.text.startswith("slow"):
            await self.gate.wait()
        if said.text == "break":
            raise ValueError("something inside broke, with a secret of its own")
        return self.reply(said.text)

    def reply(self, text: str) -> Reply:
        return Reply(f"echo: {text}" if text else "just talking", self.footer)

    async def remark(self, place: Channel, said: ChatMessage, *, addressed: bool) -> Reply | None:
        self.remarks.append((said.text, addressed))
        return Reply(self.remark_with) if self.remark_with else None

    async def admin(self, place: Channel, author: Author, command: str, argument: str) -> Reply:
        if author.id not in self.owners:
            return Reply("that is for owners", private=True, refused=True)
        self.managed.append((author.id, command, argument))
        return Reply(f"done: {command}", private=True)


class Scene:
    """Everything a test acts with; `dann` has started when it is entered, unless `started` is False."""

    def __init__(
        self,
        *,
        privacy: bool = False,
        persona: str = "dann",
        started: bool = True,
        answers: type[Echo] = Echo,
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
        self.at_home = self.simulation.private(self.alice)
        self.answers = answers()
        self.line = ""

    async def __aenter__(self) -> Self:
        await self.server.__aenter__()
        self.dann = self.another(self.bot.token)
        if self._started:
            self.line = await self.dann.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.answers.gate.set()
        await self.dann.stop()
        await self.server.__aexit__()

    def another(self, token: str, **config: Any) -> TelegramBot:
        """One more process, as it were, with this token."""
        table = {"base_url": self.server.base_url, **self._config, **config}
        bot = {"persona": {"name": self._persona}, "bot": {"telegram": table}}
        return TelegramBot(token, settings_class().model_validate(bot), self.answers)

    async def sent(self, count: int) -> list[Message]:
        """What the bot sent, once there is so much of it."""
        await self.simulation.until(lambda: len(self.simulation.sent) >= count)
        return list(self.simulation.sent)

    async def own_words(self, count: int) -> list[str]:
        """What dann has heard itself say, once that is so much: a moment after the server has it."""

        def words() -> list[str]:
            return [said.text for _, said in self.answers.messages if said.author.is_me]

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
    """Run an async test in a Scene of these options; its other parameters are pytest's."""

    def decorate(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
        async def played(given: dict[str, Any]) -> None:
            async with Scene(**options) as scene:
                await test(scene, **given)

        def run(**given: Any) -> None:
            asyncio.run(played(given))

        run.__dict__.update(test.__dict__)  # pytest's marks
        run.__name__, run.__module__, run.__doc__ = test.__name__, test.__module__, test.__doc__
        rest = list(inspect.signature(test).parameters.values())[1:]
        run.__signature__ = inspect.Signature(rest)  # type: ignore[attr-defined]
        return run

    return decorate
