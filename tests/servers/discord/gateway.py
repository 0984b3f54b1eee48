"""The gateway: hello, identify, heartbeats, events, and resuming after a line was lost."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.servers.discord import intents, payloads
from tests.servers.discord.connection import ClosingError, Connection
from tests.servers.discord.session import Session
from tests.servers.discord.world import Event, World

Json = dict[str, Any]
HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME, RECONNECT = 1, 2, 3, 4, 6, 7
INVALID_SESSION, HELLO, ACK = 9, 10, 11


class Gateway:
    """Every connection and session of the bot. The attributes are its limits, and the faults that a test can order.

    `heartbeat_seconds` is how often a bot must beat; `acks` False leaves the beats unanswered; `refuse_resumes` calls
    every session invalid; `close_with` is a code that the next bot to identify is turned away with; `identify_seconds` is how long must lie between two that identify on one of `max_concurrency`.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.heartbeat_seconds = 41.25
        self.acks = True
        self.refuse_resumes = False
        self.close_with = 0
        self.identify_seconds = 5.0
        self.max_concurrency = 1
        self.shards = 1
        self.starts_left = 1000
        self.resume_url = ""
        self.log: list[str] = []
        self.closed: list[int] = []
        self.sessions: dict[str, Session] = {}
        self._live: dict[Connection, tuple[Session, asyncio.Queue[Json | str]]] = {}
        self._identified: dict[int, float] = {}
        self._held: list[Event] | None = None
        world.listeners.append(self._tell)

    @property
    def connected(self) -> int:
        """How many shards are identified or resumed and listening."""
        return len(self._live)

    # faults

    def cut(self) -> None:
        """Break every line."""
        for connection in list(self._live):
            connection.cut()

    def send(self, frame: Json | str) -> None:
        """Put a frame, or a text that is none, to every bot."""
        for _, queue in self._live.values():
            queue.put_nowait(frame)

    def ask_to_reconnect(self) -> None:
        self.send({"op": RECONNECT, "d": None, "s": None, "t": None})

    @contextmanager
    def held(self) -> Iterator[list[Event]]:
        """Hold events back; the list, as it was left, is told at the end."""
        held: list[Event] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None
            for event in held:
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        live = dict(self._live.values())
        for session in self.sessions.values():
            if (frame := session.told(event)) and session in live:
                live[session].put_nowait(frame)

    # one connection

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Answer one bot's socket for as long as it lasts."""
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self.log.append(f"connect {connection.path}")
        watch = asyncio.create_task(self._watch(connection))
        try:
            connection.check_address()
            await connection.send({"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_seconds * 1000)}})
            await self._converse(connection)
        except ClosingError as closing:
            self.closed.append(closing.code)
            await connection.close(closing.code, str(closing))
        finally:
            watch.cancel()
            self._leave(connection)
        return socket

    async def _watch(self, connection: Connection) -> None:
        """Close the socket of a bot that has stopped beating; its session is over."""
        while time.monotonic() - connection.beaten < self.heartbeat_seconds * 1.5:
            await asyncio.sleep(self.heartbeat_seconds / 4)
        self.closed.append(4009)
        if connection in self._live:
            self.sessions.pop(self._live[connection][0].id, None)
        self.world.changed()
        await connection.close(4009, "Session timed out")

    async def _converse(self, connection: Connection) -> None:
        sender: asyncio.Task[None] | None = None
        try:
            while frame := await connection.receive():
                op, data = frame["op"], frame.get("d")
                if op == HEARTBEAT:
                    await self._beat(connection, data)
                elif op in (IDENTIFY, RESUME) and sender:
                    raise ClosingError(4005, "Already authenticated")
                elif op in (IDENTIFY, RESUME):
                    join = self._identify if op == IDENTIFY else self._resume
                    if queue := await join(connection, data if isinstance(data, dict) else {}):
                        sender = asyncio.create_task(_pour(queue, connection))
                elif op not in (PRESENCE, VOICE):
                    raise ClosingError(4001, "Unknown opcode")
                elif sender is None:
                    raise ClosingError(4003, "Not authenticated")
        finally:
            if sender:
                sender.cancel()

    async def _beat(self, connection: Connection, seq: Any) -> None:
        if seq is not None and not isinstance(seq, int):
            raise ClosingError(4002, "Error while decoding payload.")
        connection.beaten = time.monotonic()
        self.log.append("beat")
        if self.acks:
            await connection.send({"op": ACK})

    async def _identify(self, connection: Connection, data: Json) -> asyncio.Queue[Json | str] | None:
        session = self._new_session(data)
        now, lane = time.monotonic(), session.shard[0] % self.max_concurrency
        if now - self._identified.get(lane, -self.identify_seconds) < self.identify_seconds or self.starts_left < 1:
            await connection.send({"op": INVALID_SESSION, "d": False})
            return None
        self._identified[lane] = now
        self.starts_left -= 1
        self.sessions[session.id] = session
        self.log.append(f"identify {session.shard[0]}/{session.shard[1]}")
        return self._join(connection, session, self._greeting(session))

    def _new_session(self, data: Json) -> Session:
        """The session that a bot asks for; raises ClosingError for what it may not have."""
        if self.close_with:
            code, self.close_with = self.close_with, 0
            raise ClosingError(code, "As ordered.")
        wanted, shard = data.get("intents"), data.get("shard", [0, 1])
        properties = data.get("properties")
        if data.get("token") != self.world.token:
            raise ClosingError(4004, "Authentication failed.")
        if not isinstance(properties, dict) or not {"os", "browser", "device"} <= properties.keys():
            raise ClosingError(4002, "Error while decoding payload.")
        if not (isinstance(shard, list) and len(shard) == 2 and 0 <= shard[0] < shard[1]):
            raise ClosingError(4010, "Invalid shard.")
        if shard[1] < self.shards:
            raise ClosingError(4011, "Sharding required.")
        if not isinstance(wanted, int) or not intents.valid(wanted):
            raise ClosingError(4013, "Invalid intent(s).")
        if not intents.allowed(wanted, self.world.application_flags):
            raise ClosingError(4014, "Disallowed intent(s).")
        return Session(self.world.bot.id, wanted, (shard[0], shard[1]))

    def _greeting(self, session: Session) -> list[Json]:
        guilds = [guild for guild in self.world.guilds.values() if session.concerns(guild)]
        ready = {
            "v": 10,
            "user": payloads.user(self.world.bot),
            "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
            "session_id": session.id,
            "resume_gateway_url": self.resume_url,
            "shard": list(session.shard),
            "application": {"id": str(self.world.application_id), "flags": int(self.world.application_flags)},
        }
        told = [Event("GUILD_CREATE", payloads.guild(guild, self.world.bot), guild) for guild in guilds]
        return [session.frame("READY", ready), *filter(None, map(session.told, told))]

    async def _resume(self, connection: Connection, data: Json) -> asyncio.Queue[Json | str] | None:
        if data.get("token") != self.world.token:
            raise ClosingError(4004, "Authentication failed.")
        session, seq = self.sessions.get(str(data.get("session_id"))), data.get("seq")
        if session and (not isinstance(seq, int) or seq > session.seq):
            raise ClosingError(4007, "Invalid seq.")
        missed = session.missed(seq) if session and isinstance(seq, int) else None
        if self.refuse_resumes or session is None or missed is None:
            self.log.append("resume refused")
            await connection.send({"op": INVALID_SESSION, "d": False})
            return None
        self.log.append("resume")
        return self._join(connection, session, [*missed, session.frame("RESUMED", {})])

    def _join(self, connection: Connection, session: Session, frames: list[Json]) -> asyncio.Queue[Json | str]:
        queue: asyncio.Queue[Json | str] = asyncio.Queue()
        for frame in frames:
            queue.put_nowait(frame)
        self._live[connection] = (session, queue)
        self.world.changed()
        return queue

    def _leave(self, connection: Connection) -> None:
        """A bot that says goodbye gives up its session; one whose line broke may come back."""
        session, _ = self._live.pop(connection, (None, None))
        if session and connection.close_code in (1000, 1001):
            self.sessions.pop(session.id, None)
        self.world.changed()


async def _pour(queue: "asyncio.Queue[Json | str]", connection: Connection) -> None:
    send: dict[type, Callable[[Any], Any]] = {dict: connection.send, str: connection.send_text}
    while True:
        frame = await queue.get()
        await send[type(frame)](frame)
