"""The page: files read once and sent as they are, its dials written into it.

Not Starlette's StaticFiles: that reads the disk for every request, compresses nothing, and cannot fill in a name.
Knows no model: figures come over /api.
"""

import gzip
import hashlib
import html
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from bot.web.http.paths import READING
from bot.web.page.dials import dials
from bot.web.state import AppState
from model.config import SamplingParams

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
    """A file, as it is and compressed; `tag` is a hash of its content."""

    kind: str
    content: bytes
    packed: bytes
    tag: str

    def answer(self, request: Request) -> Response:
        """Build the response: 304 where the browser has this content, gzip where it accepts that."""
        headers = {"ETag": self.tag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if self.tag in _listed(request, "if-none-match"):
            return Response(status_code=304, headers=headers)
        if "gzip" in _listed(request, "accept-encoding"):
            return Response(self.packed, media_type=self.kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(self.content, media_type=self.kind, headers=headers)


def router(state: AppState) -> APIRouter:
    """Routes of the page at "/", where dann goes by `[persona] name`, and of its files."""
    settings = state.settings
    files = dict(assets(settings.persona.name, settings.sample))
    index = files.pop(INDEX)
    page = APIRouter(include_in_schema=False)

    @page.api_route("/", methods=READING)
    async def read_index(request: Request) -> Response:
        return index.answer(request)

    @page.api_route("/static/{name}", methods=READING)
    async def read_file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        return files[name].answer(request)

    return page


def assets(name: str, defaults: SamplingParams) -> Iterator[tuple[str, Asset]]:
    """Every file of the page by its name; dann is called `name`, dials stand at `defaults`."""
    paths = sorted(path for path in FILES.iterdir() if path.suffix in KINDS)
    for path in paths:
        content = path.read_bytes()
        if path.name == INDEX:
            content = _filled(content.decode(), name, defaults, [other.name for other in paths]).encode()
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        yield path.name, Asset(KINDS[path.suffix], content, gzip.compress(content, mtime=0), tag)


def _filled(index: str, name: str, defaults: SamplingParams, files: list[str]) -> str:
    """Fill in the name, the dials, and all modules, so that a browser loads them at once."""
    modules = (file for file in files if file.endswith(".js") and file != "theme.js")
    preloads = "\n".join(f'<link rel="modulepreload" href="/static/{module}">' for module in modules)
    filled = index.replace("$preloads", preloads).replace("$dials", html.escape(json.dumps(dials(defaults))))
    return filled.replace("$name", html.escape(name))


def _listed(request: Request, header: str) -> set[str]:
    """Values of a header such as Accept-Encoding, without those with q=0."""
    values = (value.strip().partition(";") for value in request.headers.get(header, "").split(","))
    return {
        value.strip().removeprefix("W/")
        for value, _, weight in values
        if weight.replace(" ", "") not in {"q=0", "q=0.0"}
    }
