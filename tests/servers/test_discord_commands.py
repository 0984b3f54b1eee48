"""The server that stands in for Discord refuses what Discord refuses: commands, and answers to them."""

from typing import Any

import pytest

from tests.servers.discord.objects import Flag, Interaction
from tests.servers.discord.raw_client import Raw, wired

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


def listing(it: Raw) -> str:
    return f"/applications/{it.world.application_id}/commands"


@pytest.mark.parametrize("kind", WRONG)
@wired
async def test_commands_of_a_wrong_form(it: Raw, kind: str) -> None:
    assert await it.code("PUT", listing(it), WRONG[kind]) == (400, 50035)
    assert it.world.commands.listed() == []


@wired
async def test_commands_are_overwritten_all_at_once_and_keep_their_ids(it: Raw) -> None:
    _, first = await it.ask("PUT", listing(it), [PING, {**PING, "name": "pong"}])
    _, second = await it.ask("PUT", listing(it), [{**PING, "description": "new"}])
    assert [command["id"] for command in second] == [first[0]["id"]]
    assert (await it.ask("GET", listing(it)))[1] == second
    assert await it.code("PUT", "/applications/1/commands", [PING]) == (404, 10002)


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({"size": 3.0}, "at most 2"),
        ({"size": -1}, "at least 0"),
        ({"size": "big"}, "type"),
        ({"colour": 1}, "no option"),
    ],
)
@wired
async def test_a_client_sends_no_values_that_do_not_fit(it: Raw, options: dict[str, Any], fault: str) -> None:
    await it.ask("PUT", listing(it), [with_option(min_value=0, max_value=2)])
    with pytest.raises(ValueError, match=fault):
        it.world.use_command(it.ann, it.room, "ping", **options)
    assert it.world.use_command(it.ann, it.room, "ping", size=2).data["options"][0]["value"] == 2


@wired
async def test_a_client_offers_commands_where_they_are_meant_for(it: Raw) -> None:
    admin = {**PING, "name": "admin", "default_member_permissions": "0"}
    await it.ask("PUT", listing(it), [{**PING, "contexts": [0]}, admin])
    with pytest.raises(ValueError, match="not offered here"):
        it.world.use_command(it.ann, it.world.dm(it.ann), "ping")
    with pytest.raises(ValueError, match="administrators alone"):
        it.world.use_command(it.ann, it.room, "admin")
    with pytest.raises(ValueError, match="no command /pong"):
        it.world.use_command(it.ann, it.room, "pong")


class Used:
    """A command that Ann used, and the requests that answer it."""

    def __init__(self, it: Raw, interaction: Interaction) -> None:
        self.it, self.interaction = it, interaction
        it.token = ""  # none of these needs it
        self.callback = f"/interactions/{interaction.id}/{interaction.token}/callback"
        self.webhook = f"/webhooks/{it.world.application_id}/{interaction.token}"
        self.original = f"{self.webhook}/messages/@original"

    async def acknowledge(self, kind: int = 4, **data: Any) -> tuple[int, Any]:
        return await self.it.ask("POST", self.callback, {"type": kind, "data": data})


async def used(it: Raw) -> Used:
    await it.ask("PUT", listing(it), [PING])
    return Used(it, it.world.use_command(it.ann, it.room, "ping"))


@wired
async def test_an_interaction_is_acknowledged_once(it: Raw) -> None:
    one = await used(it)
    assert await one.acknowledge(content="pong") == (204, None)
    assert await it.code("POST", one.callback, {"type": 5}) == (400, 40060)
    assert [message.content for message in one.interaction.shown] == ["pong"]


@wired
async def test_an_interaction_is_acknowledged_in_time(it: Raw) -> None:
    one = await used(it)
    it.world.skipped += 3.1
    assert await it.code("POST", one.callback, {"type": 5}) == (404, 10062)


@wired
async def test_an_interaction_that_is_none(it: Raw) -> None:
    one = await used(it)
    assert await it.code("POST", "/interactions/1/x/callback", {"type": 5}) == (404, 10062)
    assert await it.code("POST", one.callback + "x", {"type": 5}) == (404, 0)
    assert await it.code("POST", one.callback.replace(one.interaction.token, "x"), {"type": 5}) == (404, 10062)
    assert await it.code("POST", one.callback, {"type": 1}) == (400, 50035)
    assert await it.code("POST", one.callback, {"type": 4, "data": {"content": "x" * 2001}}) == (400, 50035)
    assert await it.code("POST", one.callback, {"type": 4, "data": {}}) == (400, 50006)
    assert one.interaction.acknowledged is None


@wired
async def test_nothing_follows_before_it_is_acknowledged(it: Raw) -> None:
    one = await used(it)
    assert await it.code("POST", one.webhook, {"content": "x"}) == (404, 10015)
    assert await it.code("PATCH", one.original, {"content": "x"}) == (404, 10015)
    assert await it.code("POST", "/webhooks/1/x", {"content": "x"}) == (404, 10015)


@wired
async def test_a_deferral_shows_that_the_bot_thinks_until_it_is_edited(it: Raw) -> None:
    one = await used(it)
    _, told = await it.ask("POST", one.callback, {"type": 5}, params={"with_response": "1"})
    assert told["interaction"]["response_message_loading"]
    assert one.interaction.shown == []
    _, message = await it.ask("PATCH", one.original, {"content": "pong"})
    assert (message["content"], message["flags"], message["edited_timestamp"]) == ("pong", 0, None)
    assert await it.code("PATCH", one.original, {"content": "x" * 2001}) == (400, 50035)
    assert await it.code("PATCH", f"{one.webhook}/messages/1", {"content": "x"}) == (404, 10008)


@wired
async def test_the_first_that_follows_a_deferral_takes_its_place_and_its_privacy(it: Raw) -> None:
    one = await used(it)
    await one.acknowledge(5, flags=64)
    await it.ask("POST", one.webhook, {"content": "pong"})
    await it.ask("POST", one.webhook, {"content": "for all"})
    assert [bool(message.flags & Flag.EPHEMERAL) for message in one.interaction.shown] == [True, False]
    assert [message.content for message in it.world.of_bot(it.room)] == ["for all"]


@wired
async def test_what_is_deleted_is_gone(it: Raw) -> None:
    one = await used(it)
    await one.acknowledge(5)
    assert await it.ask("DELETE", one.original) == (204, None)
    assert await it.code("GET", one.original) == (404, 10008)
    await it.ask("POST", one.webhook, {"content": "psst", "flags": 64})
    assert it.world.of_bot(it.room) == []
    assert [message.content for message in one.interaction.shown] == ["psst"]


@wired
async def test_after_fifteen_minutes_the_token_is_worth_nothing(it: Raw) -> None:
    one = await used(it)
    await one.acknowledge(5)
    it.world.skipped += 840
    assert (await it.ask("PATCH", one.original, {"content": "in time"}))[0] == 200
    it.world.skipped += 61
    assert await it.code("PATCH", one.original, {"content": "late"}) == (401, 50027)
    assert await it.code("POST", one.webhook, {"content": "late"}) == (401, 50027)
