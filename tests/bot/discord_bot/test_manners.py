"""Discord under load and in trouble: docs/behaviour.md, "Under load", against the wire, and requests that fail."""

import logging

import pytest

from bot.discord_bot import send
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.rest.rate_limits import Limit


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show "typing" at once, so that a test need not wait."""
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)


@pytest.mark.usefixtures("prompt")
@on_stage()
async def test_typing_is_shown_while_a_reply_is_under_way(it: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.05)
    go_on = it.slowly()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: len(it.simulation.typing) == 3)
    assert set(it.simulation.typing) == {it.room}
    go_on.set()
    await it.simulation.first_reply(asked)
    shown = len(it.simulation.typing)
    await it.ask()  # while which nothing is shown for the first
    assert len(it.simulation.typing) <= shown + 1


@on_stage()
async def test_an_answer_that_is_there_at_once_needs_no_sign_of_it(it: Stage) -> None:
    await it.ask()
    assert it.server.count("POST /channels") == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault("POST", "/typing", status=500),
        Fault("POST", "/typing", status=429, seconds=60),
        Fault("POST", "/typing", hangs=True),
    ],
    ids=["500", "429", "hanging"],
)
@pytest.mark.usefixtures("prompt")
@on_stage()
async def test_typing_that_fails_holds_up_no_answer(it: Stage, fault: Fault) -> None:
    it.server.faults.order(fault)
    go_on = it.slowly()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: fault.seen == 1)
    go_on.set()
    await it.simulation.first_reply(asked)
    fault.released.set()


@pytest.mark.parametrize(
    "fault",
    [Fault("POST", "/typing", status=403), Fault("POST", "/typing", garbage=True)],
    ids=["403", "garbage"],
)
@pytest.mark.usefixtures("prompt")
@on_stage()
async def test_typing_that_is_refused_is_let_go(it: Stage, fault: Fault, caplog: pytest.LogCaptureFixture) -> None:
    it.server.faults.order(fault)
    go_on = it.slowly()
    with caplog.at_level(logging.DEBUG, "dann"):
        asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
        await it.simulation.until(lambda: "typing is not shown" in caplog.text)
    go_on.set()
    await it.simulation.first_reply(asked)


@pytest.mark.parametrize("everywhere", [False, True])
@on_stage()
async def test_a_429_is_honoured(it: Stage, everywhere: bool) -> None:
    fault = it.server.faults.order(Fault("POST", "/messages", status=429, everywhere=everywhere, times=2))
    assert (await it.ask("hello")).content == "echo: hello"
    assert (fault.seen, it.server.count("POST /channels")) == (2, 3)


@on_stage()
async def test_a_429_for_one_channel_holds_up_no_other(it: Stage) -> None:
    other = it.simulation.channel(it.guild, "other")
    fault = it.server.faults.order(Fault("POST", f"/channels/{it.room.id}/messages", status=429, seconds=0.5))
    limited = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: fault.seen == 1)
    await it.ask("quick", other)
    assert it.simulation.replies_to(limited) == []
    await it.simulation.first_reply(limited)


@on_stage(connected=False)
async def test_limits_that_are_announced_are_kept(it: Stage) -> None:
    it.server.limits.of_route["POST /channels/{channel}/messages"] = Limit(2, 0.2)
    it.start()
    await it.connected()
    await it.ask("one")  # from here on the limit is known
    asked = [it.simulation.say(it.ann, it.room, f"{it.at} {number}") for number in range(5)]
    await it.simulation.until(lambda: all(it.simulation.replies_to(one) for one in asked))
    assert it.server.limits.broken <= 1  # discord.py can send one too many just where a window ends
    it.server.limits.broken = 0


@on_stage()
async def test_a_ban_ends_one_answer_and_nothing_else(it: Stage) -> None:
    """A 429 that is not from Discord itself comes from the network in front of it; trying again makes it worse."""
    it.server.faults.order(Fault("POST", "/messages", status=429, banned=True))
    lost = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.errors))
    await it.ask()
    assert it.simulation.replies_to(lost) == []
    assert "on_message failed" in it.errors.pop()


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@on_stage()
async def test_a_500_is_tried_again_and_answered_once(it: Stage, done: bool) -> None:
    """Also where the message was posted and only word of it was lost."""
    fault = it.server.faults.order(Fault("POST", "/messages", status=500, done=done))
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: it.server.count("POST /channels") == 2)
    await it.ask()
    assert fault.seen == 1
    assert len(it.simulation.replies_to(asked)) == 1


@on_stage()
async def test_garbage_for_an_answer_harms_one_message_alone(it: Stage) -> None:
    it.server.faults.order(Fault("POST", "/messages", garbage=True, done=True))
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.errors))
    await it.ask()
    assert len(it.simulation.replies_to(asked)) == 1
    assert "on_message failed" in it.errors.pop()


@on_stage()
async def test_a_hanging_request_holds_up_no_other_channel(it: Stage) -> None:
    other = it.simulation.channel(it.guild, "other")
    fault = it.server.faults.order(Fault("POST", f"/channels/{it.room.id}/messages", hangs=True))
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: fault.seen == 1)
    await it.ask("quick", other)
    fault.released.set()
    await it.simulation.first_reply(asked)


@pytest.mark.parametrize("missing", [Permission.SEND, Permission.VIEW])
@on_stage()
async def test_where_it_may_not_speak_it_keeps_quiet(
    it: Stage, missing: Permission, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = it.slowly()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.echo.mentions))
    it.room.bot_may = EVERYTHING & ~missing
    go_on.set()
    with caplog.at_level(logging.WARNING):
        await it.simulation.until(lambda: "cannot answer in channel" in caplog.text)
    assert {Permission.SEND: "50013", Permission.VIEW: "50001"}[missing] in caplog.text
    await it.ask("elsewhere", it.simulation.channel(it.guild, "other"))
    assert it.simulation.replies_to(asked) == []


@on_stage()
async def test_where_it_may_not_read_what_was_said_it_answers_without_hanging_on_it(it: Stage) -> None:
    it.room.bot_may = EVERYTHING & ~Permission.READ_HISTORY
    it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.simulation.bot_messages(it.room)))
    (answer,) = it.simulation.bot_messages(it.room)
    assert (answer.content, answer.reference) == ("echo: hello", None)


@on_stage()
async def test_someone_who_takes_no_messages_gets_none(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    it.ann.refuses_messages = True
    it.simulation.say(it.ann, it.simulation.dm(it.ann), "hello")
    await it.simulation.until(lambda: "50007" in caplog.text)
    await it.ask()


@on_stage()
async def test_an_error_in_one_answer_harms_no_other(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(mention: Mention) -> Reply:
        if "break" in mention.message.text:
            raise RuntimeError("a bug")
        return Reply("fine")

    it.echo.voice = broken
    it.simulation.say(it.ann, it.room, f"{it.at} break please")
    await it.ask("hello")
    await it.simulation.until(lambda: bool(it.errors))
    assert "a bug" in it.errors.pop()
    assert "Traceback" in caplog.text
    assert "break please" not in caplog.text


@on_stage(connected=False)
async def test_two_hundred_mentions_in_a_second_are_each_answered_once(it: Stage) -> None:
    it.server.limits.of_route.clear()
    it.server.limits.of_other_routes = it.server.limits.in_all = Limit(10_000, 1.0)
    it.start()
    await it.connected()
    rooms = [it.simulation.channel(it.guild, f"room {number}") for number in range(10)]
    asked = [it.simulation.say(it.ann, rooms[number % 10], f"{it.at} {number}") for number in range(200)]
    await it.simulation.until(lambda: all(it.simulation.replies_to(one) for one in asked), 30)
    for number, one in enumerate(asked):
        assert [answer.content for answer in it.simulation.replies_to(one)] == [f"echo: {number}"]
    assert sum(len(it.simulation.bot_messages(room)) for room in rooms) == 200
