"""Reader for plain text: the owner's posts, one per line or per block between blank lines.

Claimed last, because nearly every file is text. Chat logs and tables, which hold several people's words, are not claimed
(plain_proof.py); names and times in any other text are read as words.
"""

import re
from collections.abc import Iterator
from itertools import groupby

from training.exports.common import csv_rows, encodings, message_text
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, read_lines
from training.exports.common.record import OWNER, ExportReader, Record
from training.exports.generic.fields import channel_of_file, chat_of_file
from training.exports.generic.plain_proof import why_not_plain

_FORMER_CHANNEL = "plain"
_MAX_LINES_PER_BLOCK = 12
"""On average; beyond that blank lines separate chapters, and each line is a post."""
_MARKUP = re.compile(r'\s*(?:<[!?/a-zA-Z]|\{\s*["}]|\[\s*(?:["{\[\]]|-?\d[\d.]*\s*[,\]]\s*(?:[-\d\]]|\Z)))')
"""The start of HTML, XML or JSON, unlike a line that begins with "[12:30]" or "<3"."""
_MAX_UNPRINTABLE = 0.05
"""Share of a text's characters."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the posts from top to bottom. Raises DannError for a file that cannot be read."""
    has_blocks, chat = _has_blocks(file), chat_of_file("text", file.label, _FORMER_CHANNEL)
    channel = channel_of_file(_FORMER_CHANNEL, file.label)
    for block in _blocks(file):
        for post in ["\n".join(map(str.rstrip, block))] if has_blocks else block:
            text = message_text.clean(post)
            reason = message_text.reason_to_drop(text)
            yield Record("", OWNER, (), channel, None, "" if reason else text, dropped=reason, chat=chat)


def _has_blocks(file: ExportFile) -> bool:
    blocks = line_count = 0
    for block in _blocks(file):
        blocks += 1
        line_count += sum(1 for _ in block)
    return 1 < blocks < line_count <= _MAX_LINES_PER_BLOCK * blocks


def _blocks(file: ExportFile) -> Iterator[Iterator[str]]:
    """Yield the lines between blank ones, block by block; each block must be read before the next."""
    for blank, block in groupby(read_lines(file), lambda line: not line or line.isspace()):
        if not blank:
            yield block


def claims(head: bytes) -> bool:
    """Claim any text that is not HTML, XML, JSON or a table, and that looks like nothing but its owner's lines."""
    return is_text(head) and not why_not_plain("", decode_head(head))


def is_text(head: bytes) -> bool:
    """Return whether a file is text that could be read line by line, whoever wrote it."""
    text = decode_head(head)
    if not text.strip() or "\0" in text or _MARKUP.match(text) or csv_rows.is_table(head):
        return False
    return encodings.count_unprintable(text) + text.count("\ufffd") <= _MAX_UNPRINTABLE * len(text)


READER = ExportReader("text", claims, read)
