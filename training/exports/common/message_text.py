"""Message cleaning, and the reasons to drop a message in any format. Knows no format."""

import re

from training.exports.common.record import Reason

BLANK = (
    "\t\n\x0b\x0c\r\x1c\x1d\x1e\x1f \x85\xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\u200b\u200c\u200d\u200e\u200f\u2060\ufeff"
)
"""White space, and the zero-width and direction characters that exporters and phones leave at the ends."""
_SURROGATE = re.compile("[\ud800-\udfff]")
_VISIBLE = re.compile(
    r"[^\s\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_COMMAND = re.compile(r"/[^\W\d_][\w-]*(?:@\w+)?(?!\S)|![^\W\d_]\S*(?:\s+\S+){0,2}\Z")
_LINKS = re.compile(r"<?(?:https?://|www\.)\S+(?:\s+<?(?:https?://|www\.)\S+)*", re.IGNORECASE)


def clean(text: str) -> str:
    """Return text that UTF-8 can write, with LF line ends and nothing invisible around it.

    Surrogates are joined where they pair and become U+FFFD where they do not. Cleaning twice changes nothing more.
    """
    if text.isprintable():  # most messages; their only white space is the space
        return text.strip(" ")
    text = text.replace("\0", "").replace("\r\n", "\n").replace("\r", "\n")
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text.strip(BLANK)


def reason_to_drop(text: str, has_attachments: bool = False) -> Reason | None:
    """Return why to drop cleaned text (empty, bot command, only links), or None to keep it.

    A command is "/word" ("/word@bot") before white space or the end, or "!word" with at most two words after it.
    """
    first = text[:1]
    if first < "\u0530" and first.isalnum() and first not in "hHwW":
        return None  # most messages
    if not _VISIBLE.search(text):
        return "attachment" if has_attachments else "empty"
    if _COMMAND.match(text):
        return "command"
    return "link" if _LINKS.fullmatch(text) else None
