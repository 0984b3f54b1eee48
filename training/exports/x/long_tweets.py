"""X's `note-tweet.js`: the whole text of long tweets, of which `tweets.js` has only the beginning.

A note names no tweet, so the two are matched by their time and by how they begin.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from training.exports.common import json_stream
from training.exports.common.files import ExportFile
from training.exports.common.json_stream import mapping, mappings

_SECONDS_APART = 60
_ENOUGH = 40
"""Characters that must agree; the beginning in tweets.js has 140 at least."""
_UNLIKE = re.compile(r"\A\s*(?:@\w+\s+)+|https?://\S*|&(?:amp|lt|gt);|[&<>…]|\s+", re.ASCII)
"""What may differ between the two copies of a beginning: a reply's handles, links, escapes, cuts, white space."""


@dataclass(frozen=True, slots=True)
class Note:
    """One long tweet: its id among notes, when it was posted (Unix seconds), its text and the links in it."""

    id: str
    time: float | None
    text: str
    urls: dict[str, str]


class Notes:
    """All notes of an archive (they are few), to be asked for the one that a tweet begins."""

    def __init__(self, notes: Iterator[Note]) -> None:
        self._by_beginning: dict[str, list[tuple[str, Note]]] = {}
        for note in notes:
            whole = _UNLIKE.sub("", note.text)
            self._by_beginning.setdefault(whole[:_ENOUGH], []).append((whole, note))

    def completing(self, text: str, time: float | None) -> Note | None:
        """Return the note whose beginning `text` is, posted at about `time`, or None."""
        beginning = _UNLIKE.sub("", text)
        if len(beginning) < _ENOUGH or time is None:
            return None
        for whole, note in self._by_beginning.get(beginning[:_ENOUGH], []):
            if whole.startswith(beginning) and note.time is not None and abs(note.time - time) <= _SECONDS_APART:
                return note
        return None


def read_notes(file: ExportFile) -> Iterator[Note]:
    """Yield the notes of a note-tweet.js. Raises DannError for a file that breaks off."""
    for item in json_stream.items(file, "item", after=b"="):
        note = mapping(mapping(item).get("noteTweet", item))
        core = mapping(note.get("core"))
        urls = {
            str(url.get("shortUrl") or url.get("url")): str(url.get("expandedUrl") or url.get("expanded_url") or "")
            for url in mappings(core.get("urls"))
        }
        yield Note(
            str(note.get("noteTweetId") or ""), _seconds(note.get("createdAt")), str(core.get("text") or ""), urls
        )


def _seconds(written: object) -> float | None:
    try:
        return datetime.fromisoformat(str(written)).timestamp()
    except ValueError:
        return None
