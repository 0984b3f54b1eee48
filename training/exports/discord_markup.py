"""Discord's own markup made plain: what a person sees of it, without anybody's name or number."""

import re
from collections.abc import Iterable

_MARKUP = re.compile(
    r"<(?:@[!&]?(?P<who>\d+)|a?:(?P<emoji>\w+):\d+|#(?P<channel>\d+)|/(?P<command>[^:>]+):\d+|t:[^>]*)>"
)


def plain(text: str) -> str:
    """Return text with `<@1>` as @someone, `<:fox:1>` as :fox:, `<#1>` as #channel, `</say:1>` as /say, times left out."""
    return _MARKUP.sub(_seen, text) if "<" in text else text


def _seen(markup: re.Match[str]) -> str:
    if markup["who"]:
        return "@someone"
    if markup["channel"]:
        return "#channel"
    return f":{markup['emoji']}:" if markup["emoji"] else f"/{markup['command']}" if markup["command"] else ""


def without_names(text: str, names: Iterable[str]) -> str:
    """Return text with `@Name` as @someone for each of the names, the longest tried first, whatever their case."""
    known = sorted(names, key=len, reverse=True)
    if not known or "@" not in text:
        return text
    return re.sub(f"@(?:{'|'.join(map(re.escape, known))})(?!\\w)", "@someone", text, flags=re.IGNORECASE)
