"""The error body of HTTP, as OpenAI's clients read it, and refusals outside of routes.

{"error": {"message": "...", "type": "invalid_request_error", "param": "temperature", "code": null}}
"""

import json
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from starlette.types import Send

Header = tuple[bytes, bytes]

KINDS = {401: "authentication_error", 403: "permission_error", 404: "not_found_error", 429: "rate_limit_error"}


def error_body(status: int, message: str, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Build the body of an error; its type follows from the status."""
    kind = KINDS.get(status, "invalid_request_error" if status < HTTPStatus.INTERNAL_SERVER_ERROR else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def json_response(status: int, message: str, code: str, headers: Sequence[Header] = ()) -> tuple[bytes, list[Header]]:
    """Encode an error: its body and the headers that go with it."""
    body = json.dumps(error_body(status, message, code=code)).encode()
    own = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *headers]
    return body, own


async def refuse(send: Send, status: int, message: str, code: str, headers: Sequence[Header] = ()) -> None:
    """Send an error as the whole response."""
    body, own = json_response(status, message, code, [(b"cache-control", b"no-store"), *headers])
    await send({"type": "http.response.start", "status": status, "headers": own})
    await send({"type": "http.response.body", "body": body})
