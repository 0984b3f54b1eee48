"""Plain text, all of it one's own: a post a line, or, where blank lines part blocks of several lines, a post a block."""

import re
from collections.abc import Iterator

from training.exports import words
from training.exports.encoding import marked
from training.exports.files import ExportFile, open_text, text_of
from training.exports.record import OWNER, Reader, Record

_MARKUP = re.compile(r"\s*(?:<[!?a-z]|%PDF-|[\[{]|window\.\w|Grailbird\.)", re.IGNORECASE)
"""How files begin that are some other format's, which nobody wants to hear themselves imitated in."""
_CONTROL = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_LINES_A_POST = 8
"""Blocks longer than this on average are not posts but lists of them."""
_SAMPLE = 1 << 16


def _claims(_file: ExportFile, head: bytes) -> bool:
    if b"\0" in head and not marked(head):
        return False
    text = text_of(head)
    return bool(text.strip()) and not _CONTROL.search(text) and not _MARKUP.match(text)


def _read(file: ExportFile) -> Iterator[Record]:
    with open_text(file) as lines:
        in_blocks = _in_blocks(lines.read(_SAMPLE))
    with open_text(file) as lines:
        for post in _blocks(lines) if in_blocks else lines:
            text = words.clean(post)
            if in_blocks or text:  # a blank line between posts is no post
                yield Record("", OWNER, (), "text", None, text, dropped=words.reason_to_drop(text))


def _in_blocks(sample: str) -> bool:
    """Tell whether posts are blocks: there are blank lines, and what stands between them is as short as posts are.

    A list of a thousand lines with a blank one now and then is a list of lines.
    """
    blocks = [block for block in re.split(r"\n[ \t]*\n", sample.strip()) if block.strip()]
    lines = sum(block.count("\n") + 1 for block in blocks)
    return len(blocks) > 1 and lines <= _LINES_A_POST * len(blocks)


def _blocks(lines: Iterator[str]) -> Iterator[str]:
    block: list[str] = []
    for line in lines:
        if line.strip():
            block.append(line)
        elif block:
            yield "".join(block)
            block = []
    if block:
        yield "".join(block)


READER = Reader("text", _claims, _read)
