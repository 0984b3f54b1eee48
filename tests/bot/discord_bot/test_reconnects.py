"""Everything that can happen to dann's line to Discord between coming and leaving."""

import pytest

from bot.discord_bot import client as client_module
from bot.discord_bot import run as run_module
from bot.discord_bot.client import DiscordClient
from tests.bot.discord_bot.discord_harness import DiscordHarness, with_discord
from tests.servers.discord.faults import Fault


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave out the pauses that are good manners towards the real Discord."""

    async def at_once(_self: DiscordClient, _shard: int | None, *, initial: bool = False) -> None:
        del initial

    monkeypatch.setattr(DiscordClient, "before_identify_hook", at_once)
    monkeypatch.setattr(run_module, "FIRST_PAUSE", 0.05)


@with_discord()
async def test_a_dropped_line_is_resumed_and_what_was_missed_is_answered(discord: DiscordHarness) -> None:
    await discord.ask("before")
    discord.server.gateway.cut()
    missed = discord.simulation.say(discord.ann, discord.room, f"{discord.at} meanwhile")
    assert (await discord.simulation.first_reply(missed)).content == "echo: meanwhile"
    assert discord.server.gateway.log[-1] == "resume"
    assert "connect /resume" in discord.server.gateway.log
    await discord.ask("after")
    assert discord.replier.texts().count("before") == 1


@pytest.mark.parametrize("refused", [False, True])
@pytest.mark.usefixtures("hasty")
@with_discord()
async def test_a_line_that_drops_while_an_answer_is_under_way_does_not_double_it(
    discord: DiscordHarness, refused: bool
) -> None:
    go_on = discord.delay_replies()
    question = discord.simulation.say(discord.ann, discord.room, f"{discord.at} hello")
    await discord.simulation.until(lambda: bool(discord.replier.mentions))
    discord.server.gateway.refuse_resumes = refused
    discord.server.gateway.cut()
    await discord.simulation.until(lambda: ("resume refused" if refused else "resume") in discord.server.gateway.log)
    await discord.connected()
    go_on.set()
    await discord.simulation.first_reply(question)
    await discord.ask("after")
    assert len(discord.simulation.replies_to(question)) == 1


@pytest.mark.usefixtures("hasty")
@with_discord()
async def test_a_refused_resume_begins_a_new_session(discord: DiscordHarness) -> None:
    discord.server.gateway.refuse_resumes = True
    discord.server.gateway.cut()
    await discord.simulation.until(lambda: discord.server.gateway.log.count("identify 0/1") == 2)
    await discord.connected()
    await discord.ask()
    assert "resume refused" in discord.server.gateway.log


@with_discord()
async def test_it_reconnects_when_it_is_asked_to(discord: DiscordHarness) -> None:
    discord.server.gateway.ask_to_reconnect()
    await discord.simulation.until(lambda: "resume" in discord.server.gateway.log)
    await discord.ask()


@with_discord(connected=False)
async def test_heartbeats_are_sent_for_as_long_as_it_is_there(discord: DiscordHarness) -> None:
    discord.server.gateway.heartbeat_seconds, discord.server.gateway.patience = 0.1, 300
    discord.start()
    await discord.simulation.until(lambda: discord.server.gateway.log.count("beat") > 5)
    await discord.ask()
    assert discord.server.gateway.closed == []


@with_discord(connected=False)
async def test_a_line_that_has_gone_silent_is_left_for_another(
    discord: DiscordHarness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_module, "HEARTBEAT_SECONDS", 0.3)
    discord.server.gateway.acks = False
    discord.start()
    await discord.simulation.until(lambda: "resume" in discord.server.gateway.log)
    discord.server.gateway.acks = True


@pytest.mark.parametrize("garbage", ['{"op": 0, "t": ', "[]", '{"op": 0, "t": "MESSAGE_CREATE", "s": 9, "d": {}}'])
@pytest.mark.usefixtures("hasty")
@with_discord()
async def test_garbage_on_the_line_is_survived(discord: DiscordHarness, garbage: str) -> None:
    discord.server.gateway.send(garbage)
    await discord.simulation.until(lambda: discord.server.gateway.log.count("identify 0/1") == 2)
    await discord.connected()
    assert (await discord.ask("still there?")).content == "echo: still there?"
    assert len(discord.errors) == 1
    assert "has ended" in discord.errors.pop()


@pytest.mark.usefixtures("hasty")
@with_discord(connected=False)
async def test_it_tries_again_where_discord_cannot_be_reached(
    discord: DiscordHarness, caplog: pytest.LogCaptureFixture
) -> None:
    discord.server.faults.order(Fault("GET", "/users/@me", status=503, times=2))
    discord.start()
    await discord.connected()
    await discord.ask()
    assert caplog.text.count("cannot be reached") == 2


@with_discord(connected=False)
async def test_it_asks_how_many_shards_it_needs(discord: DiscordHarness, hasty: None) -> None:
    del hasty
    discord.server.gateway.shards = 2
    guilds = [discord.simulation.guild(f"server {number}", discord.ann, id_=number << 22) for number in (900, 901)]
    rooms = [discord.simulation.channel(guild, "general") for guild in guilds]
    discord.start()
    await discord.connected()
    assert {entry for entry in discord.server.gateway.log if entry.startswith("identify")} == {
        "identify 0/2",
        "identify 1/2",
    }
    for room in (*rooms, discord.simulation.dm(discord.ann)):
        assert (await discord.ask("hello", room)).content == "echo: hello"
    await discord.simulation.until(lambda: bool(discord.ready))
    assert discord.ready == ["Discord: dann in 3 servers, 2 shards"]
