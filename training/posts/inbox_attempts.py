"""Attempts to import an export of the inbox, noted in a file before they begin: what ended dann twice is not tried again."""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any

from model.checkpoints.atomic_files import replace_file

ATTEMPTS = ".attempts.json"
"""The file in the inbox; hidden, so it is no export."""
MOST_ATTEMPTS = 2


class Attempts:
    """The attempts that did not come to an end, by the name of the export."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def begin(self, name: str, fingerprint: object) -> str | None:
        """Note an attempt; return what the last one ended with where there were two, None to go on.

        A file that has changed since then counts as another one.
        """
        notes = self._read()
        seen = json.loads(json.dumps(fingerprint))
        note = notes.get(name)
        if not isinstance(note, dict) or note.get("fingerprint") != seen:
            note = {"fingerprint": seen, "count": 0, "reason": ""}
        if note["count"] >= MOST_ATTEMPTS:
            return str(note.get("reason") or "dann was ended")
        notes[name] = note | {"count": note["count"] + 1}
        self._write(notes)
        return None

    def failed(self, name: str, reason: str) -> int:
        """Note why the attempt ended, and return which it was."""
        notes = self._read()
        note = notes.setdefault(name, {"count": MOST_ATTEMPTS})
        note["reason"] = reason
        self._write(notes)
        return int(note["count"])

    def end(self, name: str) -> None:
        """Remove the notes of an export: its attempt came to an end."""
        notes = self._read()
        if notes.pop(name, None) is not None:
            self._write(notes)

    def _read(self) -> dict[str, Any]:
        with suppress(OSError, ValueError):
            found = json.loads(self._file.read_text("utf-8"))
            if isinstance(found, dict):
                return found
        return {}

    def _write(self, notes: dict[str, Any]) -> None:
        if notes:
            replace_file(self._file, json.dumps(notes).encode("utf-8"))
        else:
            self._file.unlink(missing_ok=True)
