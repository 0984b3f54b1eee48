"""dann's line to Discord: coming, going, and everything that can happen to a connection in between."""

import asyncio
import logging

import pytest

from bot.discord_bot import client as client_module
from bot.discord_bot import run as run_module
from bot.discord_bot.client import Client
from bot.discord_bot.run import run
from bot.mention import Mention, Reply
from model.errors import DannError
from tests.bot.discord_stage import Stage, on_stage
from tests.servers.discord.faults import Fault
from tests.servers.discord.intents import AppFlag


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pauses that are good manners towards the real Discord."""

    async def at_once(_self: Client, _shard: int | None, *, initial: bool = False) -> None:
        del initial

    monkeypatch.setattr(Client, "before_identify_hook", at_once)
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 0.05)


@on_stage()
async def test_it_says_in_one_line_that_it_is_there(it: Stage) -> None:
    await it.world.until(lambda: bool(it.ready))
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
        await run(it.world.token, it.settings(), it.echo, it.ready.append)


@on_stage(connected=False)
async def test_a_missing_intent_is_one_line_that_says_what_to_do(it: Stage) -> None:
    it.world.application_flags = AppFlag(0)
    page = rf"{it.world.application_id}/bot .Privileged Gateway Intents"
    with pytest.raises(DannError, match=rf"Message Content intent is off.*{page}"):
        await run(it.world.token, it.settings(), it.echo, it.ready.append)
    assert it.server.gateway.log == []


@on_stage(connected=False)
async def test_an_intent_that_the_gateway_refuses_is_told_too(it: Stage) -> None:
    it.server.gateway.close_with = 4014
    with pytest.raises(DannError, match="Message Content intent is off"):
        await run(it.world.token, it.settings(), it.echo, it.ready.append)


@on_stage(connected=False)
async def test_neither_the_token_nor_what_people_say_is_logged(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Discord.py's own log of raw events, which holds everything, is asked for by nobody: it is left at its level."""
    with caplog.at_level(logging.DEBUG), caplog.at_level(logging.INFO, "discord"):
        it.server.faults.order(Fault("POST", "/messages", status=429))
        it.start()
        await it.connected()
        await it.ask("a secret wish")
        it.echo.voice = broken
        it.world.say(it.ann, it.room, f"{it.at} another secret")
        await it.world.until(lambda: bool(it.errors))
        await it.stop()
    assert "on_message failed" in caplog.text
    assert it.world.token not in caplog.text
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
        await it.world.until(lambda: "resume" in it.server.gateway.log)
        await it.stop()
    assert "WebSocket Event" in caplog.text
    assert it.world.token not in caplog.text


@on_stage()
async def test_stopping_finishes_what_is_under_way_and_takes_nothing_new(it: Stage) -> None:
    go_on = asyncio.Event()

    async def slow(mention: Mention) -> Reply:
        await go_on.wait()
        return Reply(f"echo: {mention.said.text}")

    it.echo.voice = slow
    asked = it.world.say(it.ann, it.room, f"{it.at} quick, before you go")
    await it.world.until(lambda: bool(it.echo.mentions))
    stopping = asyncio.create_task(it.stop())
    await asyncio.sleep(0)
    late = it.world.say(it.ann, it.room, f"{it.at} one more thing")
    await it.world.until(lambda: len(it.echo.told) == 2)
    go_on.set()
    await stopping
    assert len(it.world.answers_to(asked)) == 1
    assert it.world.answers_to(late) == []
    assert it.server.gateway.connected == 0
    assert it.server.gateway.sessions == {}  # it said goodbye


@on_stage(drain_seconds=0.05)
async def test_stopping_does_not_wait_for_ever(it: Stage) -> None:
    hanging = it.server.faults.order(Fault("POST", "/messages", hangs=True))

    async def never(_: Mention) -> Reply:
        await asyncio.Event().wait()
        return Reply("")

    it.world.say(it.bob, it.world.dm(it.bob), "hello")
    await it.world.until(lambda: hanging.seen == 1)
    it.echo.voice = never
    it.world.say(it.ann, it.room, f"{it.at} hello")
    await it.world.until(lambda: len(it.echo.mentions) == 2)
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


@on_stage()
async def test_a_dropped_line_is_resumed_and_what_was_missed_is_answered(it: Stage) -> None:
    await it.ask("before")
    it.server.gateway.cut()
    missed = it.world.say(it.ann, it.room, f"{it.at} meanwhile")
    assert (await it.world.answer_to(missed)).content == "echo: meanwhile"
    assert it.server.gateway.log[-1] == "resume"
    assert "connect /resume" in it.server.gateway.log
    await it.ask("after")
    assert it.echo.texts().count("before") == 1


@on_stage()
async def test_a_line_that_drops_while_an_answer_is_under_way_does_not_double_it(it: Stage) -> None:
    go_on = asyncio.Event()

    async def slow(mention: Mention) -> Reply:
        await go_on.wait()
        return Reply(f"echo: {mention.said.text}")

    it.echo.voice = slow
    asked = it.world.say(it.ann, it.room, f"{it.at} hello")
    await it.world.until(lambda: bool(it.echo.mentions))
    it.server.gateway.cut()
    await it.world.until(lambda: "resume" in it.server.gateway.log)
    go_on.set()
    await it.world.answer_to(asked)
    await it.ask("after")
    assert len(it.world.answers_to(asked)) == 1


@pytest.mark.usefixtures("hasty")
@on_stage()
async def test_a_refused_resume_begins_a_new_session(it: Stage) -> None:
    it.server.gateway.refuse_resumes = True
    it.server.gateway.cut()
    await it.world.until(lambda: it.server.gateway.log.count("identify 0/1") == 2)
    await it.connected()
    await it.ask()
    assert "resume refused" in it.server.gateway.log


@on_stage()
async def test_it_reconnects_when_it_is_asked_to(it: Stage) -> None:
    it.server.gateway.ask_to_reconnect()
    await it.world.until(lambda: "resume" in it.server.gateway.log)
    await it.ask()


@on_stage(connected=False)
async def test_heartbeats_are_sent_for_as_long_as_it_is_there(it: Stage) -> None:
    it.server.gateway.heartbeat_seconds = 0.1
    it.start()
    await it.world.until(lambda: it.server.gateway.log.count("beat") > 5)
    await it.ask()
    assert it.server.gateway.closed == []


@on_stage(connected=False)
async def test_a_line_that_has_gone_silent_is_left_for_another(it: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HEARTBEAT_SECONDS", 0.3)
    it.server.gateway.acks = False
    it.start()
    await it.world.until(lambda: "resume" in it.server.gateway.log)
    it.server.gateway.acks = True


@pytest.mark.parametrize("garbage", ['{"op": 0, "t": ', "[]", '{"op": 0, "t": "MESSAGE_CREATE", "s": 9, "d": {}}'])
@pytest.mark.usefixtures("hasty")
@on_stage()
async def test_garbage_on_the_line_is_survived(it: Stage, garbage: str) -> None:
    it.server.gateway.send(garbage)
    await it.world.until(lambda: it.server.gateway.log.count("identify 0/1") == 2)
    await it.connected()
    assert (await it.ask("still there?")).content == "echo: still there?"
    assert len(it.errors) == 1
    assert "has ended" in it.errors.pop()


@pytest.mark.usefixtures("hasty")
@on_stage(connected=False)
async def test_it_tries_again_where_discord_cannot_be_reached(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    it.server.faults.order(Fault("GET", "/users/@me", status=503, times=2))
    it.start()
    await it.connected()
    await it.ask()
    assert caplog.text.count("cannot be reached") == 2


@on_stage(connected=False)
async def test_it_asks_how_many_shards_it_needs(it: Stage, hasty: None) -> None:
    del hasty
    it.server.gateway.shards = 2
    guilds = [it.world.guild(f"server {number}", it.ann, id_=number << 22) for number in (900, 901)]
    rooms = [it.world.channel(guild, "general") for guild in guilds]
    it.start()
    await it.connected()
    assert {entry for entry in it.server.gateway.log if entry.startswith("identify")} == {
        "identify 0/2",
        "identify 1/2",
    }
    for room in (*rooms, it.world.dm(it.ann)):
        assert (await it.ask("hello", room)).content == "echo: hello"
    await it.world.until(lambda: bool(it.ready))
    assert it.ready == ["Discord: dann in 3 servers, 2 shards"]
