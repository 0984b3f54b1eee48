"""Text as Telegram's server takes it in: cleaned, trimmed, and with the entities it finds by itself. Units are UTF-16."""

import re
from collections.abc import Sequence
from typing import Any

from tests.servers.telegram.errors import bad_request

Json = dict[str, Any]
LONGEST = 4096

FOUND = (
    ("mention", re.compile(r"(?<![\w@/])@[A-Za-z0-9_]{3,32}(?![\w@])")),
    ("bot_command", re.compile(r"(?<![\w/<>])/[A-Za-z0-9_]{1,64}(?:@[A-Za-z0-9_]{3,32})?(?![\w/])")),
    ("url", re.compile(r"\bhttps?://[^\s<>]+|(?<![@\w.])(?:\w[\w-]*\.)+(?:com|org|net|io|me|info|gg)\b(?:/[^\s<>]*)?")),
    ("hashtag", re.compile(r"(?<![\w#])#\w*[^\W\d]\w*")),
)
GIVEN = {"bold", "italic", "underline", "strikethrough", "spoiler", "blockquote", "expandable_blockquote", "code", "pre",
         "text_link", "text_mention", "custom_emoji", "date_time"}  # fmt: skip
IGNORED = {kind for kind, _ in FOUND} | {"cashtag", "email", "phone_number"}
"""Given by a bot, these are dropped: the server finds them itself."""
OPAQUE = {"code", "pre"}
"""Nothing is found inside these."""


def units(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def trimmed(text: str) -> str:
    """`text` as it is kept: cleaned, and without white space around it; "" where nothing can be seen."""
    if any("\ud800" <= one <= "\udfff" for one in text):
        raise bad_request("strings must be encoded in UTF-8")
    kept = _cleaned(text).strip()
    return kept if re.search(r"[^\s\u200b-\u200f\u2060\ufeff\u3164]", kept) else ""


def moved(entity: Json, text: str) -> Json:
    """An entity of `text` where it is in `trimmed(text)`."""
    wide = text.encode("utf-16-le", "surrogatepass")
    start, end = (
        units(_cleaned(wide[: 2 * place].decode("utf-16-le", "replace")).lstrip())
        for place in (entity["offset"], entity["offset"] + entity["length"])
    )
    return {**entity, "offset": start, "length": min(end, units(trimmed(text))) - start}


def _cleaned(text: str) -> str:
    """`text` without what Telegram takes out of every string it is sent."""
    text = re.sub(r"[\r\u2028-\u202e\u0333\u033f\u030a]", "", text)
    return re.sub(r"[\x00-\x09\x0b-\x1f]", " ", text)


def found(text: str, given: Sequence[Json] = ()) -> list[Json]:
    """`given` and the entities that the server finds outside of code, by offset."""
    opaque = [(one["offset"], one["offset"] + one["length"]) for one in given if one["type"] in OPAQUE]
    entities = list(given)
    for kind, pattern in FOUND:
        for match in pattern.finditer(text):
            offset, length = units(text[: match.start()]), units(match[0])
            if not any(start < offset + length and offset < end for start, end in opaque):
                entities.append({"type": kind, "offset": offset, "length": length})
    return sorted(entities, key=lambda one: (one["offset"], -one["length"]))


def checked(text: str, given: object) -> list[Json]:
    """The entities a bot gave for `text` as it sent it, moved to where they are in what is kept; or Telegram's refusal."""
    if not isinstance(given, list):
        raise bad_request("can't parse entities: expected an Array of MessageEntity")
    for one in given:
        if not isinstance(one, dict):
            raise bad_request("can't parse MessageEntity: expected an Object")
        if one.get("type") not in GIVEN | IGNORED:
            raise bad_request("can't parse MessageEntity: unsupported type specified")
        for name in ("offset", "length"):
            if not isinstance(one.get(name), int):
                raise bad_request(f'can\'t parse MessageEntity: field "{name}" must be of type Number')
    if not all(0 <= one["offset"] < one["offset"] + one["length"] <= units(text) for one in given):
        raise bad_request("ENTITY_BOUNDS_INVALID")
    return [moved(one, text) for one in given if one["type"] in GIVEN]
