"""The server that stands in for Discord refuses what Discord refuses: at the gateway. And it forgets nothing it owes."""

from typing import Any

import pytest

from tests.servers.discord.gateway.intents import AppFlag, Intent
from tests.servers.discord.objects import EVERYTHING, Permission
from tests.servers.discord.raw_client import CONTENT, GUILD_MESSAGES, PROPERTIES, Raw, wired


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("v=9&encoding=json", 4012),
        ("encoding=json", 4012),
        ("v=10&encoding=etf", 4002),
        ("v=10&encoding=json&compress=zip", 4002),
    ],
)
@wired
async def test_addresses_it_does_not_serve(it: Raw, query: str, code: int) -> None:
    assert await (await it.open(query)).closing_code() == code


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
@wired
async def test_identifying_wrongly(it: Raw, other: dict[str, Any], code: int) -> None:
    assert await (await it.identify(**other)).closing_code() == code
    assert it.server.gateway.sessions == {}


@wired
async def test_message_content_must_be_switched_on(it: Raw) -> None:
    it.world.application_flags = AppFlag(0)
    assert await (await it.identify(GUILD_MESSAGES | CONTENT)).closing_code() == 4014
    it.world.application_flags = AppFlag.MESSAGE_CONTENT
    await (await it.identify(GUILD_MESSAGES | CONTENT)).until("READY")


@wired
async def test_many_servers_need_shards(it: Raw) -> None:
    it.server.gateway.shards = 2
    assert await (await it.identify()).closing_code() == 4011
    await (await it.identify(shard=[0, 2])).until("READY")


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
@wired
async def test_frames_that_are_none(it: Raw, frame: str, code: int) -> None:
    wire = await it.open()
    await wire.send(frame)
    assert await wire.closing_code() == code


@wired
async def test_identifying_twice(it: Raw) -> None:
    wire = await it.identify()
    await wire.until("READY")
    await wire.send({"op": 2, "d": {"token": it.token, "intents": 1, "properties": PROPERTIES}})
    assert await wire.closing_code() == 4005


@wired
async def test_too_many_frames(it: Raw) -> None:
    wire = await it.open()
    for _ in range(121):
        await wire.send({"op": 1, "d": None})
    assert await wire.closing_code() == 4008


@wired
async def test_identifying_too_soon_after_another(it: Raw) -> None:
    it.server.gateway.identify_seconds = 5.0
    await (await it.identify()).until("READY")
    assert await (await it.identify()).next() == {"op": 9, "d": False}


@wired
async def test_hello_comes_first_and_says_how_often_to_beat(it: Raw) -> None:
    wire = await it.open()
    assert await wire.next() == {"op": 10, "d": {"heartbeat_interval": 41250}}


@wired
async def test_a_beat_is_acknowledged_and_a_bot_that_misses_it_is_dropped(it: Raw) -> None:
    it.server.gateway.heartbeat_seconds = 0.4
    wire = await it.identify()
    await wire.until("GUILD_CREATE")
    await wire.send({"op": 1, "d": 2})
    assert (await wire.next())["op"] == 11
    assert await wire.closing_code() == 4009
    assert it.server.gateway.sessions == {}


@wired
async def test_ready_and_the_guilds_come_first(it: Raw) -> None:
    wire = await it.identify()
    ready, guild = await wire.until("READY"), await wire.until("GUILD_CREATE")
    assert ready["guilds"] == [{"id": str(it.guild.id), "unavailable": True}]
    assert ready["resume_gateway_url"].endswith("/resume")
    assert ready["shard"] == [0, 1]
    assert [channel["name"] for channel in guild["channels"]] == ["general"]
    assert [member["user"]["username"] for member in guild["members"]] == ["dann"]


@wired
async def test_one_zlib_stream_for_all_frames(it: Raw) -> None:
    wire = await it.identify(query="v=10&encoding=json&compress=zlib-stream")
    await wire.until("GUILD_CREATE")
    it.world.say(it.ann, it.room, "ünïcödé")
    assert (await wire.until("MESSAGE_CREATE"))["author"]["username"] == "ann"


@wired
async def test_only_what_was_asked_for_is_told(it: Raw) -> None:
    """Each socket sees the one event that it asked for first, though others happened before."""
    guilds, private = await it.identify(1 << 0), await it.identify(1 << 12)
    for wire in (guilds, private):
        await wire.until("READY")
    it.world.say(it.ann, it.room, "in the room")
    it.world.channel(it.guild, "new")
    it.world.say(it.ann, it.world.dm(it.ann), "in private")
    assert (await guilds.until("GUILD_CREATE"))["id"] == str(it.guild.id)
    assert (await guilds.next())["t"] == "CHANNEL_CREATE"
    told = await private.next()
    assert (told["t"], told["d"]["content"]) == ("MESSAGE_CREATE", "in private")


@wired
async def test_content_is_empty_without_its_intent_but_for_what_concerns_the_bot(it: Raw) -> None:
    wire = await it.identify(GUILD_MESSAGES)
    await wire.until("GUILD_CREATE")
    at = f"<@{it.world.bot.id}>"
    said = it.world.say(it.ann, it.room, "secret", attachments=["cat.png"])
    it.world.say(it.ann, it.room, f"{at} hello", reply_to=said)
    it.world.say(it.ann, it.room, f"`{at}` in code")
    it.world.say(it.ann, it.world.dm(it.ann), "psst")
    own = (await it.ask("POST", it.messages, {"content": "mine"}))[1]
    it.world.say(it.ann, it.room, "why", reply_to=it.room.messages[int(own["id"])])
    it.world.edit(said, "more secret")
    told = [(await wire.next())["d"] for _ in range(7)]
    assert [one["content"] for one in told] == ["", f"{at} hello", "", "psst", "mine", "why", ""]
    assert told[0]["attachments"] == []
    assert told[1]["referenced_message"]["content"] == ""


@wired
async def test_nothing_is_told_of_a_channel_that_the_bot_may_not_see(it: Raw) -> None:
    wire = await it.identify(GUILD_MESSAGES)
    await wire.until("GUILD_CREATE")
    it.room.bot_may = EVERYTHING & ~Permission.VIEW
    it.world.say(it.ann, it.room, "hidden")
    it.world.say(it.ann, it.world.dm(it.ann), "seen")
    assert (await wire.next())["d"]["content"] == "seen"


@wired
async def test_a_message_comes_with_its_member_but_a_webhooks_does_not(it: Raw) -> None:
    wire = await it.identify(GUILD_MESSAGES)
    await wire.until("GUILD_CREATE")
    it.world.say(it.ann, it.room, "hi")
    it.world.say(it.world.user("news"), it.room, "hi", webhook=True)
    it.world.say(it.ann, it.room, "hi", with_member=False)
    told = [(await wire.next())["d"] for _ in range(3)]
    assert ["member" in one for one in told] == [True, False, False]
    assert ["webhook_id" in one for one in told] == [False, True, False]


@wired
async def test_shards_share_the_guilds_and_the_first_has_the_private_chats(it: Raw) -> None:
    guilds = [it.world.guild("even", id_=4 << 22), it.world.guild("odd", id_=5 << 22)]
    rooms = [it.world.channel(guild, "general") for guild in guilds]
    wires = [await it.identify(shard=[number, 2]) for number in range(2)]
    for wire in wires:
        await wire.until("READY")
    for room in (*rooms, it.world.dm(it.ann)):
        it.world.say(it.ann, room, str(room.id))
    assert (await wires[0].until("MESSAGE_CREATE"))["channel_id"] == str(rooms[0].id)
    assert (await wires[0].until("MESSAGE_CREATE"))["channel_id"] == str(it.world.dm(it.ann).id)
    assert (await wires[1].until("MESSAGE_CREATE"))["channel_id"] == str(rooms[1].id)


async def resumed(it: Raw, session: str, seq: object, token: str | None = None) -> Any:
    wire = await it.open(path="resume")
    await wire.next()
    await wire.send({"op": 6, "d": {"token": token or it.token, "session_id": session, "seq": seq}})
    return wire


@wired
async def test_resuming_replays_what_was_missed(it: Raw) -> None:
    wire = await it.identify(GUILD_MESSAGES | CONTENT)
    session = (await wire.until("READY"))["session_id"]
    await wire.until("GUILD_CREATE")
    it.world.say(it.ann, it.room, "one")
    await wire.until("MESSAGE_CREATE")
    it.server.gateway.cut()
    await wire.closing_code()
    it.world.say(it.ann, it.room, "two")
    it.world.say(it.ann, it.room, "three")
    again = await resumed(it, session, 3)
    told = [await again.next() for _ in range(3)]
    assert [(frame["s"], frame["t"]) for frame in told] == [
        (4, "MESSAGE_CREATE"),
        (5, "MESSAGE_CREATE"),
        (6, "RESUMED"),
    ]
    it.world.say(it.ann, it.room, "four")
    assert (await again.next())["d"]["content"] == "four"


@wired
async def test_resumes_that_are_refused(it: Raw) -> None:
    wire = await it.identify()
    session = (await wire.until("READY"))["session_id"]
    assert await (await resumed(it, session, 1, token="wrong")).closing_code() == 4004
    assert await (await resumed(it, session, 99)).closing_code() == 4007
    assert await (await resumed(it, session, "one")).closing_code() == 4007
    assert await (await resumed(it, "unknown", 1)).next() == {"op": 9, "d": False}
    it.server.gateway.refuse_resumes = True
    assert await (await resumed(it, session, 1)).next() == {"op": 9, "d": False}


@wired
async def test_a_bot_that_says_goodbye_cannot_resume(it: Raw) -> None:
    wire = await it.identify()
    session = (await wire.until("READY"))["session_id"]
    await wire.socket.close(code=1000)
    await it.world.until(lambda: it.server.gateway.connected == 0)
    assert await (await resumed(it, session, 1)).next() == {"op": 9, "d": False}


@wired
async def test_it_can_ask_to_reconnect_and_send_garbage(it: Raw) -> None:
    wire = await it.identify()
    await wire.until("GUILD_CREATE")
    it.server.gateway.ask_to_reconnect()
    assert (await wire.next())["op"] == 7
    it.server.gateway.send("{garbage")
    assert (await wire.socket.receive(5)).data == "{garbage"
