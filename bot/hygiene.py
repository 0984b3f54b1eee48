"""What of a drawn text may be shown: one author's turn that pings nobody, opens nothing and breaks no one's screen.

Pure functions over text; knows no platform and no network. Cleaning what is clean changes nothing.
"""

import re
from collections.abc import Sequence

import regex

MOST_MARKS = 4
"""Accents on one character. Living scripts use up to three, an emoji sequence one or two more signs; zalgo dozens."""
BREAK = "\u200b"
"""A space of no width: "@" before it mentions nobody."""

# What shows nothing, or turns the text around it: controls but for line ends, surrogates, format characters but for the
# joiners that emoji and scripts are spelled with, and letters that only look like emptiness.
_UNSEEN = regex.compile(
    r"[[\p{Cc}\p{Cf}\p{Cs}]--[\n\u200c\u200d]]|[\u115f\u1160\u2800\u3164\uffa0\u034f\u17b4\u17b5]", regex.V1
)
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
_MARKS = regex.compile(rf"([\p{{Mn}}\p{{Me}}\u200c\u200d]{{{MOST_MARKS}}})[\p{{Mn}}\p{{Me}}\u200c\u200d]+")
_SHOWN = regex.compile(r"[\p{L}\p{N}\p{P}\p{S}]")
# Every part is bounded, so that no text takes long: this runs on the event loop.
_MASKED_LINK = re.compile(r"\[([^\]\n]{0,300})\]\(\s?<?(?:[a-z][a-z+.-]{0,20}:|www\.)[^)\n]{0,500}\)", re.IGNORECASE)
_DOMAINS = "com|org|net|io|gg|dev|app|xyz|info|ly|tv|me|ru|uk|de|eu"
_LINK = re.compile(
    r"<?(?:[a-z][a-z+.-]{0,20}://|\bwww\.|\bmailto:|\bmagnet:)[^\s>]*>?"  # a scheme, or what is taken for one
    r"|(?:[\w.+-]{1,64}@)?\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"  # a bare domain or address, which Telegram opens
    rf"\.(?:{_DOMAINS})\b(?:[/:?#][^\s>]*)?",
    re.IGNORECASE,
)
_MENTION = re.compile(rf"@(?=[^\s{BREAK}])|<(?=[@#/]|id:)")
_BRACKETS = re.compile(r"[ \t]*<([^<>\n]{1,64})>[ \t]*")
_ANYBODY = re.compile(r"[^\W_][\w .-]{0,31}")
_COLON = re.compile(r"\**[ \t]?:(?!//)\**[ \t]*")


def clean(text: str, names: Sequence[str], *, links: bool = False) -> str:
    """Return what of `text` may be shown, "" where nothing is left of it.

    `names` are the people of the conversation, the persona first: a line that begins with one of them and a colon is
    somebody else's turn, unless it is the persona's own. `links` leaves links in.
    """
    before = None
    while before != text:  # each pass only takes away; what it uncovers is looked at again
        before = text
        text = _seen(text)
        text = text if links else _without_links(text)
        text = one_turn(text, names)
    return defused(text) if _SHOWN.search(text) else ""


def defused(text: str) -> str:
    """Return `text` in which no "@everyone", "<@id>", "<#id>" or "@name" reaches anybody, and which reads the same."""
    return _MENTION.sub(lambda found: found[0] + BREAK, text)


def one_turn(text: str, names: Sequence[str]) -> str:
    """Return the first author's lines of `text`, without the tags ("name:", "<name>") that they begin with."""
    persona, *others = [name.strip().lower() for name in names] or [""]
    kept: list[str] = []
    for line in text.split("\n"):
        rest = _untagged(line, [persona])
        if (others_words := _after_tag(rest, others, anybody=True)) is not None:
            if any(kept):
                break
            rest = _untagged(others_words, [persona, *others], anybody=True)
        kept.append(rest)
    return "\n".join(kept).strip()


def _untagged(line: str, names: Sequence[str], *, anybody: bool = False) -> str:
    """Return `line` without any of these tags at its beginning, however many there are."""
    while (rest := _after_tag(line, names, anybody=anybody)) is not None:
        line = rest
    return line


def _after_tag(line: str, names: Sequence[str], *, anybody: bool = False) -> str | None:
    """Return what follows a tag of one of `names` (or, in brackets, of anybody) at the beginning; None if there is none."""
    if found := _BRACKETS.match(line):
        inside = found[1].strip().lower()
        return line[found.end() :] if inside in names or (anybody and _ANYBODY.fullmatch(inside)) else None
    bare = line.lstrip(" \t*@")
    for name in names:
        if name and bare[: len(name)].lower() == name and (colon := _COLON.match(bare, len(name))):
            return bare[colon.end() :]
    return None


def _seen(text: str) -> str:
    """Return `text` without what cannot be seen, with at most MOST_MARKS accents in a row and one empty line."""
    text = _UNSEEN.sub("", _LINE_ENDS.sub("\n", text.replace("\t", " ")))
    text = _MARKS.sub(r"\1", text)
    return re.sub(r"\n\s*\n\s*", "\n\n", text).strip()


def _without_links(text: str) -> str:
    """Return `text` without links; of a link with a name, the name stays."""
    left, gone = _LINK.subn("", _MASKED_LINK.sub(r"\1", text))
    return re.sub(r" {2,}", " ", left) if gone else left
