"""The page: one document with the name, the greeting and the dials in it, and the files that it loads.

Knows no model: figures come over /api.
"""

import html
import json
import re
from collections.abc import Mapping

from fastapi import APIRouter, HTTPException, Request, Response

from bot.config import BotSettings
from bot.replies.split import graphemes
from bot.web.http.paths import READING
from bot.web.http.security_headers import THEME_SCRIPT
from bot.web.http.static_files import FILES, Asset, addresses, static_files
from bot.web.page.dials import dials
from bot.web.state import AppState

INDEX = "index.html"
UNDERLINES = ("s0", "s1", "s3", "s0", "s4", "s1", "s2", "s0")
"""Classes of the wordmark's letters, underlined as the tokens of a reply are."""


def router(state: AppState) -> APIRouter:
    """Routes of the page at "/", where dann goes by `[persona] name`, and of its files."""
    index, files = document(state.settings), static_files()
    page = APIRouter(include_in_schema=False)

    @page.api_route("/", methods=READING)
    async def read_index(request: Request) -> Response:
        return index.answer(request)

    @page.api_route("/static/{name}", methods=READING)
    async def read_file(request: Request, name: str) -> Response:
        if name not in files:
            raise HTTPException(404)
        asset, cached = files[name]
        return asset.answer(request, cached)

    return page


def document(settings: BotSettings) -> Asset:
    """The document: the persona's name, the greeting, and the dials at the defaults of [sample]."""
    name, web = settings.persona.name, settings.bot.web
    values = {
        "name": html.escape(name),
        "marked": wordmark(name),
        "dials": html.escape(json.dumps(dials(settings.sample))),
        "quiz": "" if web.quiz and web.quiz_sources else "hidden",
        "theme": f"<script>{THEME_SCRIPT}</script>",
        **{plain.replace(".", "_"): address for plain, address in addresses().items()},
    }
    return Asset.of(".html", _filled((FILES / INDEX).read_text(encoding="utf-8"), values).encode())


def wordmark(name: str) -> str:
    """The name as markup, a span for each letter; hidden from screen readers, which read the name beside it."""
    letters = "".join(
        f'<span class="{UNDERLINES[index % len(UNDERLINES)]}">{html.escape(letter)}</span>'
        for index, letter in enumerate(graphemes(name))
    )
    return f'<span class="marked" aria-hidden="true">{letters}</span>'


def _filled(template: str, values: Mapping[str, str]) -> str:
    """Fill in each "$name" once: a value that looks like one stays as it is."""
    return re.sub(r"\$(\w+)", lambda found: values[found[1]], template)
