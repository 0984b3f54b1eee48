"""Reader for JSON lines: one object per line with `text` and the other keys of fields.py."""

import json
import re
from collections.abc import Iterator
from typing import Any

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, open_text
from training.exports.common.record import ExportReader, Record
from training.exports.generic import fields

_PLATFORM = "jsonl"
_CLAIM_LINES = 20
_CUT_OFF = re.compile(r'\s*\{\s*(?:"\w+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,\s*)*"text"\s*:\s*"')
"""The start of an object with a text, for a first line longer than the head."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield one record per line. Raises DannError naming a line that is not an object."""
    with open_text(file) as lines:
        for number, line in enumerate(lines, 1):
            if not line.isspace():
                yield fields.record(_object(line, f"{file.label}: line {number}"), _PLATFORM)


def _object(line: str, where: str) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, dict):
        return value
    raise DannError(
        f'{where} is not a JSON object; each line must be one, such as {{"text": "hello"}}: fix or delete it'
    )


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim lines that start with an object, if one of the first few has a text."""
    lines = [line for line in decode_head(head).split("\n") if line.strip()][:_CLAIM_LINES]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    return any(map(_has_text, lines)) or bool(len(lines) == 1 and _CUT_OFF.match(lines[0]))


def _has_text(line: str) -> bool:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(value, dict) and isinstance(value.get("text"), str)


READER = ExportReader("jsonl", claims, read)
