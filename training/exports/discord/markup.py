"""Discord's raw markup made readable text that names nobody. Knows no export's format."""

import re
from collections.abc import Collection

_SOMEONE = "@someone"
_LONGEST_NAME = 80
"""Characters; Discord allows a webhook as many, a person 32."""
_MARKUP = re.compile(
    r"(?P<someone><@[!&]?\d+>)|<a?(?P<emoji>:\w+:)\d+>|(?P<channel><#\d+>)|<(?P<command>/[^<>:\n]+):\d+>"
    r"|(?P<date> ?<t:-?\d+(?::[a-zA-Z])?>)"
)


def plain(text: str) -> str:
    """Write markup as people see it: "@someone", ":emoji:", "#channel", "/command"; times and their space go.

    Discord shows a time differently to everybody, so no one way of writing it is what was said.
    """
    return _MARKUP.sub(_shown, text) if "<" in text else text


def _shown(found: re.Match[str]) -> str:
    if found["someone"]:
        return _SOMEONE
    return "#channel" if found["channel"] else found["emoji"] or found["command"] or ""


def hide_names(text: str, names: Collection[str]) -> str:
    """Write "@someone" for "@" and one of the names, which are given casefolded.

    The longest name that fits is taken, and only where no letter or digit follows.
    """
    if "@" not in text:
        return text
    before, *mentions = text.split("@")
    return before + "".join(_hidden(mention, names) for mention in mentions)


def _hidden(mention: str, names: Collection[str]) -> str:
    for end in range(min(len(mention), _LONGEST_NAME), 0, -1):
        if mention[:end].casefold() in names and not mention[end : end + 1].isalnum():
            return _SOMEONE + mention[end:]
    return "@" + mention
