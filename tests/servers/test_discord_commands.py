"""The simulated Discord refuses what Discord refuses: commands and answers to them."""

from typing import Any

import pytest

from tests.servers.discord.objects import Flag, Interaction
from tests.servers.discord.raw_client import RawClient, with_raw_client

PING = {"name": "ping", "description": "says pong"}


def with_option(**changes: Any) -> dict[str, Any]:
    return {**PING, "options": [{"name": "size", "description": "how big", "type": 10, **changes}]}


WRONG = {
    "no list": PING,
    "no object": ["ping"],
    "no name": [{"description": "x"}],
    "capitals": [{**PING, "name": "Ping"}],
    "a space": [{**PING, "name": "pi ng"}],
    "a long name": [{**PING, "name": "p" * 33}],
    "no description": [{"name": "ping"}],
    "an empty description": [{**PING, "description": ""}],
    "a long description": [{**PING, "description": "x" * 101}],
    "the same name twice": [PING, PING],
    "another kind of command": [{**PING, "type": 2}],
    "permissions": [{**PING, "default_member_permissions": "all"}],
    "contexts": [{**PING, "contexts": [3]}],
    "too many": [{**PING, "name": f"ping{number}"} for number in range(101)],
    "too many options": [{**PING, "options": [with_option()["options"][0]] * 26}],
    "an option twice": [{**PING, "options": with_option()["options"] * 2}],
    "an option of no type": [with_option(type=12)],
    "an option's name": [with_option(name="Size")],
    "an option's description": [with_option(description="x" * 101)],
    "minimum above maximum": [with_option(min_value=2, max_value=1)],
    "bounds of a text": [with_option(type=3, min_value=0)],
    "lengths of a number": [with_option(max_length=3)],
    "half a whole number": [with_option(type=4, max_value=1.5)],
    "too big a number": [with_option(type=4, max_value=2**53)],
    "required after optional": [
        {**PING, "options": [*with_option()["options"], with_option(name="must", required=True)["options"][0]]}
    ],
    "options beside subcommands": [
        {**PING, "options": [*with_option()["options"], {"name": "sub", "description": "x", "type": 1}]}
    ],
    "options of an option": [with_option(options=with_option()["options"])],
    "too many choices": [with_option(choices=[{"name": str(number), "value": number} for number in range(26)])],
}


def listing(client: RawClient) -> str:
    return f"/applications/{client.simulation.application_id}/commands"


@pytest.mark.parametrize("kind", WRONG)
@with_raw_client
async def test_commands_of_a_wrong_form(client: RawClient, kind: str) -> None:
    assert await client.code("PUT", listing(client), WRONG[kind]) == (400, 50035)
    assert client.simulation.commands.listed() == []


@with_raw_client
async def test_commands_are_overwritten_all_at_once_and_keep_their_ids(client: RawClient) -> None:
    _, first = await client.ask("PUT", listing(client), [PING, {**PING, "name": "pong"}])
    _, second = await client.ask("PUT", listing(client), [{**PING, "description": "new"}])
    assert [command["id"] for command in second] == [first[0]["id"]]
    assert (await client.ask("GET", listing(client)))[1] == second
    assert await client.code("PUT", "/applications/1/commands", [PING]) == (404, 10002)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"size": 3.0}, "at most 2"),
        ({"size": -1}, "at least 0"),
        ({"size": "big"}, "type"),
        ({"colour": 1}, "no option"),
    ],
)
@with_raw_client
async def test_a_client_sends_no_values_that_do_not_fit(client: RawClient, options: dict[str, Any], fault: str) -> None:
    await client.ask("PUT", listing(client), [with_option(min_value=0, max_value=2)])
    with pytest.raises(ValueError, match=fault):
        client.simulation.use_command(client.ann, client.room, "ping", **options)
    assert client.simulation.use_command(client.ann, client.room, "ping", size=2).data["options"][0]["value"] == 2


@with_raw_client
async def test_a_client_offers_commands_where_they_are_meant_for(client: RawClient) -> None:
    admin = {**PING, "name": "admin", "default_member_permissions": "0"}
    await client.ask("PUT", listing(client), [{**PING, "contexts": [0]}, admin])
    with pytest.raises(ValueError, match="not offered here"):
        client.simulation.use_command(client.ann, client.simulation.dm(client.ann), "ping")
    with pytest.raises(ValueError, match="administrators alone"):
        client.simulation.use_command(client.ann, client.room, "admin")
    with pytest.raises(ValueError, match="no command /pong"):
        client.simulation.use_command(client.ann, client.room, "pong")


class UsedCommand:
    """A command used by Ann, and the requests that answer it."""

    def __init__(self, client: RawClient, interaction: Interaction) -> None:
        self.client, self.interaction = client, interaction
        client.token = ""  # none of these needs it
        self.callback = f"/interactions/{interaction.id}/{interaction.token}/callback"
        self.webhook = f"/webhooks/{client.simulation.application_id}/{interaction.token}"
        self.original = f"{self.webhook}/messages/@original"

    async def acknowledge(self, kind: int = 4, **data: Any) -> tuple[int, Any]:
        return await self.client.ask("POST", self.callback, {"type": kind, "data": data})


async def use_ping(client: RawClient) -> UsedCommand:
    await client.ask("PUT", listing(client), [PING])
    return UsedCommand(client, client.simulation.use_command(client.ann, client.room, "ping"))


@with_raw_client
async def test_an_interaction_is_acknowledged_once(client: RawClient) -> None:
    command = await use_ping(client)
    assert await command.acknowledge(content="pong") == (204, None)
    assert await client.code("POST", command.callback, {"type": 5}) == (400, 40060)
    assert [message.content for message in command.interaction.shown] == ["pong"]


@with_raw_client
async def test_an_interaction_is_acknowledged_in_time(client: RawClient) -> None:
    command = await use_ping(client)
    client.simulation.skipped += 3.1
    assert await client.code("POST", command.callback, {"type": 5}) == (404, 10062)


@with_raw_client
async def test_an_interaction_that_is_none(client: RawClient) -> None:
    command = await use_ping(client)
    assert await client.code("POST", "/interactions/1/x/callback", {"type": 5}) == (404, 10062)
    assert await client.code("POST", command.callback + "x", {"type": 5}) == (404, 0)
    assert await client.code("POST", command.callback.replace(command.interaction.token, "x"), {"type": 5}) == (
        404,
        10062,
    )
    assert await client.code("POST", command.callback, {"type": 1}) == (400, 50035)
    assert await client.code("POST", command.callback, {"type": 4, "data": {"content": "x" * 2001}}) == (400, 50035)
    assert await client.code("POST", command.callback, {"type": 4, "data": {}}) == (400, 50006)
    assert command.interaction.acknowledged is None


@with_raw_client
async def test_nothing_follows_before_it_is_acknowledged(client: RawClient) -> None:
    command = await use_ping(client)
    assert await client.code("POST", command.webhook, {"content": "x"}) == (404, 10015)
    assert await client.code("PATCH", command.original, {"content": "x"}) == (404, 10015)
    assert await client.code("POST", "/webhooks/1/x", {"content": "x"}) == (404, 10015)


@with_raw_client
async def test_a_deferral_shows_that_the_bot_thinks_until_it_is_edited(client: RawClient) -> None:
    command = await use_ping(client)
    _, told = await client.ask("POST", command.callback, {"type": 5}, params={"with_response": "1"})
    assert told["interaction"]["response_message_loading"]
    assert command.interaction.shown == []
    _, message = await client.ask("PATCH", command.original, {"content": "pong"})
    assert (message["content"], message["flags"], message["edited_timestamp"]) == ("pong", 0, None)
    assert await client.code("PATCH", command.original, {"content": "x" * 2001}) == (400, 50035)
    assert await client.code("PATCH", f"{command.webhook}/messages/1", {"content": "x"}) == (404, 10008)


@with_raw_client
async def test_the_first_that_follows_a_deferral_takes_its_place_and_its_privacy(client: RawClient) -> None:
    command = await use_ping(client)
    await command.acknowledge(5, flags=64)
    await client.ask("POST", command.webhook, {"content": "pong"})
    await client.ask("POST", command.webhook, {"content": "for all"})
    assert [bool(message.flags & Flag.EPHEMERAL) for message in command.interaction.shown] == [True, False]
    assert [message.content for message in client.simulation.bot_messages(client.room)] == ["for all"]


@with_raw_client
async def test_what_is_deleted_is_gone(client: RawClient) -> None:
    command = await use_ping(client)
    await command.acknowledge(5)
    assert await client.ask("DELETE", command.original) == (204, None)
    assert await client.code("GET", command.original) == (404, 10008)
    await client.ask("POST", command.webhook, {"content": "psst", "flags": 64})
    assert client.simulation.bot_messages(client.room) == []
    assert [message.content for message in command.interaction.shown] == ["psst"]


@with_raw_client
async def test_after_fifteen_minutes_the_token_is_worth_nothing(client: RawClient) -> None:
    command = await use_ping(client)
    await command.acknowledge(5)
    client.simulation.skipped += 840
    assert (await client.ask("PATCH", command.original, {"content": "in time"}))[0] == 200
    client.simulation.skipped += 61
    assert await client.code("PATCH", command.original, {"content": "late"}) == (401, 50027)
    assert await client.code("POST", command.webhook, {"content": "late"}) == (401, 50027)
