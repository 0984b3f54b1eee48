"""dann coming to Discord and leaving it: what it says, asks for, refuses to start without, and finishes first."""

import asyncio
import logging

import pytest

from bot.replies.types import Mention, Reply
from model.errors import DannError
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.servers.discord.faults import Fault
from tests.servers.discord.gateway.intents import AppFlag


@with_discord()
async def test_it_says_in_one_line_that_it_is_there(discord: DiscordHarness) -> None:
    await discord.simulation.until(lambda: bool(discord.ready))
    assert discord.ready == ["Discord: dann in 1 server"]


@with_discord()
async def test_it_asks_for_no_more_than_it_needs(discord: DiscordHarness) -> None:
    (session,) = discord.server.gateway.sessions.values()
    assert session.intents == 1 << 0 | 1 << 9 | 1 << 12 | 1 << 15  # guilds, their messages, private ones, their content


@with_discord(connected=False)
async def test_a_refused_token_is_one_line_that_says_what_to_do(discord: DiscordHarness) -> None:
    for token in ("not.the-token", "", "two words", "gönn"):
        with pytest.raises(DannError, match=r"refuses DISCORD_TOKEN; .*developers/applications") as lines:
            await discord.run(token)
        assert "\n" not in str(lines.value)
        assert not token or token not in str(lines.value)
    assert discord.server.gateway.log == []


@with_discord(connected=False)
async def test_a_token_that_the_gateway_refuses_is_told_too(discord: DiscordHarness) -> None:
    discord.server.gateway.close_with = 4004
    with pytest.raises(DannError, match="refuses DISCORD_TOKEN"):
        await discord.run(discord.simulation.token)


@with_discord(connected=False)
async def test_a_missing_intent_is_one_line_that_says_what_to_do(discord: DiscordHarness) -> None:
    discord.simulation.application_flags = AppFlag(0)
    page = rf"{discord.simulation.application_id}/bot .Privileged Gateway Intents"
    with pytest.raises(DannError, match=rf"Message Content intent is off.*{page}"):
        await discord.run(discord.simulation.token)
    assert discord.server.gateway.log == []


@with_discord(connected=False)
async def test_an_intent_that_the_gateway_refuses_is_told_too(discord: DiscordHarness) -> None:
    discord.server.gateway.close_with = 4014
    with pytest.raises(DannError, match="Message Content intent is off"):
        await discord.run(discord.simulation.token)


@with_discord(connected=False)
async def test_neither_the_token_nor_what_people_say_is_logged(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    """Discord.py's own log of raw events, which holds everything, is asked for by nobody: it is left at its level."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, "discord"):
        discord.server.faults.order(Fault("POST", "/messages", status=429))
        discord.start()
        await discord.connected()
        await discord.ask("a secret wish")
        discord.replier.make_reply = broken
        discord.simulation.say(discord.ann, discord.room, f"{discord.at} another secret")
        await discord.simulation.until(lambda: bool(discord.errors))
        await discord.stop()
    assert "on_message failed" in caplog.text
    assert discord.simulation.token not in caplog.text
    assert "secret" not in caplog.text
    discord.errors.clear()


async def broken(_: Mention) -> Reply:
    raise RuntimeError("a bug")


@with_discord(connected=False)
async def test_the_token_is_not_even_in_the_log_of_raw_events(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG):
        discord.start()
        await discord.connected()
        await discord.ask()
        discord.server.gateway.cut()
        await discord.simulation.until(lambda: "resume" in discord.server.gateway.log)
        await discord.stop()
    assert "WebSocket Event" in caplog.text
    assert discord.simulation.token not in caplog.text


@with_discord()
async def test_stopping_finishes_what_is_under_way_and_takes_nothing_new(discord: DiscordHarness) -> None:
    go_on = discord.delay_replies()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} quick, before you go")
    await discord.simulation.until(lambda: bool(discord.replier.mentions))
    stopping = asyncio.create_task(discord.stop())
    await asyncio.sleep(0)
    late = discord.simulation.say(discord.ann, discord.room, f"{discord.at} one more thing")
    await discord.simulation.until(lambda: len(discord.replier.messages) == 2)
    go_on.set()
    await stopping
    assert len(discord.simulation.replies_to(question)) == 1
    assert discord.simulation.replies_to(late) == []
    assert discord.server.gateway.connected == 0
    assert discord.server.gateway.sessions == {}  # it said goodbye


@with_discord(drain_seconds=0.05)
async def test_stopping_does_not_wait_for_ever(discord: DiscordHarness) -> None:
    hanging = discord.server.faults.order(Fault("POST", "/messages", hangs=True))
    discord.simulation.say(discord.bob, discord.simulation.dm(discord.bob), "hello")
    await discord.simulation.until(lambda: hanging.seen == 1)
    discord.delay_replies()
    discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: len(discord.replier.mentions) == 2)
    await asyncio.wait_for(discord.stop(), 5)
    hanging.released.set()


@with_discord()
async def test_a_goodbye_that_nobody_answers_is_not_waited_for(discord: DiscordHarness) -> None:
    discord.server.gateway.goodbyes = False
    await asyncio.wait_for(discord.stop(), 5)


@with_discord()
async def test_it_can_be_stopped_while_the_line_is_down(discord: DiscordHarness) -> None:
    """Where discord.py is connecting anew, it takes a cancellation for a failed attempt."""
    assert discord.running
    await discord.server.stop()
    await asyncio.sleep(0.05)
    await asyncio.wait_for(discord.stop(), 5)
    assert discord.running.cancelled()
    discord.errors.clear()  # discord.py's, of the line that is down
