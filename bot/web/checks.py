"""Checks of HTTP for `dann doctor`: the port may be taken, also by a dann that serves, and the page may be locked."""

from collections.abc import Iterator

import httpx

from bot.config import WebConfig
from bot.platform import Finding
from bot.web.http.auth import HOW_TO_UNLOCK, PAGE_IS_LOCKED, WebSecrets
from bot.web.http.listen import open_socket, url_of
from bot.web.routes import ALIVE
from model.errors import DannError

ANSWER_SECONDS = 2.0


async def check_web(config: WebConfig) -> Finding:
    """Try to listen on the port; where it is taken, find out whether dann has it."""
    if not config.port:
        return Finding("web", "off, by bot.web.port = 0")
    try:
        open_socket(config).close()
    except DannError as error:
        if await _is_dann(url_of(config)):
            return Finding("web", f"dann serves at {url_of(config)} already")
        problem, _, advice = str(error).removeprefix("web: ").partition("; ")
        return Finding("web", problem, trouble=True, advice=advice)
    return Finding("web", f"{url_of(config)} is free")


def check_page(config: WebConfig, secrets: WebSecrets) -> Iterator[Finding]:
    """Say where the page is served and answers nobody, which is no trouble where only programs are meant to ask."""
    if config.port and secrets.locks_the_page:
        yield Finding("page", PAGE_IS_LOCKED.removeprefix("the page "), advice=HOW_TO_UNLOCK)


async def _is_dann(url: str) -> bool:
    try:
        async with httpx.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
            answer = await client.get(f"{url}healthz")
            return bool(answer.json() == ALIVE)
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False
