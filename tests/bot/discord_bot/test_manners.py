"""Discord under load and in trouble: docs/behaviour.md, "Under load", against the wire, and requests that fail."""

import logging

import pytest

from bot.discord_bot import send
from bot.replies.types import Mention, Reply
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.rest.rate_limits import Limit


@pytest.fixture
def prompt(monkeypatch: pytest.MonkeyPatch) -> None:
    """Show "typing" at once, so that a test need not wait."""
    monkeypatch.setattr(send, "FIRST_TYPING_SECONDS", 0.0)


@pytest.mark.usefixtures("prompt")
@with_discord()
async def test_typing_is_shown_while_a_reply_is_under_way(
    discord: DiscordHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(send, "TYPING_SECONDS", 0.05)
    go_on = discord.delay_replies()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: len(discord.simulation.typing) == 3)
    assert set(discord.simulation.typing) == {discord.room}
    go_on.set()
    await discord.simulation.first_reply(question)
    shown = len(discord.simulation.typing)
    await discord.ask()  # while which nothing is shown for the first
    assert len(discord.simulation.typing) <= shown + 1


@with_discord()
async def test_an_answer_that_is_there_at_once_needs_no_sign_of_it(discord: DiscordHarness) -> None:
    await discord.ask()
    assert discord.server.count("POST /channels") == 1


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
@with_discord()
async def test_typing_that_fails_holds_up_no_answer(discord: DiscordHarness, fault: Fault) -> None:
    discord.server.faults.order(fault)
    go_on = discord.delay_replies()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: fault.seen == 1)
    go_on.set()
    await discord.simulation.first_reply(question)
    fault.released.set()


@pytest.mark.parametrize(
    "fault",
    [Fault("POST", "/typing", status=403), Fault("POST", "/typing", garbage=True)],
    ids=["403", "garbage"],
)
@pytest.mark.usefixtures("prompt")
@with_discord()
async def test_typing_that_is_refused_is_let_go(
    discord: DiscordHarness, fault: Fault, caplog: pytest.LogCaptureFixture
) -> None:
    discord.server.faults.order(fault)
    go_on = discord.delay_replies()
    with caplog.at_level(logging.DEBUG, "dann"):
        question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
        await discord.simulation.until(lambda: "typing is not shown" in caplog.text)
    go_on.set()
    await discord.simulation.first_reply(question)


@pytest.mark.parametrize("everywhere", [False, True])
@with_discord()
async def test_a_429_is_honoured(discord: DiscordHarness, everywhere: bool) -> None:
    fault = discord.server.faults.order(Fault("POST", "/messages", status=429, everywhere=everywhere, times=2))
    assert (await discord.ask("hello")).content == "echo: hello"
    assert (fault.seen, discord.server.count("POST /channels")) == (2, 3)


@with_discord()
async def test_a_429_for_one_channel_holds_up_no_other(discord: DiscordHarness) -> None:
    other = discord.simulation.channel(discord.guild, "other")
    fault = discord.server.faults.order(Fault("POST", f"/channels/{discord.room.id}/messages", status=429, seconds=0.5))
    limited = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: fault.seen == 1)
    await discord.ask("quick", other)
    assert discord.simulation.replies_to(limited) == []
    await discord.simulation.first_reply(limited)


@with_discord(connected=False)
async def test_limits_that_are_announced_are_kept(discord: DiscordHarness) -> None:
    discord.server.limits.of_route["POST /channels/{channel}/messages"] = Limit(2, 0.2)
    discord.start()
    await discord.connected()
    await discord.ask("one")  # from here on the limit is known
    question = [discord.simulation.say(discord.ann, discord.room, f"{discord.at} {number}") for number in range(5)]
    await discord.simulation.until(lambda: all(discord.simulation.replies_to(message) for message in question))
    assert discord.server.limits.broken <= 1  # discord.py can send one too many just where a window ends
    discord.server.limits.broken = 0


@with_discord()
async def test_a_ban_ends_one_answer_and_nothing_else(discord: DiscordHarness) -> None:
    """A 429 that is not from Discord itself comes from the network in front of it; trying again makes it worse."""
    discord.server.faults.order(Fault("POST", "/messages", status=429, banned=True))
    lost = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.errors))
    await discord.ask()
    assert discord.simulation.replies_to(lost) == []
    assert "on_message failed" in discord.errors.pop()


@pytest.mark.parametrize("done", [False, True], ids=["before", "after"])
@with_discord()
async def test_a_500_is_tried_again_and_answered_once(discord: DiscordHarness, done: bool) -> None:
    """Also where the message was posted and only word of it was lost."""
    fault = discord.server.faults.order(Fault("POST", "/messages", status=500, done=done))
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: discord.server.count("POST /channels") == 2)
    await discord.ask()
    assert fault.seen == 1
    assert len(discord.simulation.replies_to(question)) == 1


@with_discord()
async def test_garbage_for_an_answer_harms_one_message_alone(discord: DiscordHarness) -> None:
    discord.server.faults.order(Fault("POST", "/messages", garbage=True, done=True))
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.errors))
    await discord.ask()
    assert len(discord.simulation.replies_to(question)) == 1
    assert "on_message failed" in discord.errors.pop()


@with_discord()
async def test_a_hanging_request_holds_up_no_other_channel(discord: DiscordHarness) -> None:
    other = discord.simulation.channel(discord.guild, "other")
    fault = discord.server.faults.order(Fault("POST", f"/channels/{discord.room.id}/messages", hangs=True))
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: fault.seen == 1)
    await discord.ask("quick", other)
    fault.released.set()
    await discord.simulation.first_reply(question)


@pytest.mark.parametrize("missing", [Permission.SEND, Permission.VIEW])
@with_discord()
async def test_where_it_may_not_speak_it_keeps_quiet(
    discord: DiscordHarness, missing: Permission, caplog: pytest.LogCaptureFixture
) -> None:
    go_on = discord.delay_replies()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.replier.mentions))
    discord.room.bot_may = EVERYTHING & ~missing
    go_on.set()
    with caplog.at_level(logging.WARNING):
        await discord.simulation.until(lambda: "cannot answer in channel" in caplog.text)
    assert {Permission.SEND: "50013", Permission.VIEW: "50001"}[missing] in caplog.text
    await discord.ask("elsewhere", discord.simulation.channel(discord.guild, "other"))
    assert discord.simulation.replies_to(question) == []


@with_discord()
async def test_where_it_may_not_read_what_was_said_it_answers_without_hanging_on_it(discord: DiscordHarness) -> None:
    discord.room.bot_may = EVERYTHING & ~Permission.READ_HISTORY
    discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.simulation.bot_messages(discord.room)))
    (answer,) = discord.simulation.bot_messages(discord.room)
    assert (answer.content, answer.reference) == ("echo: hello", None)


@with_discord()
async def test_someone_who_takes_no_messages_gets_none(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    discord.ann.refuses_messages = True
    discord.simulation.say(discord.ann, discord.simulation.dm(discord.ann), "hello")
    await discord.simulation.until(lambda: "50007" in caplog.text)
    await discord.ask()


@with_discord()
async def test_an_error_in_one_answer_harms_no_other(discord: DiscordHarness, caplog: pytest.LogCaptureFixture) -> None:
    async def broken(mention: Mention) -> Reply:
        if "break" in mention.message.text:
            raise RuntimeError("a bug")
        return Reply("fine")

    discord.replier.make_reply = broken
    discord.simulation.say(discord.ann, discord.room, f"{discord.at} break please")
    await discord.ask("hello")
    await discord.simulation.until(lambda: bool(discord.errors))
    assert "a bug" in discord.errors.pop()
    assert "Traceback" in caplog.text
    assert "break please" not in caplog.text


@with_discord(connected=False)
async def test_two_hundred_mentions_in_a_second_are_each_answered_once(discord: DiscordHarness) -> None:
    discord.server.limits.of_route.clear()
    discord.server.limits.of_other_routes = discord.server.limits.in_all = Limit(10_000, 1.0)
    discord.start()
    await discord.connected()
    rooms = [discord.simulation.channel(discord.guild, f"room {number}") for number in range(10)]
    question = [
        discord.simulation.say(discord.ann, rooms[number % 10], f"{discord.at} {number}") for number in range(200)
    ]
    await discord.simulation.until(lambda: all(discord.simulation.replies_to(message) for message in question), 30)
    for number, message in enumerate(question):
        assert [answer.content for answer in discord.simulation.replies_to(message)] == [f"echo: {number}"]
    assert sum(len(discord.simulation.bot_messages(room)) for room in rooms) == 200
