"""People who left, and checkpoints that were withdrawn: what the responder still sends, remembers and answers."""

import asyncio

from bot.replies import phrases
from bot.replies.types import Author, Channel, Reply
from model.engine.engine import CheckpointWithdrawn
from model.errors import DannError
from tests.bot.replies.responder_harness import ResponderHarness, run_scenario
from tests.bot.scripted_engine import ANN, BOT, GROUP, SAM, said

NEUTRAL = Reply(phrases.NEUTRAL, private=True, refused=True)


class Ignoring:
    """PrivacyOrders that ignore these people."""

    def __init__(self, *ids: str) -> None:
        self.ids = set(ids)
        self.commands: list[str] = []

    def ignores(self, _channel: Channel, author: Author) -> bool:
        return author.id in self.ids

    async def run(self, _channel: Channel, author: Author, command: str) -> str:
        self.commands.append(command)
        if command == "nonsense":
            raise DannError("there are show and others")
        (self.ids.add if command == "ignore-me" else self.ids.discard)(author.id)
        return f"did {command}"


def test_who_is_ignored_is_neither_answered_nor_remembered() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder._privacy = Ignoring(SAM.id)
        assert await s.ask("a", "do you hear me?") is None
        chain = (said("y", "i said", ANN), said("z", "secretly", SAM))
        assert await s.ask("b", "and me?", author=ANN, chain=chain) == Reply("sure")
        assert s.engine.texts == [["i said", "and me?"]]
        assert await s.responder.remark(GROUP, said("c"), addressed=False) is None

    run_scenario(scene)


def test_ignore_me_forgets_what_was_said_and_answer_me_takes_it_back() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder._privacy = privacy = Ignoring()
        s.responder.on_message(GROUP, said("a", "remember this", SAM))
        s.responder.on_message(GROUP, said("b", "and that", ANN))
        assert await s.responder.privacy(GROUP, SAM, "ignore-me") == Reply("did ignore-me", private=True)
        assert await s.ask("c", "what was it?", author=ANN) == Reply("sure")
        assert s.engine.texts == [["and that", "what was it?"]]
        wait = Reply("give me 3 seconds, then ask again", private=True, refused=True)
        assert await s.responder.privacy(GROUP, SAM, "answer-me") == wait
        s.clock.now += 4
        assert await s.responder.privacy(GROUP, SAM, "answer-me") == Reply("did answer-me", private=True)
        assert await s.ask("d") == Reply("sure")
        s.clock.now += 4
        refused = await s.responder.privacy(GROUP, SAM, "nonsense")
        assert refused == Reply("there are show and others", private=True, refused=True)
        assert (await s.responder.privacy(GROUP, BOT, "show")).text == phrases.PEOPLE_ONLY
        assert privacy.commands == ["ignore-me", "answer-me", "nonsense"]

    run_scenario(scene)


def test_a_reply_whose_checkpoint_is_withdrawn_ends_with_a_neutral_line() -> None:
    async def scene(s: ResponderHarness) -> None:
        def gone(*_: object) -> str:
            raise CheckpointWithdrawn("gone")

        answer = await s.begun("a")
        s.engine.says = gone
        s.engine.go.set()
        assert await answer == NEUTRAL
        assert await s.responder.remark(GROUP, said("b"), addressed=False) is None, "unasked it says nothing"

    run_scenario(scene)


def test_what_was_drawn_and_not_sent_yet_is_not_sent() -> None:
    async def scene(s: ResponderHarness) -> None:
        sent: list[str] = []
        begun, never = asyncio.Event(), asyncio.Event()

        async def send(reply: Reply) -> None:
            sent.append(reply.text)
            if reply.checkpoint == "one":
                begun.set()
                await never.wait()  # as where the platform asks to wait
                sent.append("the rest of it")

        drawn = await s.ask("a")
        assert drawn is not None
        assert drawn.checkpoint == "one"
        delivering = asyncio.create_task(s.responder.deliver(drawn, send))
        await begun.wait()
        await s.responder.withdraw({"one"})
        assert "the rest of it" not in sent, "nothing of it is on its way any more"
        await delivering
        await s.responder.deliver(drawn, send)
        assert sent == ["sure", phrases.NEUTRAL, phrases.NEUTRAL]
        await s.responder.deliver(Reply("another", checkpoint="two"), send)
        assert sent[-1] == "another"

    run_scenario(scene)


def test_what_was_said_is_forgotten_with_it() -> None:
    async def scene(s: ResponderHarness) -> None:
        s.responder.on_message(GROUP, said("a", "before", ANN))
        await s.responder.withdraw(set())
        await s.ask("b", "now")
        assert s.engine.texts == [["now"]]

    run_scenario(scene)
