"""What `dann doctor` finds out about Discord, without a word to anybody."""

import pytest

from bot.discord_bot.doctor import complaints
from tests.bot.discord_stage import Stage, on_stage
from tests.servers.discord.faults import Fault
from tests.servers.discord.intents import AppFlag


@on_stage()
async def test_where_dann_has_been_there_is_nothing_to_complain_of(it: Stage) -> None:
    await it.registered()
    writes = it.server.count("PUT")
    assert await complaints(it.world.token, it.settings()) == []
    assert it.server.count("PUT") == writes
    assert it.server.gateway.log.count("connect /gateway") == 1


@on_stage(connected=False)
async def test_commands_that_are_not_registered(it: Stage) -> None:
    (line,) = await complaints(it.world.token, it.settings())
    assert "`dann serve` registers them" in line
    assert it.world.commands.writes == 0


@on_stage()
async def test_commands_that_have_another_name(it: Stage) -> None:
    await it.registered()
    assert len(await complaints(it.world.token, it.settings(persona="mia"))) == 1


@on_stage()
async def test_an_intent_that_is_off(it: Stage) -> None:
    await it.registered()
    it.world.application_flags = AppFlag(0)
    (line,) = await complaints(it.world.token, it.settings())
    assert "Message Content intent is off" in line


@pytest.mark.parametrize("token", ["", "wrong", "two words"])
@on_stage(connected=False)
async def test_a_token_that_is_refused(it: Stage, token: str) -> None:
    (line,) = await complaints(token, it.settings())
    assert "refuses DISCORD_TOKEN" in line


@on_stage(connected=False)
async def test_discord_that_cannot_be_reached(it: Stage) -> None:
    it.server.faults.order(Fault("GET", "/users/@me", status=503))
    (line,) = await complaints(it.world.token, it.settings())
    assert "cannot be reached" in line
    assert "online" in line
