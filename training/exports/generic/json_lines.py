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
                if (value := _object(line)) is None:
                    problem = f"{file.label}: line {number} is not a JSON object; each line must be one, such as "
                    raise DannError(problem + '{"text": "hello"}: fix or delete it')
                yield fields.record(value, _PLATFORM)


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def claims(head: bytes) -> bool:
    """Claim lines that start with an object, if one of the first few has a text."""
    lines = [line for line in decode_head(head).split("\n") if line.strip()][:_CLAIM_LINES]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    has_text = any(isinstance((_object(line) or {}).get("text"), str) for line in lines)
    return has_text or bool(len(lines) == 1 and _CUT_OFF.match(lines[0]))


READER = ExportReader("jsonl", claims, read)
