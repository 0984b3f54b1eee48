"""Plain text: a post a line, or a post a block where blank lines part blocks. All of it is the owner's own.

It is claimed last, because nearly everything is text. Logs of chats and tables, which hold more than one person's words,
are left alone; whatever names or times stand in the rest are read as words.
"""

import re
from collections.abc import Iterator

from training.exports.common import csv_rows, message_text
from training.exports.common.encodings import text_of
from training.exports.common.files import ExportFile, open_text
from training.exports.common.record import OWNER, ExportReader, Record

_CHANNEL = "plain"
_LONGEST_BLOCKS = 12
"""Lines a block on average, beyond which blank lines part chapters and each line is a post."""
_MARKUP = re.compile(r'\s*(?:<[!?/a-zA-Z]|\{\s*["}]|\[\s*(?:["{\[\]]|-?\d[\d.]*\s*[,\]]\s*(?:[-\d\]]|\Z)))')
"""How HTML, XML and JSON begin; a line may begin with "[12:30]" or "<3" all the same."""
_LOGGED = re.compile(
    r"\s*\[?(?:\d{1,4}[-./]\d{1,2}[-./]\d{1,4}[T,]?\s*\d{1,2}[:.]\d{2}\b|\d{1,2}:\d{2}\b|<[^<>\s]{1,40}> )", re.ASCII
)
_MOST_STRANGE = 0.05


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the posts from top to bottom. Raises DannError for a file that cannot be read."""
    for post in _blocks(file) if _is_in_blocks(file) else _lines(file):
        text = message_text.clean(post)
        reason = message_text.reason_to_drop(text)
        yield Record("", OWNER, (), _CHANNEL, None, "" if reason else text, dropped=reason)


def _is_in_blocks(file: ExportFile) -> bool:
    blocks = lines_in_all = 0
    in_block = False
    with open_text(file) as lines:
        for line in lines:
            blank = line.isspace()
            blocks += in_block is False and not blank
            lines_in_all += not blank
            in_block = not blank
    return 1 < blocks < lines_in_all <= _LONGEST_BLOCKS * blocks


def _blocks(file: ExportFile) -> Iterator[str]:
    block: list[str] = []
    with open_text(file) as lines:
        for line in lines:
            if not line.isspace():
                block.append(line.rstrip())
            elif block:
                yield "\n".join(block)
                block = []
    if block:
        yield "\n".join(block)


def _lines(file: ExportFile) -> Iterator[str]:
    with open_text(file) as lines:
        for line in lines:
            if not line.isspace():
                yield line


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim text of any kind that is not HTML, XML, JSON, a table or a log."""
    text = text_of(head)
    if not text.strip() or "\0" in text or _MARKUP.match(text) or is_log(text) or csv_rows.is_table(head):
        return False
    strange = sum(not character.isprintable() and not character.isspace() for character in text)
    return strange + text.count("\ufffd") <= _MOST_STRANGE * len(text)


def is_log(text: str) -> bool:
    """Tell whether nearly every line begins with a time or <name>, as in the log of a chat."""
    lines = [line for line in text.split("\n", 100)[:100] if line.strip()]
    return len(lines) >= 3 and sum(_LOGGED.match(line) is not None for line in lines) > 0.8 * len(lines)


READER = ExportReader("text", claims, read)
