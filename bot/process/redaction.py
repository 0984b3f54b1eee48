"""Keep a secret out of every log line, whichever logger writes it. Knows no platform.

Clients put tokens into URLs, and URLs into log lines and errors. A filter on one logger would miss the others, so the
secret is replaced in the log record factory.
"""

import logging
from typing import Any, Self

REPLACEMENT = "…"


class Redaction:
    """Context in which no log record holds `secret`, in its message or its traceback."""

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
            traceback = logging.Formatter().formatException(record.exc_info)
            if self._secret in traceback:
                record.exc_text, record.exc_info = traceback.replace(self._secret, REPLACEMENT), None
        return record


def _message_of(record: logging.LogRecord) -> str:
    """Format the message; a record that cannot be formatted is left for the logging module to report."""
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        return f"{record.msg} {record.args}"
