"""The page: files that are read once and handed out as they are. Knows no model: its numbers come over /api."""

import gzip
import hashlib
import html
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from bot.web.http.paths import READING
from bot.web.state import AppState

FILES = Path(__file__).parents[1] / "static"
INDEX = "index.html"
KINDS = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@dataclass(frozen=True, slots=True)
class Asset:
    """A file, as it is and compressed. `tag` is another when its content is."""

    kind: str
    content: bytes
    packed: bytes
    tag: str

    def answer(self, request: Request) -> Response:
        """What to send: nothing anew to who has it, and it compressed to who can unpack it."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if self.tag in _listed(request, "if-none-match"):
            return Response(status_code=304, headers=headers)
        if "gzip" in _listed(request, "accept-encoding"):
            return Response(self.packed, media_type=self.kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(self.content, media_type=self.kind, headers=headers)


def router(sources: AppState) -> APIRouter:
    """The page at "/", for people called as `[persona] name` says, and its files."""
    files = dict(assets(sources.settings.persona.name))
    index = files.pop(INDEX)
    page = APIRouter(include_in_schema=False)

    @page.api_route("/", methods=READING)
    async def here(request: Request) -> Response:
        return index.answer(request)

    @page.api_route("/static/{name}", methods=READING)
    async def static(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return files[name].answer(request)

    return page


def assets(name: str) -> Iterator[tuple[str, Asset]]:
    """Every file of the page by its name; `name` is what dann is called in it."""
    paths = sorted(path for path in FILES.iterdir() if path.suffix in KINDS)
    for path in paths:
        content = path.read_bytes()
        if path.name == INDEX:
            content = _filled(content.decode(), name, [other.name for other in paths]).encode()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        yield path.name, Asset(KINDS[path.suffix], content, gzip.compress(content, mtime=0), tag)


def _filled(index: str, name: str, files: list[str]) -> str:
    """The page for a name, told which modules it will ask for, so that a browser need not find them one by one."""
    modules = (file for file in files if file.endswith(".js") and file != "theme.js")
    preloads = "\n".join(f'<link rel="modulepreload" href="/static/{module}">' for module in modules)
    return index.replace("$preloads", preloads).replace("$name", html.escape(name))


def _listed(request: Request, header: str) -> set[str]:
    """The values of a header that lists some, without their weights; those of weight 0 are not among them."""
    values = (value.strip().partition(";") for value in request.headers.get(header, "").split(","))
    return {
        value.strip().removeprefix("W/")
        for value, _, weight in values
        if weight.replace(" ", "") not in {"q=0", "q=0.0"}
    }
