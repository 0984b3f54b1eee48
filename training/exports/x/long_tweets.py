"""X's `note-tweet.js`: the whole text of long tweets, cut short in `tweets.js`.

A note does not name its tweet, so the two are matched by their time and by their first characters.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.exports.common import iso_time, json_stream
from training.exports.common.files import ExportFile
from training.exports.common.json_stream import mapping, mappings

_MAX_SECONDS_APART = 60
_MATCHED_CHARACTERS = 40
"""Characters that must be equal; the start in tweets.js has 140 at least."""
_IGNORED = re.compile(r"\A\s*(?:@\w+\s+)+|https?://\S*|&(?:amp|lt|gt);|[&<>…]|\s+", re.ASCII)
"""Differences between the two copies of a start: a reply's handles, links, escapes, ellipses, white space."""


@dataclass(frozen=True, slots=True)
class LongTweet:
    """One long tweet: its id among notes, its time in Unix seconds, its text and links."""

    id: str
    time: float | None
    text: str
    urls: dict[str, str]


class LongTweets:
    """All long tweets of an archive (they are few), found by the start of their text."""

    def __init__(self, notes: Iterator[LongTweet]) -> None:
        self._by_start: dict[str, list[tuple[str, LongTweet]]] = {}
        for note in notes:
            whole = _IGNORED.sub("", note.text)
            self._by_start.setdefault(whole[:_MATCHED_CHARACTERS], []).append((whole, note))

    def find(self, text: str, time: float | None) -> LongTweet | None:
        """Return the long tweet that starts with `text` and was posted at about `time`, or None."""
        start = _IGNORED.sub("", text)
        if len(start) < _MATCHED_CHARACTERS or time is None:
            return None
        for whole, note in self._by_start.get(start[:_MATCHED_CHARACTERS], []):
            if whole.startswith(start) and note.time is not None and abs(note.time - time) <= _MAX_SECONDS_APART:
                return note
        return None


def read_long_tweets(file: ExportFile) -> Iterator[LongTweet]:
    """Yield the long tweets of a note-tweet.js. Raises DannError for a file that breaks off."""
    for item in json_stream.items(file, "item", after=b"="):
        note = mapping(mapping(item).get("noteTweet", item))
        core = mapping(note.get("core"))
        urls = {
            str(url.get("shortUrl") or url.get("url")): str(url.get("expandedUrl") or url.get("expanded_url") or "")
            for url in mappings(core.get("urls"))
        }
        time = iso_time.seconds(note.get("createdAt"))
        yield LongTweet(str(note.get("noteTweetId") or ""), time, str(core.get("text") or ""), urls)
