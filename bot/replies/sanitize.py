"""Sanitize drawn text: one author's turn that pings nobody and opens no link.

Pure functions over text; cleaning clean text changes nothing. Knows no platform and no network.
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_MARKS = 4
"""Combining marks on one character: living scripts use up to three, emoji sequences one or two, zalgo dozens."""
ZERO_WIDTH_SPACE = "\u200b"
"""Between "@" and a name: then it mentions nobody."""

_MARKS = frozenset({"Mn", "Me"})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
"""Control and format characters (some reverse the text around them), and lone surrogates."""
_JOINERS = frozenset("\u200c\u200d")
"""Format characters that emoji and scripts are spelled with."""
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and symbols that look empty."""
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Every part is bounded, so that no text takes long: this runs on the event loop.
_MASKED_LINK = re.compile(r"\[([^\]\n]{0,300})\]\(\s?<?(?:[a-z][a-z+.-]{0,20}:|www\.)[^)\n]{0,500}\)", re.IGNORECASE)
_SITE_TLDS = "com|org|edu|gov|xyz|ru|uk|eu|nl|pl|ua|cn|jp"
"""Top-level domains that end nothing but names of sites."""
_ALL_TLDS = (
    f"{_SITE_TLDS}|net|io|gg|dev|app|info|ly|tv|me|co|to|be|it|de|fr|gl|us|ai|cc|fm|site|link|online|shop|club|top"
)
"""Those, and others that also end names ("asp.net") or words before a missing space ("tell.me", "won.gg")."""
_HOST = r"\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"
_EMAIL = rf"(?<![\w.+-])[\w.+-]{{1,64}}@{_HOST}\.(?:{_ALL_TLDS})\b"
_LINK = re.compile(
    r"<?(?:[a-z][a-z+.-]{0,20}://|\bwww\.|\bmailto:|\bmagnet:)[^\s>]*>?"  # a scheme, or what clients take for one
    rf"|{_EMAIL}"
    rf"|{_HOST}\.(?:(?:{_SITE_TLDS})\b(?:[/:?#][^\s>]*)?|(?:{_ALL_TLDS})(?:/|:\d|[?#]\w)[^\s>]*)",
    re.IGNORECASE,
)
_BARE_DOMAIN = re.compile(rf"(\b[\w-]{{1,63}}\.)(?=(?:{_ALL_TLDS})\b)", re.IGNORECASE)
"""A name that is no link to a reader, but that Telegram makes one."""
_MENTION = re.compile(rf"@(?=[^\s{ZERO_WIDTH_SPACE}])|<(?=[@#/]|id:)")
_WHOLE_LINK = rf"(?:https?://[\w.-]{{1,253}}|{_HOST}\.(?:{_ALL_TLDS})\b)(?::\d{{1,5}})?(?:[/?#][^\s<>]*)?"
_LINK_OR_MENTION = re.compile(rf"(?P<link>{_WHOLE_LINK}|{_EMAIL})|{_MENTION.pattern}", re.IGNORECASE)
_MASS_MENTION = re.compile(r"@(?=everyone|here)")
"""Discord honours these inside links too."""
_BRACKETS = re.compile(r"[ \t]*<([^<>\n]{1,64})>[ \t]*")
_ANY_NAME = re.compile(r"[^\W_][\w .-]{0,31}")
_COLON = re.compile(r"\**[ \t]?:(?!//)\**[ \t]*")


def sanitize(text: str, names: Sequence[str], *, links: bool = False) -> str:
    """Return what of `text` may be shown, "" where nothing is left.

    `names` are the people of the conversation, the persona first: a line that begins with one of them and a colon is
    somebody else's turn, unless it is the persona's own. `links` leaves links in.
    """
    before = None
    while before != text:  # each pass only removes; what it uncovers is checked again
        before = text
        text = _visible(text)
        text = text if links else _strip_links(text)
        text = first_turn(text, names)
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):  # nothing that can be seen
        return ""
    return _defuse_outside_links(text) if links else _BARE_DOMAIN.sub(rf"\1{ZERO_WIDTH_SPACE}", defuse_mentions(text))


def defuse_mentions(text: str) -> str:
    """Break up "@everyone", "<@id>", "<#id>" and "@name": they reach nobody, and read the same."""
    return _MENTION.sub(lambda match: match[0] + ZERO_WIDTH_SPACE, text)


def _defuse_outside_links(text: str) -> str:
    """Break up mentions outside links: in a link they reach nobody, and one more character would lead elsewhere."""

    def defuse(match: re.Match[str]) -> str:
        link = match["link"]
        return _MASS_MENTION.sub(f"@{ZERO_WIDTH_SPACE}", link) if link else match[0] + ZERO_WIDTH_SPACE

    return _LINK_OR_MENTION.sub(defuse, text)


def first_turn(text: str, names: Sequence[str]) -> str:
    """Return the first author's lines, without the tags ("name:", "<name>") before them."""
    persona, *others = [name.strip().lower() for name in names] or [""]
    kept: list[str] = []
    for line in text.split("\n"):
        rest = _strip_tags(line, [persona])
        if (others_words := _after_tag(rest, others, anybody=True)) is not None:
            if any(kept):
                break
            rest = _strip_tags(others_words, [persona, *others], anybody=True)
        kept.append(rest)
    return "\n".join(kept).strip()


def _strip_tags(line: str, names: Sequence[str], *, anybody: bool = False) -> str:
    """Strip all of these tags from the beginning of `line`."""
    while (rest := _after_tag(line, names, anybody=anybody)) is not None:
        line = rest
    return line


def _after_tag(line: str, names: Sequence[str], *, anybody: bool = False) -> str | None:
    """Return what follows one of `names`, or anybody's name in angle brackets, at the beginning; else None."""
    if match := _BRACKETS.match(line):
        inside = match[1].strip().lower()
        return line[match.end() :] if inside in names or (anybody and _ANY_NAME.fullmatch(inside)) else None
    bare = line.lstrip(" \t*@")
    for name in names:
        if name and bare[: len(name)].lower() == name and (colon := _COLON.match(bare, len(name))):
            return bare[colon.end() :]
    return None


def _visible(text: str) -> str:
    """Strip invisible characters, accents beyond MAX_MARKS in a row, and repeated empty lines."""
    kept: list[str] = []
    marks = 0
    for character in _LINE_ENDS.sub("\n", text.replace("\t", " ")):
        category = unicodedata.category(character)
        joins = character in _JOINERS
        if character in _BLANK_LETTERS or (category in _INVISIBLE and not joins and character != "\n"):
            continue
        marks = marks + 1 if joins or category in _MARKS else 0
        if marks <= MAX_MARKS:
            kept.append(character)
    return re.sub(r"\n\s*\n\s*", "\n\n", "".join(kept)).strip()


def _strip_links(text: str) -> str:
    """Strip links; of a masked link, the name stays."""
    rest, count = _LINK.subn("", _MASKED_LINK.sub(r"\1", text))
    return re.sub(r" {2,}", " ", rest) if count else rest
