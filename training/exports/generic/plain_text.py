"""Reader for plain text: the owner's posts, one per line or per block between blank lines.

Claimed last, because nearly every file is text. Chat logs and tables, which hold several people's words, are not claimed;
names and times in any other text are read as words.
"""

import re
from collections.abc import Iterator

from training.exports.common import csv_rows, encodings, message_text
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, open_text
from training.exports.common.record import OWNER, ExportReader, Record

_CHANNEL = "plain"
_MAX_LINES_PER_BLOCK = 12
"""On average; beyond that blank lines separate chapters, and each line is a post."""
_MARKUP = re.compile(r'\s*(?:<[!?/a-zA-Z]|\{\s*["}]|\[\s*(?:["{\[\]]|-?\d[\d.]*\s*[,\]]\s*(?:[-\d\]]|\Z)))')
"""The start of HTML, XML or JSON, unlike a line that begins with "[12:30]" or "<3"."""
_LOG_LINE = re.compile(
    r"\s*\[?(?:\d{1,4}[-./]\d{1,2}[-./]\d{1,4}[T,]?\s*\d{1,2}[:.]\d{2}\b|\d{1,2}:\d{2}\b|<[^<>\s]{1,40}> )", re.ASCII
)
_MAX_UNPRINTABLE = 0.05
"""Share of a text's characters."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the posts from top to bottom. Raises DannError for a file that cannot be read."""
    for post in _blocks(file) if _has_blocks(file) else _lines(file):
        text = message_text.clean(post)
        reason = message_text.reason_to_drop(text)
        yield Record("", OWNER, (), _CHANNEL, None, "" if reason else text, dropped=reason)


def _has_blocks(file: ExportFile) -> bool:
    blocks = line_count = 0
    in_block = False
    with open_text(file) as lines:
        for line in lines:
            blank = line.isspace()
            blocks += in_block is False and not blank
            line_count += not blank
            in_block = not blank
    return 1 < blocks < line_count <= _MAX_LINES_PER_BLOCK * blocks


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
    """Claim any text that is not HTML, XML, JSON, a table or a chat log."""
    text = decode_head(head)
    if not text.strip() or "\0" in text or _MARKUP.match(text) or is_log(text) or csv_rows.is_table(head):
        return False
    return encodings.count_unprintable(text) + text.count("\ufffd") <= _MAX_UNPRINTABLE * len(text)


def is_log(text: str) -> bool:
    """Return whether nearly every line begins with a time or <name>, as in a chat log."""
    lines = [line for line in text.split("\n", 100)[:100] if line.strip()]
    return len(lines) >= 3 and sum(_LOG_LINE.match(line) is not None for line in lines) > 0.8 * len(lines)


READER = ExportReader("text", claims, read)
