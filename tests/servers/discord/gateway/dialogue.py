"""The gateway protocol on one socket: heartbeat, identify, resume, and its violations."""

import asyncio
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from tests.servers.discord.gateway import intents
from tests.servers.discord.gateway.connection import ClosingError, Connection
from tests.servers.discord.gateway.session import Session
from tests.servers.discord.objects import Event
from tests.servers.discord.rest import payloads

if TYPE_CHECKING:
    from tests.servers.discord.gateway.gateway import Gateway

Json = dict[str, Any]
HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 1, 2, 3, 4, 6
INVALID_SESSION, ACK = 9, 11


async def converse(gateway: "Gateway", connection: Connection) -> None:
    sender: asyncio.Task[None] | None = None
    try:
        while frame := await connection.receive():
            op, data = frame["op"], frame.get("d")
            if op == HEARTBEAT:
                await beat(gateway, connection, data)
            elif op in (IDENTIFY, RESUME) and sender:
                raise ClosingError(4005, "Already authenticated")
            elif op in (IDENTIFY, RESUME):
                join = identify if op == IDENTIFY else resume
                if queue := await join(gateway, connection, data if isinstance(data, dict) else {}):
                    sender = asyncio.create_task(send_frames(queue, connection))
            elif op not in (PRESENCE, VOICE):
                raise ClosingError(4001, "Unknown opcode")
            elif sender is None:
                raise ClosingError(4003, "Not authenticated")
        if not gateway.goodbyes:
            await asyncio.Event().wait()
    finally:
        if sender:
            sender.cancel()


async def beat(gateway: "Gateway", connection: Connection, seq: Any) -> None:
    if seq is not None and not isinstance(seq, int):
        raise ClosingError(4002, "Error while decoding payload.")
    connection.last_beat = time.monotonic()
    gateway.log.append("beat")
    if gateway.acks:
        await connection.send({"op": ACK})


async def identify(gateway: "Gateway", connection: Connection, data: Json) -> asyncio.Queue[Json | str] | None:
    session = new_session(gateway, data)
    now, lane = time.monotonic(), session.shard[0] % gateway.max_concurrency
    if (
        now - gateway.identified.get(lane, -gateway.identify_seconds) < gateway.identify_seconds
        or gateway.starts_left < 1
    ):
        await connection.send({"op": INVALID_SESSION, "d": False})
        return None
    gateway.identified[lane] = now
    gateway.starts_left -= 1
    gateway.sessions[session.id] = session
    gateway.log.append(f"identify {session.shard[0]}/{session.shard[1]}")
    return gateway.join(connection, session, greeting(gateway, session))


def new_session(gateway: "Gateway", data: Json) -> Session:
    """Return a new session. Raises ClosingError for an invalid or refused one."""
    if gateway.close_with:
        code, gateway.close_with = gateway.close_with, 0
        raise ClosingError(code, "As ordered.")
    wanted, shard = data.get("intents"), data.get("shard", [0, 1])
    properties = data.get("properties")
    if data.get("token") != gateway.simulation.token:
        raise ClosingError(4004, "Authentication failed.")
    if not isinstance(properties, dict) or not {"os", "browser", "device"} <= properties.keys():
        raise ClosingError(4002, "Error while decoding payload.")
    if not (isinstance(shard, list) and len(shard) == 2 and 0 <= shard[0] < shard[1]):
        raise ClosingError(4010, "Invalid shard.")
    if shard[1] < gateway.shards:
        raise ClosingError(4011, "Sharding required.")
    if not isinstance(wanted, int) or not intents.valid(wanted):
        raise ClosingError(4013, "Invalid intent(s).")
    if not intents.allowed(wanted, gateway.simulation.application_flags):
        raise ClosingError(4014, "Disallowed intent(s).")
    return Session(gateway.simulation.bot.id, wanted, (shard[0], shard[1]))


def greeting(gateway: "Gateway", session: Session) -> list[Json]:
    guilds = [guild for guild in gateway.simulation.guilds.values() if session.includes(guild)]
    ready = {
        "v": 10,
        "user": payloads.user(gateway.simulation.bot),
        "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
        "session_id": session.id,
        "resume_gateway_url": gateway.resume_url,
        "shard": list(session.shard),
        "application": {
            "id": str(gateway.simulation.application_id),
            "flags": int(gateway.simulation.application_flags),
        },
    }
    events = [Event("GUILD_CREATE", payloads.guild(guild, gateway.simulation.bot), guild) for guild in guilds]
    return [session.frame("READY", ready), *filter(None, map(session.frame_for, events))]


async def resume(gateway: "Gateway", connection: Connection, data: Json) -> asyncio.Queue[Json | str] | None:
    if data.get("token") != gateway.simulation.token:
        raise ClosingError(4004, "Authentication failed.")
    session, seq = gateway.sessions.get(str(data.get("session_id"))), data.get("seq")
    if session and (not isinstance(seq, int) or seq > session.seq):
        raise ClosingError(4007, "Invalid seq.")
    missed = session.missed(seq) if session and isinstance(seq, int) else None
    if gateway.refuse_resumes or session is None or missed is None:
        gateway.log.append("resume refused")
        await connection.send({"op": INVALID_SESSION, "d": False})
        return None
    gateway.log.append("resume")
    return gateway.join(connection, session, [*missed, session.frame("RESUMED", {})])


async def send_frames(queue: "asyncio.Queue[Json | str]", connection: Connection) -> None:
    send: dict[type, Callable[[Any], Any]] = {dict: connection.send, str: connection.send_text}
    while True:
        frame = await queue.get()
        await send[type(frame)](frame)
