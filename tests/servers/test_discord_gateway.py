"""The simulated gateway refuses what Discord's refuses, and replays every missed event."""

from typing import Any

import pytest

from tests.servers.discord.gateway.intents import AppFlag, Intent
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.raw_client import CONTENT, GUILD_MESSAGES, PROPERTIES, RawClient, with_raw_client


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("v=9&encoding=json", 4012),
        ("encoding=json", 4012),
        ("v=10&encoding=etf", 4002),
        ("v=10&encoding=json&compress=zip", 4002),
    ],
)
@with_raw_client
async def test_addresses_it_does_not_serve(client: RawClient, query: str, code: int) -> None:
    assert await (await client.open(query)).closing_code() == code


@pytest.mark.parametrize(
    ("other", "code"),
    [
        ({"token": "wrong"}, 4004),
        ({"properties": None}, 4002),
        ({"intents": None}, 4013),
        ({"intents": 1 << 40}, 4013),
        ({"intents": -1}, 4013),
        ({"intents": True}, 4013),
        ({"intents": int(Intent.GUILD_MEMBERS)}, 4014),
        ({"intents": int(Intent.GUILD_PRESENCES)}, 4014),
        ({"shard": [1, 1]}, 4010),
        ({"shard": [0]}, 4010),
    ],
)
@with_raw_client
async def test_identifying_wrongly(client: RawClient, other: dict[str, Any], code: int) -> None:
    assert await (await client.identify(**other)).closing_code() == code
    assert client.server.gateway.sessions == {}


@with_raw_client
async def test_message_content_must_be_switched_on(client: RawClient) -> None:
    client.simulation.application_flags = AppFlag(0)
    assert await (await client.identify(GUILD_MESSAGES | CONTENT)).closing_code() == 4014
    client.simulation.application_flags = AppFlag.MESSAGE_CONTENT
    await (await client.identify(GUILD_MESSAGES | CONTENT)).until("READY")


@with_raw_client
async def test_many_servers_need_shards(client: RawClient) -> None:
    client.server.gateway.shards = 2
    assert await (await client.identify()).closing_code() == 4011
    await (await client.identify(shard=[0, 2])).until("READY")


@pytest.mark.parametrize(
    ("frame", "code"),
    [
        ("{", 4002),
        ("[]", 4002),
        ('{"d": 1}', 4002),
        ('{"op": 1, "d": "seven"}', 4002),
        ('{"op": 1, "d": "' + "x" * 4096 + '"}', 4002),
        ('{"op": 99}', 4001),
        ('{"op": 3, "d": {}}', 4003),
    ],
)
@with_raw_client
async def test_frames_that_are_none(client: RawClient, frame: str, code: int) -> None:
    socket = await client.open()
    await socket.send(frame)
    assert await socket.closing_code() == code


@with_raw_client
async def test_identifying_twice(client: RawClient) -> None:
    socket = await client.identify()
    await socket.until("READY")
    await socket.send({"op": 2, "d": {"token": client.token, "intents": 1, "properties": PROPERTIES}})
    assert await socket.closing_code() == 4005


@with_raw_client
async def test_too_many_frames(client: RawClient) -> None:
    socket = await client.open()
    for _ in range(121):
        await socket.send({"op": 1, "d": None})
    assert await socket.closing_code() == 4008


@with_raw_client
async def test_identifying_too_soon_after_another(client: RawClient) -> None:
    client.server.gateway.identify_seconds = 5.0
    await (await client.identify()).until("READY")
    assert await (await client.identify()).next() == {"op": 9, "d": False}


@with_raw_client
async def test_hello_comes_first_and_says_how_often_to_beat(client: RawClient) -> None:
    socket = await client.open()
    assert await socket.next() == {"op": 10, "d": {"heartbeat_interval": 41250}}


@with_raw_client
async def test_a_beat_is_acknowledged_and_a_bot_that_misses_it_is_dropped(client: RawClient) -> None:
    client.server.gateway.heartbeat_seconds = 0.4
    socket = await client.identify()
    await socket.until("GUILD_CREATE")
    await socket.send({"op": 1, "d": 2})
    assert (await socket.next())["op"] == 11
    assert await socket.closing_code() == 4009
    assert client.server.gateway.sessions == {}


@with_raw_client
async def test_ready_and_the_guilds_come_first(client: RawClient) -> None:
    socket = await client.identify()
    ready, guild = await socket.until("READY"), await socket.until("GUILD_CREATE")
    assert ready["guilds"] == [{"id": str(client.guild.id), "unavailable": True}]
    assert ready["resume_gateway_url"].endswith("/resume")
    assert ready["shard"] == [0, 1]
    assert [channel["name"] for channel in guild["channels"]] == ["general"]
    assert [member["user"]["username"] for member in guild["members"]] == ["dann"]


@with_raw_client
async def test_one_zlib_stream_for_all_frames(client: RawClient) -> None:
    socket = await client.identify(query="v=10&encoding=json&compress=zlib-stream")
    await socket.until("GUILD_CREATE")
    client.simulation.say(client.ann, client.room, "ünïcödé")
    assert (await socket.until("MESSAGE_CREATE"))["author"]["username"] == "ann"


@with_raw_client
async def test_only_what_was_asked_for_is_told(client: RawClient) -> None:
    """Each socket sees the one event that it asked for first, though others happened before."""
    guilds, private = await client.identify(1 << 0), await client.identify(1 << 12)
    for socket in (guilds, private):
        await socket.until("READY")
    client.simulation.say(client.ann, client.room, "in the room")
    client.simulation.channel(client.guild, "new")
    client.simulation.say(client.ann, client.simulation.dm(client.ann), "in private")
    assert (await guilds.until("GUILD_CREATE"))["id"] == str(client.guild.id)
    assert (await guilds.next())["t"] == "CHANNEL_CREATE"
    told = await private.next()
    assert (told["t"], told["d"]["content"]) == ("MESSAGE_CREATE", "in private")


@with_raw_client
async def test_content_is_empty_without_its_intent_but_for_what_concerns_the_bot(client: RawClient) -> None:
    socket = await client.identify(GUILD_MESSAGES)
    await socket.until("GUILD_CREATE")
    at = f"<@{client.simulation.bot.id}>"
    said = client.simulation.say(client.ann, client.room, "secret", attachments=["cat.png"])
    client.simulation.say(client.ann, client.room, f"{at} hello", reply_to=said)
    client.simulation.say(client.ann, client.room, f"`{at}` in code")
    client.simulation.say(client.ann, client.simulation.dm(client.ann), "psst")
    own = (await client.ask("POST", client.messages, {"content": "mine"}))[1]
    client.simulation.say(client.ann, client.room, "why", reply_to=client.room.messages[int(own["id"])])
    client.simulation.edit(said, "more secret")
    told = [(await socket.next())["d"] for _ in range(7)]
    assert [one["content"] for one in told] == ["", f"{at} hello", "", "psst", "mine", "why", ""]
    assert told[0]["attachments"] == []
    assert told[1]["referenced_message"]["content"] == ""


@with_raw_client
async def test_nothing_is_told_of_a_channel_that_the_bot_may_not_see(client: RawClient) -> None:
    socket = await client.identify(GUILD_MESSAGES)
    await socket.until("GUILD_CREATE")
    client.room.bot_may = EVERYTHING & ~Permission.VIEW
    client.simulation.say(client.ann, client.room, "hidden")
    client.simulation.say(client.ann, client.simulation.dm(client.ann), "seen")
    assert (await socket.next())["d"]["content"] == "seen"


@with_raw_client
async def test_a_message_comes_with_its_member_but_a_webhooks_does_not(client: RawClient) -> None:
    socket = await client.identify(GUILD_MESSAGES)
    await socket.until("GUILD_CREATE")
    client.simulation.say(client.ann, client.room, "hi")
    client.simulation.say(client.simulation.user("news"), client.room, "hi", webhook=True)
    client.simulation.say(client.ann, client.room, "hi", with_member=False)
    told = [(await socket.next())["d"] for _ in range(3)]
    assert ["member" in one for one in told] == [True, False, False]
    assert ["webhook_id" in one for one in told] == [False, True, False]


@with_raw_client
async def test_shards_share_the_guilds_and_the_first_has_the_private_chats(client: RawClient) -> None:
    guilds = [client.simulation.guild("even", id_=4 << 22), client.simulation.guild("odd", id_=5 << 22)]
    rooms = [client.simulation.channel(guild, "general") for guild in guilds]
    wires = [await client.identify(shard=[number, 2]) for number in range(2)]
    for socket in wires:
        await socket.until("READY")
    for room in (*rooms, client.simulation.dm(client.ann)):
        client.simulation.say(client.ann, room, str(room.id))
    assert (await wires[0].until("MESSAGE_CREATE"))["channel_id"] == str(rooms[0].id)
    assert (await wires[0].until("MESSAGE_CREATE"))["channel_id"] == str(client.simulation.dm(client.ann).id)
    assert (await wires[1].until("MESSAGE_CREATE"))["channel_id"] == str(rooms[1].id)


async def resumed(client: RawClient, session: str, seq: object, token: str | None = None) -> Any:
    socket = await client.open(path="resume")
    await socket.next()
    await socket.send({"op": 6, "d": {"token": token or client.token, "session_id": session, "seq": seq}})
    return socket


@with_raw_client
async def test_resuming_replays_what_was_missed(client: RawClient) -> None:
    socket = await client.identify(GUILD_MESSAGES | CONTENT)
    session = (await socket.until("READY"))["session_id"]
    await socket.until("GUILD_CREATE")
    client.simulation.say(client.ann, client.room, "one")
    await socket.until("MESSAGE_CREATE")
    client.server.gateway.cut()
    await socket.closing_code()
    client.simulation.say(client.ann, client.room, "two")
    client.simulation.say(client.ann, client.room, "three")
    again = await resumed(client, session, 3)
    told = [await again.next() for _ in range(3)]
    assert [(frame["s"], frame["t"]) for frame in told] == [
        (4, "MESSAGE_CREATE"),
        (5, "MESSAGE_CREATE"),
        (6, "RESUMED"),
    ]
    client.simulation.say(client.ann, client.room, "four")
    assert (await again.next())["d"]["content"] == "four"


@with_raw_client
async def test_resumes_that_are_refused(client: RawClient) -> None:
    socket = await client.identify()
    session = (await socket.until("READY"))["session_id"]
    assert await (await resumed(client, session, 1, token="wrong")).closing_code() == 4004
    assert await (await resumed(client, session, 99)).closing_code() == 4007
    assert await (await resumed(client, session, "one")).closing_code() == 4007
    assert await (await resumed(client, "unknown", 1)).next() == {"op": 9, "d": False}
    client.server.gateway.refuse_resumes = True
    assert await (await resumed(client, session, 1)).next() == {"op": 9, "d": False}


@with_raw_client
async def test_a_bot_that_says_goodbye_cannot_resume(client: RawClient) -> None:
    socket = await client.identify()
    session = (await socket.until("READY"))["session_id"]
    await socket.socket.close(code=1000)
    await client.simulation.until(lambda: client.server.gateway.connected == 0)
    assert await (await resumed(client, session, 1)).next() == {"op": 9, "d": False}


@with_raw_client
async def test_it_can_ask_to_reconnect_and_send_garbage(client: RawClient) -> None:
    socket = await client.identify()
    await socket.until("GUILD_CREATE")
    client.server.gateway.ask_to_reconnect()
    assert (await socket.next())["op"] == 7
    client.server.gateway.send("{garbage")
    assert (await socket.socket.receive(5)).data == "{garbage"
