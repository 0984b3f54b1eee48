"""dann coming to Discord and leaving it: what it says, asks for, refuses to start without, and finishes first."""

import asyncio
import logging

import pytest

from bot.discord_bot.run import run
from bot.replies.types import Mention, Reply
from model.errors import DannError
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.servers.discord.faults import Fault
from tests.servers.discord.gateway.intents import AppFlag


@on_stage()
async def test_it_says_in_one_line_that_it_is_there(it: Stage) -> None:
    await it.simulation.until(lambda: bool(it.ready))
    assert it.ready == ["Discord: dann in 1 server"]


@on_stage()
async def test_it_asks_for_no_more_than_it_needs(it: Stage) -> None:
    (session,) = it.server.gateway.sessions.values()
    assert session.intents == 1 << 0 | 1 << 9 | 1 << 12 | 1 << 15  # guilds, their messages, private ones, their content


@on_stage(connected=False)
async def test_a_refused_token_is_one_line_that_says_what_to_do(it: Stage) -> None:
    for token in ("not.the-token", "", "two words", "gönn"):
        with pytest.raises(DannError, match=r"refuses DISCORD_TOKEN; .*developers/applications") as told:
            await run(token, it.settings(), it.echo, it.ready.append)
        assert "\n" not in str(told.value)
        assert not token or token not in str(told.value)
    assert it.server.gateway.log == []


@on_stage(connected=False)
async def test_a_token_that_the_gateway_refuses_is_told_too(it: Stage) -> None:
    it.server.gateway.close_with = 4004
    with pytest.raises(DannError, match="refuses DISCORD_TOKEN"):
        await run(it.simulation.token, it.settings(), it.echo, it.ready.append)


@on_stage(connected=False)
async def test_a_missing_intent_is_one_line_that_says_what_to_do(it: Stage) -> None:
    it.simulation.application_flags = AppFlag(0)
    page = rf"{it.simulation.application_id}/bot .Privileged Gateway Intents"
    with pytest.raises(DannError, match=rf"Message Content intent is off.*{page}"):
        await run(it.simulation.token, it.settings(), it.echo, it.ready.append)
    assert it.server.gateway.log == []


@on_stage(connected=False)
async def test_an_intent_that_the_gateway_refuses_is_told_too(it: Stage) -> None:
    it.server.gateway.close_with = 4014
    with pytest.raises(DannError, match="Message Content intent is off"):
        await run(it.simulation.token, it.settings(), it.echo, it.ready.append)


@on_stage(connected=False)
async def test_neither_the_token_nor_what_people_say_is_logged(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Discord.py's own log of raw events, which holds everything, is asked for by nobody: it is left at its level."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, "discord"):
        it.server.faults.order(Fault("POST", "/messages", status=429))
        it.start()
        await it.connected()
        await it.ask("a secret wish")
        it.echo.voice = broken
        it.simulation.say(it.ann, it.room, f"{it.at} another secret")
        await it.simulation.until(lambda: bool(it.errors))
        await it.stop()
    assert "on_message failed" in caplog.text
    assert it.simulation.token not in caplog.text
    assert "secret" not in caplog.text
    it.errors.clear()


async def broken(_: Mention) -> Reply:
    raise RuntimeError("a bug")


@on_stage(connected=False)
async def test_the_token_is_not_even_in_the_log_of_raw_events(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG):
        it.start()
        await it.connected()
        await it.ask()
        it.server.gateway.cut()
        await it.simulation.until(lambda: "resume" in it.server.gateway.log)
        await it.stop()
    assert "WebSocket Event" in caplog.text
    assert it.simulation.token not in caplog.text


@on_stage()
async def test_stopping_finishes_what_is_under_way_and_takes_nothing_new(it: Stage) -> None:
    go_on = it.slowly()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} quick, before you go")
    await it.simulation.until(lambda: bool(it.echo.mentions))
    stopping = asyncio.create_task(it.stop())
    await asyncio.sleep(0)
    late = it.simulation.say(it.ann, it.room, f"{it.at} one more thing")
    await it.simulation.until(lambda: len(it.echo.told) == 2)
    go_on.set()
    await stopping
    assert len(it.simulation.replies_to(asked)) == 1
    assert it.simulation.replies_to(late) == []
    assert it.server.gateway.connected == 0
    assert it.server.gateway.sessions == {}  # it said goodbye


@on_stage(drain_seconds=0.05)
async def test_stopping_does_not_wait_for_ever(it: Stage) -> None:
    hanging = it.server.faults.order(Fault("POST", "/messages", hangs=True))
    it.simulation.say(it.bob, it.simulation.dm(it.bob), "hello")
    await it.simulation.until(lambda: hanging.seen == 1)
    it.slowly()
    it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: len(it.echo.mentions) == 2)
    await asyncio.wait_for(it.stop(), 5)
    hanging.released.set()


@on_stage()
async def test_a_goodbye_that_nobody_answers_is_not_waited_for(it: Stage) -> None:
    it.server.gateway.goodbyes = False
    await asyncio.wait_for(it.stop(), 5)


@on_stage()
async def test_it_can_be_stopped_while_the_line_is_down(it: Stage) -> None:
    """Where discord.py is connecting anew, it takes a cancellation for a failed attempt."""
    assert it.running
    await it.server.stop()
    await asyncio.sleep(0.05)
    await asyncio.wait_for(it.stop(), 5)
    assert it.running.cancelled()
    it.errors.clear()  # discord.py's, of the line that is down
