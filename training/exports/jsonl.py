"""JSON lines: an object a line with `text`; where known `id, author, channel, time, reply_to`. Other keys are left alone."""

import json
from collections.abc import Iterator
from typing import Any

from model.errors import DannError
from training.exports import fields
from training.exports.files import ExportFile, open_text, text_of
from training.exports.record import Reader, Record


def _claims(_file: ExportFile, head: bytes) -> bool:
    lines = [line for line in text_of(head).splitlines() if line.strip()]
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    first = _parsed(lines[0])
    if first is None and len(lines) == 1:  # longer than the head
        return '"text"' in lines[0]
    return first is not None and "text" in first


def _read(file: ExportFile) -> Iterator[Record]:
    with open_text(file) as lines:
        for number, line in enumerate(lines, start=1):
            if not line.strip():
                continue
            found = _parsed(line)
            if found is None or "text" not in found:
                what = "is not a JSON object" if found is None else 'has no "text"'
                raise DannError(f'{file.label}: line {number} {what}; every line must be one, such as {{"text": "hi"}}')
            yield fields.record(found, READER.name)


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        found = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


READER = Reader("jsonl", _claims, _read)
