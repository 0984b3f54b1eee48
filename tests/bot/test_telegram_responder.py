"""Telegram with the real responder behind it: a conversation reads to the network as it went, and what it says goes out."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Self

from bot import lines
from bot.config import BotSettings
from bot.mention import Place, Said
from bot.responder import Responder
from bot.telegram_bot import TelegramBot
from tests.bot.made import ScriptedEngine, settings
from tests.bot.telegram_scene import Scene
from tests.servers.telegram import Message


class Listening(Responder):
    """A responder that knows what it was told that dann said."""

    def __init__(self, engine: ScriptedEngine, made: BotSettings) -> None:
        super().__init__(engine, made)
        self.own: set[str] = set()

    def heard(self, place: Place, said: Said) -> None:
        super().heard(place, said)
        if said.author.is_me:
            self.own.add(said.id)


class Talk(Scene):
    """The tavern, with a responder whose engine says what it read last."""

    def __init__(self, **bot: Any) -> None:
        super().__init__(started=False)
        self.engine = ScriptedEngine(lambda read, *_: f"you said {read[-1].text}" if read else "nobody spoke")
        self._bot_table = bot

    async def __aenter__(self) -> Self:
        await super().__aenter__()
        telegram = {"base_url": self.server.base_url} | self._bot_table.pop("telegram", {})
        made = settings(**self._bot_table, telegram=telegram)
        self.responder = Listening(self.engine, made)
        self.dann = TelegramBot(self.bot.token, made, self.responder)
        await self.dann.start()
        return self

    async def answered(self, text: str, reply_to: Message | None = None) -> Message:
        """Say it in the tavern, and wait until it is answered and dann has heard itself; refusals it does not hear."""
        asked = self.world.say(self.alice, self.tavern, text, reply_to=reply_to)
        (answer,) = await self.world.until(lambda: [one for one in self.world.sent if one.reply_to is asked])
        aside = [entity for entity in answer.entities if entity["type"] == "italic" and entity["offset"] == 0]
        await self.world.until(lambda: aside or f"{answer.chat.id}/{answer.id}" in self.responder.own)
        return answer


def played(scene: Callable[[Talk], Coroutine[Any, Any, None]], **bot: Any) -> None:
    async def play() -> None:
        async with Talk(**bot) as talk:
            await scene(talk)

    asyncio.run(play())


def test_a_conversation_is_read_as_it_went() -> None:
    async def scene(talk: Talk) -> None:
        talk.world.say(talk.bob, talk.tavern, "what a day")
        first = await talk.answered("@dann_bot isn't it")
        await talk.answered("really, @bob?", reply_to=first)
        assert talk.engine.texts == [
            ["what a day", "isn't it"],
            ["what a day", "isn't it", "you said isn't it", "really, @someone?"],
        ]
        assert [turn.mine for turn in talk.engine.requests[1].conversation] == [False, False, True, False]

    played(scene)


def test_a_command_can_be_repeated_from_its_footer_and_the_footer_is_never_read() -> None:
    async def scene(talk: Talk) -> None:
        first = await talk.answered("/dann temp=0.8 seed=7 hello")
        again = await talk.answered("/dann seed=7 temp=0,8 hello")
        assert first.text == again.text
        assert "seed=7 · checkpoint one" in first.text
        await talk.answered("and then?", reply_to=again)
        assert not any("checkpoint" in text for texts in talk.engine.texts for text in texts)
        assert talk.engine.texts[0] == talk.engine.texts[1] == ["hello"]

    played(scene)


def test_cooldowns_and_refusals_are_told_and_never_read() -> None:
    async def scene(talk: Talk) -> None:
        await talk.answered("@dann_bot one")
        refused = await talk.answered("@dann_bot two")
        assert refused.text == lines.wait(60)
        talk.world.say(talk.bob, talk.tavern, "why not", reply_to=refused)
        await talk.world.until(lambda: len(talk.engine.requests) == 2)
        assert talk.engine.texts[1] == ["one", "you said one", "two", "why not"]

    played(scene, cooldown_seconds=60)


def test_what_was_said_in_private_stays_there() -> None:
    async def scene(talk: Talk) -> None:
        talk.world.say(talk.alice, talk.at_home, "a secret")
        await talk.sent(1)
        await talk.answered("@dann_bot hi")
        assert talk.engine.texts == [["a secret"], ["hi"]]

    played(scene)


def test_words_that_would_call_somebody_reach_nobody() -> None:
    async def scene(talk: Talk) -> None:
        talk.engine.says = lambda *_: "ask @bob and @everyone, or tg://user?id=5 at https://example.org"
        reply = await talk.answered("@dann_bot who knows")
        assert [entity["type"] for entity in reply.entities] == []

    played(scene)


def test_private_chats_can_be_closed() -> None:
    async def scene(talk: Talk) -> None:
        talk.world.say(talk.alice, talk.at_home, "hello?")
        talk.world.say(talk.alice, talk.at_home, "/dann temp=9")
        await talk.answered("@dann_bot hi")
        assert [message.chat for message in talk.world.sent] == [talk.tavern]

    played(scene, telegram={"private_chats": False})
