"""What owners order on Discord, what the commands are called there, and when they are registered."""

from typing import Any

import pytest

from bot.discord_bot.command_menu import ADMIN_COMMANDS, command_name
from tests.bot.discord_bot.discord_harness import Stage, on_stage
from tests.servers.discord.faults import Fault
from tests.servers.discord.objects import Flag


@pytest.mark.parametrize("command", ADMIN_COMMANDS)
@on_stage()
async def test_owners_orders_are_passed_on_and_seen_by_them_alone(it: Stage, command: str) -> None:
    await it.registered()
    given: dict[str, dict[str, Any]] = {"rollback": {"checkpoint": "20260101-abc"}, "retrain": {"force": True}}
    options = given.get(command, {})
    argument = {"rollback": "20260101-abc", "retrain": "force"}.get(command, "")
    it.guild.members[it.ann.id].administrator = True
    for channel in (it.room, it.simulation.dm(it.ann)):
        answer = await it.simulation.first_reply(
            it.simulation.use_command(it.ann, channel, f"dann-admin {command}", **options)
        )
        assert answer.content == f"did {command} {argument}".strip()
        assert answer.flags & Flag.EPHEMERAL
    place, author, *order = it.echo.orders[0]
    assert (author.id, place.chat, order) == (
        str(it.ann.id),
        str(it.room.id),
        [command, argument],
    )


@on_stage()
async def test_members_are_not_offered_what_is_for_owners(it: Stage) -> None:
    await it.registered()
    with pytest.raises(ValueError, match="administrators alone"):
        it.simulation.use_command(it.ann, it.room, "dann-admin status")


@pytest.mark.parametrize(
    ("persona", "name"),
    [
        ("dann", "dann"),
        ("Mia Lou", "mia-lou"),
        ("J.R. O'Neil!", "jr-oneil"),
        ("Анна", "анна"),
        ("a" * 32, "a" * 26),
        ("☃ ✨", "dann"),
        ("  __x__ ", "__x__"),
    ],
)
def test_the_personas_name_is_made_a_name_that_discord_takes(persona: str, name: str) -> None:
    assert command_name(persona) == name


@on_stage(persona="Mia Lou")
async def test_the_personas_name_names_the_command(it: Stage) -> None:
    await it.registered()
    assert [command["name"] for command in it.simulation.commands.listed()] == ["mia-lou", "mia-lou-admin"]
    await it.simulation.first_reply(it.simulation.use_command(it.ann, it.room, "mia-lou", prompt="hi"))


@on_stage()
async def test_commands_are_written_only_where_they_changed(it: Stage) -> None:
    await it.registered()
    assert await started_again(it, "dann") == 1
    assert await started_again(it, "mia") == 2
    assert await started_again(it, "mia") == 2


async def started_again(it: Stage, persona: str) -> int:
    """Start dann anew; returns how often commands have been written when it has looked at them."""
    await it.stop()
    looks, names = it.server.count("GET /applications"), {persona, f"{persona}-admin"}
    it.start(persona=persona)
    await it.connected()
    await it.simulation.until(lambda: it.server.count("GET /applications") > looks)
    await it.simulation.until(lambda: {command["name"] for command in it.simulation.commands.listed()} == names)
    await it.ask()
    return it.simulation.commands.writes


@on_stage(connected=False)
async def test_without_its_commands_it_answers_all_the_same(it: Stage, caplog: pytest.LogCaptureFixture) -> None:
    it.server.faults.order(Fault("PUT", "/commands", status=403))
    it.start()
    await it.connected()
    await it.ask()
    await it.simulation.until(lambda: "could not be registered" in caplog.text)
    assert it.simulation.commands.listed() == []
