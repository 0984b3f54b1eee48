"""Keeps secrets out of every log line, whoever writes it. Knows no platform.

Clients put tokens into addresses, and addresses into their log lines and errors. A filter on one logger would miss the
others and what they are given later, so the secret is taken out where records are made.
"""

import logging
from types import TracebackType
from typing import Any, Self

REPLACEMENT = "…"


class Redaction:
    """While it is entered, no log record of this process holds `secret`, in its message or in its traceback."""

    def __init__(self, secret: str) -> None:
        self._secret = secret
        self._before: Any = None

    def __enter__(self) -> Self:
        self._before = logging.getLogRecordFactory()
        logging.setLogRecordFactory(self._record)
        return self

    def __exit__(self, *_: object) -> None:
        if logging.getLogRecordFactory() == self._record:
            logging.setLogRecordFactory(self._before)
        else:  # another was entered after this one and goes on through it
            self._secret = ""

    def _record(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        record: logging.LogRecord = self._before(*args, **kwargs)
        if not self._secret:
            return record
        if self._secret in (message := _message_of(record)):
            record.msg, record.args = message.replace(self._secret, REPLACEMENT), ()
        if isinstance(record.exc_info, tuple):
            self._hide_in_traceback(record, record.exc_info)
        return record

    def _hide_in_traceback(self, record: logging.LogRecord, exc_info: tuple[Any, Any, TracebackType | None]) -> None:
        traceback = logging.Formatter().formatException(exc_info)
        if self._secret in traceback:
            record.exc_text, record.exc_info = traceback.replace(self._secret, REPLACEMENT), None


def _message_of(record: logging.LogRecord) -> str:
    """What the record says; a record that cannot be formatted is the logging module's to complain about."""
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} {record.args}"
