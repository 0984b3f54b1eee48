"""A raw client of the simulated Discord, which can break rules that a library keeps."""

import asyncio
import functools
import inspect
import json
import zlib
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

from tests.servers.discord import DiscordServer, SimulatedDiscord
from tests.servers.discord.objects import Channel, Guild, User

Json = dict[str, Any]
GUILD_MESSAGES, CONTENT = 1 << 0 | 1 << 9 | 1 << 12, 1 << 15
PROPERTIES = {"os": "linux", "browser": "raw", "device": "raw"}


@dataclass
class RawClient:
    """A server with Ann in a channel, and requests to it, authorized by `token`."""

    server: DiscordServer
    session: ClientSession
    ann: User
    guild: Guild
    room: Channel
    token: str

    @property
    def simulation(self) -> SimulatedDiscord:
        return self.server.simulation

    @property
    def messages(self) -> str:
        return f"/channels/{self.room.id}/messages"

    async def ask(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, Any]:
        """Make a request; return the status and the JSON or None."""
        headers = {"Authorization": f"Bot {self.token}"} if self.token else {}
        url = self.server.api_url + path
        options |= {"json": body} if body is not None else {}
        async with self.session.request(method, url, headers=headers, **options) as response:
            text = await response.text()
            return response.status, json.loads(text) if text else None

    async def code(self, method: str, path: str, body: object = None, **options: Any) -> tuple[int, int]:
        """Make a request that is refused; return the status and Discord's code."""
        status, answer = await self.ask(method, path, body, **options)
        return status, answer["code"]

    async def open(self, query: str = "v=10&encoding=json", path: str = "gateway") -> "GatewaySocket":
        address = self.server.gateway_url.replace("gateway", path)
        return GatewaySocket(await self.session.ws_connect(f"{address}?{query}"), "zlib-stream" in query)

    async def identify(
        self, intents: int = GUILD_MESSAGES, query: str = "v=10&encoding=json", **other: Any
    ) -> "GatewaySocket":
        """Open a socket and identify; frames after hello are not read yet."""
        socket = await self.open(query)
        assert (await socket.next())["op"] == 10
        data = {"token": self.token, "intents": intents, "properties": PROPERTIES, **other}
        await socket.send({"op": 2, "d": {key: value for key, value in data.items() if value is not None}})
        return socket


class GatewaySocket:
    """One socket to the gateway."""

    def __init__(self, socket: ClientWebSocketResponse, compressed: bool) -> None:
        self.socket = socket
        self._zlib = zlib.decompressobj() if compressed else None

    async def send(self, frame: Json | str) -> None:
        await self.socket.send_str(frame if isinstance(frame, str) else json.dumps(frame))

    async def next(self) -> Json:
        """Return the next frame. Raises AssertionError if the socket is closed."""
        message = await self.socket.receive(5)
        assert message.type in (WSMsgType.TEXT, WSMsgType.BINARY), f"closed with {self.socket.close_code}"
        if self._zlib is None:
            assert message.type is WSMsgType.TEXT
            text = message.data
        else:
            assert message.data.endswith(b"\x00\x00\xff\xff")
            text = self._zlib.decompress(message.data).decode()
        frame: Json = json.loads(text)
        return frame

    async def until(self, name: str) -> Json:
        """Read up to the event of this name; return its data."""
        while (frame := await self.next()).get("t") != name:
            pass
        data: Json = frame["d"]
        return data

    async def closing_code(self) -> int | None:
        """Read until the server closes the socket; return the close code."""
        while not self.socket.closed:
            await self.socket.receive(5)
        return self.socket.close_code


@asynccontextmanager
async def connected_raw_client() -> AsyncIterator[RawClient]:
    async with DiscordServer() as server, ClientSession() as session:
        ann = server.simulation.user("ann")
        guild = server.simulation.guild("home", ann)
        server.gateway.identify_seconds = 0.0
        yield RawClient(
            server, session, ann, guild, server.simulation.channel(guild, "general"), server.simulation.token
        )


def with_raw_client(test: Callable[..., Coroutine[Any, Any, None]]) -> Callable[..., None]:
    """Run an async test whose first parameter is a RawClient."""

    async def run_async(**fixtures: Any) -> None:
        async with connected_raw_client() as client:
            await test(client, **fixtures)

    @functools.wraps(test)
    def run(**fixtures: Any) -> None:
        asyncio.run(run_async(**fixtures))

    run.__signature__ = inspect.Signature(list(inspect.signature(test).parameters.values())[1:])  # type: ignore[attr-defined]
    return run
