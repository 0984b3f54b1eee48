"""Reader for JSON lines: one object per line with `text` and the other keys of fields.py."""

import json
import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, read_lines
from training.exports.common.local_time import MonthVotes
from training.exports.common.record import ExportReader, Record
from training.exports.generic.columns import plain_key
from training.exports.generic.fields import RecordMaker
from training.exports.generic.survey import ColumnSurvey

_PLATFORM = "jsonl"
_CLAIM_LINES = 20
_CUT_OFF = re.compile(r'\s*\{\s*(?:"\w+"\s*:\s*(?:"(?:[^"\\]|\\.)*"|[\w.+-]+)\s*,\s*)*"text"\s*:\s*"')
"""The start of an object with a text, for a first line longer than the head."""


def read(file: ExportFile) -> Iterator[Record]:
    """Yield one record per line, broken ones too. Raises DannError as `RecordMaker` does."""
    survey = ColumnSurvey(formerly_month_first=_formerly_month_first(file.head()))
    lines = (line for line in read_lines(file) if line and not line.isspace())
    maker = RecordMaker(survey.read(fields for line in lines if (fields := _fields(line))), _PLATFORM, file.label)
    for number, line in enumerate(read_lines(file), 1):
        if line and not line.isspace():
            fields = _fields(line)
            if fields is None or isinstance(
                fields.get("text"), dict | list | bool
            ):  # a number may be all that was said
                yield maker.broken(f"line {number}")
            else:
                yield maker.record(fields)


def _formerly_month_first(head: bytes) -> bool:
    order = MonthVotes("/")
    for line in _first_lines(head):
        for value in (_fields(line) or {}).values():
            order.add(value)
    return order.month_first


def _fields(line: str) -> dict[str, Any] | None:
    value = _object(line)
    return None if value is None else {_plain(key): found for key, found in value.items()}


@lru_cache(maxsize=1024)
def _plain(key: str) -> str:
    return plain_key(key)


def _first_lines(head: bytes) -> list[str]:
    return [line for line in decode_head(head).split("\n") if line.strip()][:_CLAIM_LINES]


def _object(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def claims(head: bytes) -> bool:
    """Claim lines that start with an object, if one of the first few has a text."""
    lines = _first_lines(head)
    if not lines or not lines[0].lstrip().startswith("{"):
        return False
    has_text = any(isinstance((_object(line) or {}).get("text"), str) for line in lines)
    return has_text or bool(len(lines) == 1 and _CUT_OFF.match(lines[0]))


READER = ExportReader("jsonl", claims, read)
