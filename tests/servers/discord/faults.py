"""Faults in answers to REST requests, ordered by a test."""

import asyncio
import re
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.discord.rest.rate_limits import refusal_headers


@dataclass(slots=True)
class Fault:
    """A fault for the next `times` matching requests: a `status`, or a hang until released.

    `seconds` is a 429's `retry_after`; with `done` the request is carried out, and only its answer is lost.
    """

    method: str
    path: str
    status: int = 500
    times: int = 1
    seconds: float = 0.05
    everywhere: bool = False
    banned: bool = False
    garbage: bool = False
    hangs: bool = False
    done: bool = False
    seen: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    def matches(self, method: str, path: str) -> bool:
        return self.seen < self.times and self.method == method and re.search(self.path, path) is not None

    async def answer(self) -> web.Response | None:
        """Return the faulty answer, or None to handle the request normally, after a hang."""
        if self.hangs:
            await self.released.wait()
            return None
        if self.garbage:
            return web.Response(body=b'{"id": ', headers={"Content-Type": "application/json"})
        if self.status != 429:
            return web.Response(status=self.status, text="<html>upstream error</html>", content_type="text/html")
        body = {"message": "You are being rate limited.", "retry_after": self.seconds, "global": self.everywhere}
        headers = {} if self.banned else refusal_headers(self.seconds, everywhere=self.everywhere)
        return json_response(body, status=429, headers=headers)


class Faults:
    """The ordered faults; the first that matches a request is used."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, fault: Fault) -> Fault:
        self._ordered.append(fault)
        return fault

    def match(self, method: str, path: str) -> Fault | None:
        for fault in self._ordered:
            if fault.matches(method, path):
                fault.seen += 1
                return fault
        return None


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """Return JSON as Discord sends it, with a bare content type."""
    import json

    raw = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})
