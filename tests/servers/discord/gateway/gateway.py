"""The gateway: its sockets, sessions and events, and the faults that a test can order."""

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
from tests.servers.discord.simulation import SimulatedDiscord

Json = dict[str, Any]
RECONNECT, HELLO = 7, 10


class Gateway:
    """All connections and sessions of the bot; the attributes are its limits and faults.

    `heartbeat_seconds` is the interval of heartbeats, `patience` how many of them it waits for one; `acks` and `goodbyes`
    False leave those unanswered; `refuse_resumes` makes every session invalid; `close_with` is the code that the next
    identify is refused with; `identify_seconds` must pass between two identifies in one lane of `max_concurrency`. `log`
    lists bots' actions, `closed` the close codes sent.
    """

    def __init__(self, simulation: SimulatedDiscord) -> None:
        self.simulation = simulation
        self.heartbeat_seconds = 41.25
        self.patience = 1.5
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
        simulation.listeners.append(self._send_event)

    @property
    def connected(self) -> int:
        """The number of shards that are identified or resumed."""
        return len(self._live)

    # faults

    def cut(self) -> None:
        """Abort all connections."""
        for connection in list(self._live):
            connection.cut()

    def send(self, frame: Json | str) -> None:
        """Send a frame, or any text, to every bot."""
        for _, queue in self._live.values():
            queue.put_nowait(frame)

    def ask_to_reconnect(self) -> None:
        self.send({"op": RECONNECT, "d": None, "s": None, "t": None})

    @contextmanager
    def held(self) -> Iterator[list[Event]]:
        """Hold back events in a list that a test may change; send it at the end."""
        held: list[Event] = []
        self._held = held
        try:
            yield held
        finally:
            self._held = None
            for event in held:
                self._send_event(event)

    @contextmanager
    def doubled(self) -> Iterator[None]:
        """Send every event twice."""
        with self.held() as events:
            yield
            events.extend(list(events))

    def _send_event(self, event: Event) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        live = dict(self._live.values())
        for session in self.sessions.values():
            if (frame := session.frame_for(event)) and session in live:
                live[session].put_nowait(frame)

    # one connection

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        """Serve one bot's socket until it closes."""
        socket = web.WebSocketResponse(autoclose=False)
        await socket.prepare(request)
        connection = Connection(request, socket)
        self.log.append(f"connect {connection.path}")
        heartbeat_check = asyncio.create_task(self._check_heartbeat(connection))
        try:
            connection.check_address()
            await connection.send({"op": HELLO, "d": {"heartbeat_interval": int(self.heartbeat_seconds * 1000)}})
            await converse(self, connection)
        except ClosingError as closing:
            self.closed.append(closing.code)
            await connection.close(closing.code, str(closing))
        finally:
            heartbeat_check.cancel()
            self._leave(connection)
        return socket

    async def _check_heartbeat(self, connection: Connection) -> None:
        """Close the socket and end the session of a bot that sends no heartbeats."""
        while time.monotonic() - connection.last_beat < self.heartbeat_seconds * self.patience:
            await asyncio.sleep(self.heartbeat_seconds / 4)
        self.closed.append(4009)
        if connection in self._live:
            self.sessions.pop(self._live[connection][0].id, None)
        self.simulation.changed()
        await connection.close(4009, "Session timed out")

    def join(self, connection: Connection, session: Session, frames: list[Json]) -> asyncio.Queue[Json | str]:
        """Send a session's events to a connection from now on, `frames` first."""
        queue: asyncio.Queue[Json | str] = asyncio.Queue()
        for frame in frames:
            queue.put_nowait(frame)
        self._live[connection] = (session, queue)
        self.simulation.changed()
        return queue

    def _leave(self, connection: Connection) -> None:
        """End the session of a bot that closed its socket; after a lost connection it may resume."""
        session, _ = self._live.pop(connection, (None, None))
        if session and connection.close_code in (1000, 1001):
            self.sessions.pop(session.id, None)
        self.simulation.changed()
