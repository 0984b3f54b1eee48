"""The gateway: its sockets and sessions, whom it tells of what happens, and what a test lets go wrong with it."""

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from aiohttp import web

from tests.servers.discord.gateway.connection import ClosingError, Connection
from tests.servers.discord.gateway.dialogue import converse
from tests.servers.discord.gateway.session import Session
from tests.servers.discord.objects import Event
from tests.servers.discord.simulation import World

Json = dict[str, Any]
RECONNECT, HELLO = 7, 10


class Gateway:
    """Every connection and session of the bot. The attributes are its limits, and the faults that a test can order.

    `heartbeat_seconds` is how often a bot must beat; `acks` and `goodbyes` False leave those unanswered; `refuse_resumes`
    calls every session invalid; `close_with` is a code that the next bot to identify is turned away with; `identify_seconds`
    is how long must lie between two that identify on one of `max_concurrency`. `log` is what bots did, `closed` the codes
    they were closed with.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.heartbeat_seconds = 41.25
        self.acks = True
        self.goodbyes = True
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
        self.identified: dict[int, float] = {}
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

    @contextmanager
    def doubled(self) -> Iterator[None]:
        """Tell of every event twice."""
        with self.held() as events:
            yield
            events.extend(list(events))

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
            await converse(self, connection)
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

    def join(self, connection: Connection, session: Session, frames: list[Json]) -> asyncio.Queue[Json | str]:
        """Let a connection have a session's events from here on, these first."""
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
