"""A refusal, as OpenAI's clients read one: what is sent before anybody's request reaches a route."""

import json
from collections.abc import Sequence

from starlette.types import Send

Header = tuple[bytes, bytes]


def refusal(message: str, kind: str, code: str) -> bytes:
    """The body of one."""
    error = {"message": message, "type": kind, "param": None, "code": code}
    return json.dumps({"error": error}).encode()


async def refuse(send: Send, status: int, body: bytes, headers: Sequence[Header] = ()) -> None:
    """Send it."""
    told = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": [*told, *headers]})
    await send({"type": "http.response.body", "body": body})
