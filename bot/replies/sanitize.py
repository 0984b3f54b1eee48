"""What of a drawn text may be shown: one author's turn that pings nobody, opens nothing and breaks no one's screen.

Pure functions over text; knows no platform and no network. Cleaning what is clean changes nothing.
"""

import re
import unicodedata
from collections.abc import Sequence

MAX_MARKS = 4
"""Accents on one character. Living scripts use up to three, an emoji sequence one or two more signs; zalgo dozens."""
ZERO_WIDTH_SPACE = "\u200b"
"""A space of no width: "@" before it mentions nobody."""

_MARKS = frozenset({"Mn", "Me"})
_INVISIBLE = frozenset({"Cc", "Cf", "Cs"})
"""Controls, format characters (which can turn the text around them), halves of characters."""
_JOINERS = frozenset("\u200c\u200d")
"""Format characters that emoji and scripts are spelled with."""
_BLANK_LETTERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
"""Letters and signs that only look like emptiness."""
_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
# Every part is bounded, so that no text takes long: this runs on the event loop.
_MASKED_LINK = re.compile(r"\[([^\]\n]{0,300})\]\(\s?<?(?:[a-z][a-z+.-]{0,20}:|www\.)[^)\n]{0,500}\)", re.IGNORECASE)
_SITE_TLDS = "com|org|edu|gov|xyz|ru|uk|eu|nl|pl|ua|cn|jp"
"""What ends nothing but the name of a site."""
_ALL_TLDS = (
    f"{_SITE_TLDS}|net|io|gg|dev|app|info|ly|tv|me|co|to|be|it|de|fr|gl|us|ai|cc|fm|site|link|online|shop|club|top"
)
"""Those, and what ends other names ("asp.net") and words before a forgotten space ("tell.me", "won.gg") too."""
_HOST = r"\b[\w-]{1,63}(?:\.[\w-]{1,63}){0,8}"
_EMAIL = rf"(?<![\w.+-])[\w.+-]{{1,64}}@{_HOST}\.(?:{_ALL_TLDS})\b"
_LINK = re.compile(
    r"<?(?:[a-z][a-z+.-]{0,20}://|\bwww\.|\bmailto:|\bmagnet:)[^\s>]*>?"  # a scheme, or what is taken for one
    rf"|{_EMAIL}"
    rf"|{_HOST}\.(?:(?:{_SITE_TLDS})\b(?:[/:?#][^\s>]*)?|(?:{_ALL_TLDS})(?:/|:\d|[?#]\w)[^\s>]*)",
    re.IGNORECASE,
)
_BARE_DOMAIN = re.compile(rf"(\b[\w-]{{1,63}}\.)(?=(?:{_ALL_TLDS})\b)", re.IGNORECASE)
"""A name that is no link to a person, and that Telegram makes one all the same."""
_MENTION = re.compile(rf"@(?=[^\s{ZERO_WIDTH_SPACE}])|<(?=[@#/]|id:)")
_WHOLE_LINK = rf"(?:https?://[\w.-]{{1,253}}|{_HOST}\.(?:{_ALL_TLDS})\b)(?::\d{{1,5}})?(?:[/?#][^\s<>]*)?"
_LINK_OR_MENTION = re.compile(rf"(?P<link>{_WHOLE_LINK}|{_EMAIL})|{_MENTION.pattern}", re.IGNORECASE)
_MASS_MENTION = re.compile(r"@(?=everyone|here)")
"""Discord reads these in a link too."""
_BRACKETS = re.compile(r"[ \t]*<([^<>\n]{1,64})>[ \t]*")
_ANY_NAME = re.compile(r"[^\W_][\w .-]{0,31}")
_COLON = re.compile(r"\**[ \t]?:(?!//)\**[ \t]*")


def sanitize(text: str, names: Sequence[str], *, links: bool = False) -> str:
    """Return what of `text` may be shown, "" where nothing is left of it.

    `names` are the people of the conversation, the persona first: a line that begins with one of them and a colon is
    somebody else's turn, unless it is the persona's own. `links` leaves links in.
    """
    before = None
    while before != text:  # each pass only takes away; what it uncovers is looked at again
        before = text
        text = _visible(text)
        text = text if links else _strip_links(text)
        text = first_turn(text, names)
    if not _has_visible_text(text):
        return ""
    return _defuse_outside_links(text) if links else _BARE_DOMAIN.sub(rf"\1{ZERO_WIDTH_SPACE}", defuse_mentions(text))


def defuse_mentions(text: str) -> str:
    """Return `text` in which no "@everyone", "<@id>", "<#id>" or "@name" reaches anybody, and which reads the same."""
    return _MENTION.sub(lambda found: found[0] + ZERO_WIDTH_SPACE, text)


def _defuse_outside_links(text: str) -> str:
    """As `defused`, but links stay as they are: in them "@" mentions nobody, and a sign added would lead elsewhere."""

    def defuse(found: re.Match[str]) -> str:
        return (
            _MASS_MENTION.sub(f"@{ZERO_WIDTH_SPACE}", found["link"]) if found["link"] else found[0] + ZERO_WIDTH_SPACE
        )

    return _LINK_OR_MENTION.sub(defuse, text)


def first_turn(text: str, names: Sequence[str]) -> str:
    """Return the first author's lines of `text`, without the tags ("name:", "<name>") that they begin with."""
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
    """Return `line` without any of these tags at its beginning, however many there are."""
    while (rest := _after_tag(line, names, anybody=anybody)) is not None:
        line = rest
    return line


def _after_tag(line: str, names: Sequence[str], *, anybody: bool = False) -> str | None:
    """Return what follows a tag of one of `names` (or, in brackets, of anybody) at the beginning; None if there is none."""
    if found := _BRACKETS.match(line):
        inside = found[1].strip().lower()
        return line[found.end() :] if inside in names or (anybody and _ANY_NAME.fullmatch(inside)) else None
    bare = line.lstrip(" \t*@")
    for name in names:
        if name and bare[: len(name)].lower() == name and (colon := _COLON.match(bare, len(name))):
            return bare[colon.end() :]
    return None


def _visible(text: str) -> str:
    """Return `text` without what cannot be seen, with at most MOST_MARKS accents in a row and one empty line."""
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


def _has_visible_text(text: str) -> bool:
    """Whether there is a letter, a number, a punctuation mark or a symbol."""
    return any(unicodedata.category(character)[0] in "LNPS" for character in text)


def _strip_links(text: str) -> str:
    """Return `text` without links; of a link with a name, the name stays."""
    left, gone = _LINK.subn("", _MASKED_LINK.sub(r"\1", text))
    return re.sub(r" {2,}", " ", left) if gone else left
