"""One bot's gateway socket: sends one zlib stream, checks and rate-limits received frames."""

import json
import time
import zlib
from collections import deque
from typing import Any

from aiohttp import WSMsgType, web

Json = dict[str, Any]
MAX_FRAMES_PER_MINUTE = 120
MAX_FRAME_LENGTH = 4096


class ClosingError(Exception):
    """The server must close the socket with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code


class Connection:
    """Sends and receives frames on one socket, opened at `path`."""

    def __init__(self, request: web.Request, socket: web.WebSocketResponse) -> None:
        self.path = request.path
        self._request = request
        self._socket = socket
        compressed = request.query.get("compress") == "zlib-stream"
        self._zlib = zlib.compressobj() if compressed else None
        self._received: deque[float] = deque(maxlen=MAX_FRAMES_PER_MINUTE)
        self.last_beat = time.monotonic()

    def check_address(self) -> None:
        """Raise ClosingError for an unsupported version or encoding."""
        query = self._request.query
        if query.get("v") != "10":
            raise ClosingError(4012, "Invalid API version")
        if query.get("encoding") != "json" or query.get("compress", "zlib-stream") != "zlib-stream":
            raise ClosingError(4002, "Only JSON is offered, plain or as a zlib stream")

    async def send(self, frame: Json) -> None:
        await self.send_text(json.dumps(frame, ensure_ascii=False))

    async def send_text(self, text: str) -> None:
        """Send any text as a frame, unless the socket is closed."""
        if self._socket.closed:
            return
        try:
            if self._zlib is None:
                await self._socket.send_str(text)
            else:
                raw = self._zlib.compress(text.encode()) + self._zlib.flush(zlib.Z_SYNC_FLUSH)
                await self._socket.send_bytes(raw)
        except ConnectionResetError:
            pass

    async def receive(self) -> Json | None:
        """Return the next frame, None if disconnected. Raises ClosingError for an invalid one."""
        message = await self._socket.receive()
        if message.type is not WSMsgType.TEXT:
            return None
        now = time.monotonic()
        if len(self._received) == MAX_FRAMES_PER_MINUTE and now - self._received[0] < 60:
            raise ClosingError(4008, "You are being rate limited.")
        self._received.append(now)
        if len(message.data) > MAX_FRAME_LENGTH:
            raise ClosingError(4002, "Error while decoding payload.")
        try:
            frame = json.loads(message.data)
        except ValueError:
            frame = None
        if not isinstance(frame, dict) or not isinstance(frame.get("op"), int):
            raise ClosingError(4002, "Error while decoding payload.")
        return frame

    async def close(self, code: int, reason: str = "") -> None:
        await self._socket.close(code=code, message=reason.encode())

    @property
    def close_code(self) -> int | None:
        """The close code sent by the bot."""
        return self._socket.close_code

    def cut(self) -> None:
        """Abort the connection without a close frame."""
        if transport := self._request.transport:
            transport.abort()
