"""Discord's raw markup as readable text without anybody's name. Knows no export format."""

import re
from collections.abc import Collection
from itertools import dropwhile

_SOMEONE = "@someone"
_MAX_NAME = 80
"""Characters; Discord's limit for a webhook. A person has 32."""
_QUOTE_TO_THE_END = ">>> "
_QUOTES = ("> ", _QUOTE_TO_THE_END)
_FIRST_WORD = re.compile(r"(?!(?:everyone|here|someone)\b)[^\W\d_][\w'’-]{0,79}(?:\.\w{1,79})*")
_MARKUP = re.compile(
    r"(?P<someone><@[!&]?\d+>)|<a?(?P<emoji>:\w+:)\d+>|(?P<channel><#\d+>)|<(?P<command>/[^<>:\n]+):\d+>"
    r"|(?P<date> ?<t:-?\d+(?::[a-zA-Z])?>)"
)


def render(text: str) -> str:
    """Replace markup with "@someone", ":emoji:", "#channel" or "/command"; remove times.

    Discord shows a time differently to each reader, so no rendering of it is the message's own.
    """
    return _MARKUP.sub(_rendered, text) if "<" in text else text


def _rendered(markup: re.Match[str]) -> str:
    if markup["someone"]:
        return _SOMEONE
    return "#channel" if markup["channel"] else markup["emoji"] or markup["command"] or ""


def hide_names(text: str, names: Collection[str], *, only_known: bool = False) -> str:
    """Replace "@" and a name with "@someone": one of these names, given casefolded, or else the first word.

    Takes the longest name that matches and is not followed by a letter or digit. Who is mentioned may never write in the
    file, and where such a name ends cannot be known; `only_known` leaves those, as 0eb29d7 did.
    """
    if "@" not in text:
        return text
    before, *mentions = text.split("@")
    hidden = []
    for mention in mentions:
        known = _hidden(mention, names)
        begins = known is None and not only_known and not before[-1:].isalnum() and _FIRST_WORD.match(mention)
        hidden.append(known or (_SOMEONE + mention[begins.end() :] if begins else "@" + mention))
        before = mention
    return text.partition("@")[0] + "".join(hidden)


def without_quote(text: str) -> str:
    """Return a message's own words: "" where all of it is a quote, and no quote that stands above an answer to somebody.

    So Discord's button wrote an answer before there were replies: "> what do you think" above "@someone not much". Another
    quote may be part of what its author says, and stays. `text` is clean, and has "@someone" for mentions.
    """
    if not text.startswith(_QUOTES):
        return text
    lines = text.split("\n")
    own = list(dropwhile(lambda line: line == ">" or line.startswith("> "), lines))
    if text.startswith(_QUOTE_TO_THE_END) or not own:
        return ""
    return "\n".join(own) if _SOMEONE in own[0] else text


def _hidden(mention: str, names: Collection[str]) -> str | None:
    for end in range(min(len(mention), _MAX_NAME), 0, -1):
        if mention[:end].casefold() in names and not mention[end : end + 1].isalnum():
            return _SOMEONE + mention[end:]
    return None
