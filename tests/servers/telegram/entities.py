"""Text as Telegram's server stores it: cleaned, trimmed, with entities, in UTF-16 units."""

import re
from collections.abc import Sequence
from typing import Any

from tests.servers.telegram.errors import bad_request

Json = dict[str, Any]
MAX_LENGTH = 4096

PATTERNS = (
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z0-9_]{3,32}(?![\w@])")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("url", re.compile(r"\bhttps?://[^\s<>]+|(?<![@\w.])(?:\w[\w-]*\.)+(?:com|org|net|io|me|info|gg)\b(?:/[^\s<>]*)?")),
    ("hashtag", re.compile(r"(?<![\w#])#\w*[^\W\d]\w*")),
)
BOT_ENTITIES = {
    "bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre",
    "text_link", "text_mention", "custom_emoji", "date_time",
}  # fmt: skip
IGNORED = {kind for kind, _ in PATTERNS} | {"cashtag", "email", "phone_number"}
"""Entities dropped when a bot sends them, because the server finds them itself."""
OPAQUE = {"code", "pre"}
"""No entities are found inside these."""


def units(text: str) -> int:
    """Return the length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def trimmed(text: str) -> str:
    """Return text as it is stored: cleaned and stripped; "" if nothing is visible."""
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise bad_request("strings must be encoded in UTF-8")
    stored = _cleaned(text).strip()
    return stored if re.search(r"[^\s\u200b-\u200f\u2060\ufeff\u3164]", stored) else ""


def moved(entity: Json, text: str) -> Json:
    """Shift an entity of `text` to its position in `trimmed(text)`."""
    wide = text.encode("utf-16-le", "surrogatepass")
    start, end = (
        units(_cleaned(wide[: 2 * position].decode("utf-16-le", "replace")).lstrip())
        for position in (entity["offset"], entity["offset"] + entity["length"])
    )
    return {**entity, "offset": start, "length": min(end, units(trimmed(text))) - start}


def _cleaned(text: str) -> str:
    """Remove the characters that Telegram removes from every string."""
    text = re.sub(r"[\r\u2028-\u202e\u0333\u033f\u030a]", "", text)
    return re.sub(r"[\x00-\x09\x0b-\x1f]", " ", text)


def find_entities(text: str, given: Sequence[Json] = ()) -> list[Json]:
    """Return `given` and the entities found outside of code, by offset."""
    opaque = [(entity["offset"], entity["offset"] + entity["length"]) for entity in given if entity["type"] in OPAQUE]
    entities = list(given)
    for kind, pattern in PATTERNS:
        for match in pattern.finditer(text):
            offset, length = units(text[: match.start()]), units(match[0])
            if not any(start < offset + length and offset < end for start, end in opaque):
                entities.append({"type": kind, "offset": offset, "length": length})
    return sorted(entities, key=lambda entity: (entity["offset"], -entity["length"]))


def checked_entities(text: str, given: object) -> list[Json]:
    """Return a bot's entities of `text`, shifted to the stored text. Raises ApiError."""
    if not isinstance(given, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    for one in given:
        if not isinstance(one, dict):
            raise bad_request("can't parse MessageEntity: expected an Object")
        if one.get("type") not in BOT_ENTITIES | IGNORED:
            raise bad_request("can't parse MessageEntity: unsupported type specified")
        for name in ("offset", "length"):
            if not isinstance(one.get(name), int):
                raise bad_request(f'can\'t parse MessageEntity: field "{name}" must be of type Number')
    if not all(0 <= one["offset"] < one["offset"] + one["length"] <= units(text) for one in given):
        raise bad_request("ENTITY_BOUNDS_INVALID")
    return [moved(one, text) for one in given if one["type"] in BOT_ENTITIES]
