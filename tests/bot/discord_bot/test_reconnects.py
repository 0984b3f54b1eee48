"""Everything that can happen to dann's line to Discord between coming and leaving."""

import pytest

from bot.discord_bot import client as client_module
from bot.discord_bot import run as run_module
from bot.discord_bot.client import DiscordClient
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.servers.discord.faults import Fault


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pauses that are good manners towards the real Discord."""

    async def at_once(_self: DiscordClient, _shard: int | None, *, initial: bool = False) -> None:
        del initial

    monkeypatch.setattr(DiscordClient, "before_identify_hook", at_once)
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 0.05)


@on_stage()
async def test_a_dropped_line_is_resumed_and_what_was_missed_is_answered(it: Stage) -> None:
    await it.ask("before")
    it.server.gateway.cut()
    missed = it.simulation.say(it.ann, it.room, f"{it.at} meanwhile")
    assert (await it.simulation.first_reply(missed)).content == "echo: meanwhile"
    assert it.server.gateway.log[-1] == "resume"
    assert "connect /resume" in it.server.gateway.log
    await it.ask("after")
    assert it.echo.texts().count("before") == 1


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.usefixtures("hasty")
@on_stage()
async def test_a_line_that_drops_while_an_answer_is_under_way_does_not_double_it(it: Stage, refused: bool) -> None:
    go_on = it.slowly()
    asked = it.simulation.say(it.ann, it.room, f"{it.at} hello")
    await it.simulation.until(lambda: bool(it.echo.mentions))
    it.server.gateway.refuse_resumes = refused
    it.server.gateway.cut()
    await it.simulation.until(lambda: ("resume refused" if refused else "resume") in it.server.gateway.log)
    await it.connected()
    go_on.set()
    await it.simulation.first_reply(asked)
    await it.ask("after")
    assert len(it.simulation.replies_to(asked)) == 1


@pytest.mark.usefixtures("hasty")
@on_stage()
async def test_a_refused_resume_begins_a_new_session(it: Stage) -> None:
    it.server.gateway.refuse_resumes = True
    it.server.gateway.cut()
    await it.simulation.until(lambda: it.server.gateway.log.count("identify 0/1") == 2)
    await it.connected()
    await it.ask()
    assert "resume refused" in it.server.gateway.log


@on_stage()
async def test_it_reconnects_when_it_is_asked_to(it: Stage) -> None:
    it.server.gateway.ask_to_reconnect()
    await it.simulation.until(lambda: "resume" in it.server.gateway.log)
    await it.ask()


@on_stage(connected=False)
async def test_heartbeats_are_sent_for_as_long_as_it_is_there(it: Stage) -> None:
    it.server.gateway.heartbeat_seconds = 0.1
    it.start()
    await it.simulation.until(lambda: it.server.gateway.log.count("beat") > 5)
    await it.ask()
    assert it.server.gateway.closed == []


@on_stage(connected=False)
async def test_a_line_that_has_gone_silent_is_left_for_another(it: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "HEARTBEAT_SECONDS", 0.3)
    it.server.gateway.acks = False
    it.start()
    await it.simulation.until(lambda: "resume" in it.server.gateway.log)
    it.server.gateway.acks = True


@pytest.mark.parametrize("garbage", ['{"op": 0, "t": ', "[]", '{"op": 0, "t": "MESSAGE_CREATE", "s": 9, "d": {}}'])
@pytest.mark.usefixtures("hasty")
@on_stage()
async def test_garbage_on_the_line_is_survived(it: Stage, garbage: str) -> None:
    it.server.gateway.send(garbage)
    await it.simulation.until(lambda: it.server.gateway.log.count("identify 0/1") == 2)
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
    guilds = [it.simulation.guild(f"server {number}", it.ann, id_=number << 22) for number in (900, 901)]
    rooms = [it.simulation.channel(guild, "general") for guild in guilds]
    it.start()
    await it.connected()
    assert {entry for entry in it.server.gateway.log if entry.startswith("identify")} == {
        "identify 0/2",
        "identify 1/2",
    }
    for room in (*rooms, it.simulation.dm(it.ann)):
        assert (await it.ask("hello", room)).content == "echo: hello"
    await it.simulation.until(lambda: bool(it.ready))
    assert it.ready == ["Discord: dann in 3 servers, 2 shards"]
