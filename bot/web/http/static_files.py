"""The page's files as `make page` bundled them: read once, kept compressed, under names that hold their hash.

A name with a hash is cached for good, as another content has another name; the plain name ("app.js") stands for the one
that is served now. Not Starlette's StaticFiles: that reads the disk for every request and compresses nothing.
"""

import gzip
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from fastapi import Request, Response

FILES = Path(__file__).parents[1] / "static"
MANIFEST = "manifest.json"
"""Written by bot/web/client/build.mjs: `files` has the served name of each, `sources` the digest of all sources."""
FOR_GOOD = "max-age=31536000, immutable"
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

    @classmethod
    def of(cls, suffix: str, content: bytes) -> "Asset":
        """Compress a content whose kind a suffix such as ".css" tells."""
        tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        return cls(KINDS[suffix], content, gzip.compress(content, mtime=0), tag)

    def answer(self, request: Request, cached: str = "no-cache") -> Response:
        """Build the response: 304 where the browser has this content, gzip where it accepts that."""
        headers = {"ETag": self.tag, "Cache-Control": cached, "Vary": "Accept-Encoding"}
        if self.tag in _listed(request, "if-none-match"):
            return Response(status_code=304, headers=headers)
        if "gzip" in _listed(request, "accept-encoding"):
            return Response(self.packed, media_type=self.kind, headers={**headers, "Content-Encoding": "gzip"})
        return Response(self.content, media_type=self.kind, headers=headers)


@cache
def bundled() -> Mapping[str, str]:
    """The served name of each file by its plain name: {"app.js": "app-1f0c….js"}."""
    names: dict[str, str] = json.loads((FILES / MANIFEST).read_text(encoding="utf-8"))["files"]
    return names


def addresses() -> dict[str, str]:
    """The address of each file by its plain name, for a document that loads it."""
    return {plain: f"/static/{name}" for plain, name in bundled().items()}


def static_files() -> dict[str, tuple[Asset, str]]:
    """Every file with its Cache-Control, by both of its names."""
    files: dict[str, tuple[Asset, str]] = {}
    for plain, name in bundled().items():
        asset = Asset.of(Path(plain).suffix, (FILES / name).read_bytes())
        files |= {plain: (asset, "no-cache"), name: (asset, FOR_GOOD)}
    return files


def _listed(request: Request, header: str) -> set[str]:
    """Values of a header such as Accept-Encoding, without those with q=0."""
    values = (value.strip().partition(";") for value in request.headers.get(header, "").split(","))
    return {
        value.strip().removeprefix("W/")
        for value, _, weight in values
        if weight.replace(" ", "") not in {"q=0", "q=0.0"}
    }
