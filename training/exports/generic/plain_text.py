"""Reader for plain text: the owner's posts, one per line or per block between blank lines.

Claimed last, because nearly every file is text. Chat logs and tables, which hold several people's words, are not claimed;
names and times in any other text are read as words.
"""

import re
from collections.abc import Iterator
from itertools import groupby

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
    has_blocks = _has_blocks(file)
    for block in _blocks(file):
        for post in ["\n".join(map(str.rstrip, block))] if has_blocks else block:
            text = message_text.clean(post)
            reason = message_text.reason_to_drop(text)
            yield Record("", OWNER, (), _CHANNEL, None, "" if reason else text, dropped=reason)


def _has_blocks(file: ExportFile) -> bool:
    blocks = line_count = 0
    for block in _blocks(file):
        blocks += 1
        line_count += sum(1 for _ in block)
    return 1 < blocks < line_count <= _MAX_LINES_PER_BLOCK * blocks


def _blocks(file: ExportFile) -> Iterator[Iterator[str]]:
    """Yield the lines between blank ones, block by block; each block must be read before the next."""
    with open_text(file) as lines:
        for blank, block in groupby(lines, str.isspace):
            if not blank:
                yield block


def claims(head: bytes) -> bool:
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
