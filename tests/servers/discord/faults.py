"""What goes wrong with a request where a test has ordered it."""

import asyncio
import re
from dataclasses import dataclass, field

from aiohttp import web

from tests.servers.discord.rest.rate_limits import refusal_headers


@dataclass(slots=True)
class Fault:
    """The next `times` requests of this method whose path matches are answered with `status`, or hang until released.

    `seconds` is a 429's `retry_after`; `done`: the request is carried out all the same, only its answer is lost.
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

    def meets(self, method: str, path: str) -> bool:
        return self.seen < self.times and self.method == method and re.search(self.path, path) is not None

    async def answer(self) -> web.Response | None:
        """The faulty answer; None: after hanging, the request goes its way."""
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
    """The faults that were ordered, the first that meets a request counts."""

    def __init__(self) -> None:
        self._ordered: list[Fault] = []

    def order(self, fault: Fault) -> Fault:
        self._ordered.append(fault)
        return fault

    def meeting(self, method: str, path: str) -> Fault | None:
        for fault in self._ordered:
            if fault.meets(method, path):
                fault.seen += 1
                return fault
        return None


def json_response(body: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    """JSON as Discord sends it: the content type is that and nothing more."""
    import json

    raw = json.dumps(body, ensure_ascii=False).encode()
    return web.Response(body=raw, status=status, headers={"Content-Type": "application/json", **(headers or {})})
