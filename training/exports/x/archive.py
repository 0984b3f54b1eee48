"""The tweets in an archive from X (Twitter), whatever year it was made: JavaScript files that assign one JSON array.

`tweets.js`, `tweets-part1.js`, `tweet.js`, `community-tweet.js`, `note-tweet.js` (long texts), and before 2018
`data/js/tweets/2013_01.js`. All of it is the account owner's own, but for retweets. Other files are not claimed:
least of all deleted-tweets.js, which somebody has taken back.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from training.exports.common import json_stream, message_text
from training.exports.common.files import ExportFile
from training.exports.common.json_stream import mapping, mappings
from training.exports.common.record import OWNER, ExportReader, Reason, Record
from training.exports.x.long_tweets import Note, Notes, read_notes

Tweet = dict[str, Any]

_CHANNEL = "x"
_ASSIGNMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:window\.YTD\.(?:tweets?|community_tweets?|(?P<notes>note_tweets?))\.part\d+"
    rb"|Grailbird\.data\.tweets_\d{4}_\d{2})\s*=\s*\["
)
_LEADING_HANDLES = re.compile(r"\s*(?:@\w{1,20}(?:\s+|\Z))+", re.ASCII)
_HANDLE = re.compile(r"(?<![A-Za-z0-9_!#$%&*@＠])[@＠]\w{1,20}", re.ASCII)
_SHORT_LINK = re.compile(r"\s*(https?://t\.co/\w+)", re.ASCII)
_NO_TARGET = re.compile(r"$|https?://(?:t\.co/|(?:\w+\.)?(?:twitter|x)\.com/\w+/status(?:es)?/\d)")
"""Links that expand to nothing readable, or to a tweet, which is its writer's name and a number."""
_RETWEET = re.compile(r"RT @\w+", re.ASCII)
_QUOTED_BY_HAND = re.compile(r"\s+(?:RT|QT|MT) @\w+:.*", re.ASCII | re.DOTALL)
_ESCAPED = re.compile(r"&(amp|lt|gt|quot|#39);")
_UNESCAPED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'"}


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the file's tweets, in file order, not in time's. Raises DannError for a file that breaks off."""
    with file.open() as stream:
        start = _ASSIGNMENT.match(stream.read(4096))
    if start and start["notes"]:
        yield from _lone_notes(file)
        return
    beside = file.sibling("note-tweet.js")
    notes = Notes(read_notes(beside) if beside else iter(()))
    for item in json_stream.items(file, "item", after=b"="):
        tweet = item.get("tweet", item) if isinstance(item, dict) else None
        if isinstance(tweet, dict):
            yield _record(tweet, notes)


def _lone_notes(file: ExportFile) -> Iterator[Record]:
    """Yield long tweets only where their tweets, which have ids and replies, are not read from the same folder."""
    if any(file.sibling(name) for name in ("tweets.js", "tweet.js")):
        return
    for note in read_notes(file):
        text = message_text.clean(_rewrite(note.text, note.urls))
        reason = message_text.reason_to_drop(text)
        number = f"x:note:{note.id}" if note.id else ""
        yield Record(number, OWNER, (), _CHANNEL, note.time, "" if reason else text, dropped=reason)


def _record(tweet: Tweet, notes: Notes) -> Record:
    written = str(tweet.get("full_text") or tweet.get("text") or "")
    time = _seconds(tweet.get("created_at"))
    number = tweet.get("id_str") or tweet.get("id")
    answered = tweet.get("in_reply_to_status_id_str") or tweet.get("in_reply_to_status_id")
    text, reason = "", _retweet(tweet, written)
    if reason is None:
        text, reason = _own_words(tweet, written, notes.completing(written, time))
    return Record(
        id=f"x:{number}" if number else "",
        author=OWNER,
        names=(),
        channel=_CHANNEL,
        time=time,
        text="" if reason else text,
        reply_to=f"x:{answered}" if answered else None,
        dropped=reason,
    )


def _retweet(tweet: Tweet, written: str) -> Reason | None:
    return "retweet" if tweet.get("retweeted_status") or _RETWEET.match(written) else None


def _own_words(tweet: Tweet, written: str, note: Note | None) -> tuple[str, Reason | None]:
    entities = mapping(tweet.get("entities"))
    media = entities.get("media") or mapping(tweet.get("extended_entities")).get("media")
    links = {str(url.get("url")): str(url.get("expanded_url") or "") for url in mappings(entities.get("urls"))}
    text = _without_prefix(tweet, note.text if note else written)
    text = message_text.clean(_rewrite(text, links | (note.urls if note else {})))
    if not text and not media and _SHORT_LINK.search(written):
        return "", "link"  # a tweet quoted without a word
    return text, message_text.reason_to_drop(text, has_attachments=bool(media))


def _without_prefix(tweet: Tweet, text: str) -> str:
    """Cut the handles that a reply begins with: those X does not display, or all where it displays everything."""
    shown = tweet.get("display_text_range")
    begin = str(shown[0]) if isinstance(shown, list) and shown else "0"
    start = int(begin) if begin.isdecimal() else 0
    if start and _LEADING_HANDLES.fullmatch(text[:start]):
        return text[start:]
    prefix = _LEADING_HANDLES.match(text)
    is_reply = start or tweet.get("in_reply_to_user_id_str") or tweet.get("in_reply_to_status_id_str")
    return text[prefix.end() :] if prefix and is_reply else text


def _rewrite(text: str, links: dict[str, str]) -> str:
    """Make text as its writer saw it, but for names: nothing escaped, links whole, "@someone" for anybody."""

    def whole(found: re.Match[str]) -> str:
        target = links.get(found[1], "")
        return "" if _NO_TARGET.match(target) else found[0].replace(found[1], target)

    text = _HANDLE.sub("@someone", _QUOTED_BY_HAND.sub("", text))
    return _SHORT_LINK.sub(whole, _ESCAPED.sub(lambda found: _UNESCAPED[found[1]], text))


def _seconds(written: object) -> float | None:
    """Read "Wed Oct 19 20:07:25 +0000 2022", or "2013-01-05 12:00:00 +0000" as older archives have it."""
    text = str(written or "")
    english = parsedate_tz(text) if text[:1].isalpha() else None
    try:
        return float(mktime_tz(english)) if english else datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp()
    except (ValueError, OverflowError):
        return None


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim JavaScript that assigns an array of tweets or notes."""
    return bool(_ASSIGNMENT.match(head))


READER = ExportReader("x", claims, read)
