"""Reader for an X (Twitter) archive of any year: JavaScript that assigns arrays of tweets.

`tweets.js`, `tweets-part1.js`, `tweet.js`, `community-tweet.js`, `note-tweet.js` (long texts), and before 2018
`data/js/tweets/2013_01.js`. Except for retweets, all of it is the account owner's own. Other files are not claimed, above
all deleted-tweets.js, whose tweets were withdrawn.
"""

import re
from collections.abc import Iterator
from datetime import datetime
from email.utils import mktime_tz, parsedate_tz
from typing import Any

from training.exports.common import iso_time, json_stream, message_text
from training.exports.common.files import ExportFile
from training.exports.common.json_stream import mapping, mappings
from training.exports.common.record import OWNER, ChatNames, ExportReader, Former, Reason, Record
from training.exports.x.edited_tweets import EditedTweets
from training.exports.x.long_tweets import LongTweet, LongTweets, read_long_tweets

Tweet = dict[str, Any]

_CHANNEL = "x"
_CHAT = ChatNames(_CHANNEL, ("X",))
_ASSIGNMENT = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:window\.YTD\.(?:tweets?|community_tweets?|(?P<notes>note_tweets?))\.part\d+"
    rb"|Grailbird\.data\.tweets_\d{4}_\d{2})\s*=\s*\["
)
_LEADING_HANDLES = re.compile(r"\s*(?:@\w{1,20}(?:\s+|\Z))+", re.ASCII)
_HANDLE = re.compile(r"(?<![A-Za-z0-9_!#$%&*@＠])[@＠]\w{1,20}", re.ASCII)
_SHORT_LINK = re.compile(r"(?:(?<!\s)\s+)?(https?://t\.co/\w+)", re.ASCII)
_NO_TARGET = re.compile(r"$|https?://(?:t\.co/|(?:\w+\.)?(?:twitter|x)\.com/\w+/status(?:es)?/\d)")
"""Links that expand to nothing readable, or to a tweet, whose address has its author's name."""
_RETWEET = re.compile(r"RT @\w+", re.ASCII)
_QUOTED_BY_HAND = re.compile(r"(?<!\s)\s+(?:RT|QT|MT) @\w+:.*", re.ASCII | re.DOTALL)
_ESCAPED = re.compile(r"&(amp|lt|gt|quot|#39);")
_UNESCAPED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "#39": "'"}


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the tweets in file order, not by time. Raises DannError for a file that breaks off."""
    start = _ASSIGNMENT.match(file.head())
    if start and start["notes"]:
        yield from _lone_notes(file)
        return
    notes_file = file.sibling("note-tweet.js")
    notes = LongTweets(read_long_tweets(notes_file) if notes_file else iter(()))
    edits = EditedTweets(file)
    for item in json_stream.items(file, "item", after=b"="):
        tweet = item.get("tweet", item) if isinstance(item, dict) else None
        if isinstance(tweet, dict) and isinstance(_written(tweet), str):
            yield _record(tweet, notes, edits)
        else:
            yield Record(
                "", _CHANNEL, (), _CHANNEL, None, "", None, None, "broken", "something that is no tweet", None, _CHAT
            )


def _lone_notes(file: ExportFile) -> Iterator[Record]:
    """Yield long tweets, unless tweets.js is beside them: it has their ids and replies."""
    if any(file.sibling(name) for name in ("tweets.js", "tweet.js")):
        return
    for note in read_long_tweets(file):
        text = message_text.clean(_rewrite(note.text, note.urls))
        reason = message_text.reason_to_drop(text)
        id_ = f"x:note:{note.id}" if note.id else ""
        yield Record(id_, OWNER, (), _CHANNEL, note.time, "" if reason else text, dropped=reason, chat=_CHAT)


def _written(tweet: Tweet) -> Any:
    return tweet.get("full_text") or tweet.get("text") or ""


def _record(tweet: Tweet, notes: LongTweets, edits: EditedTweets) -> Record:
    written = _written(tweet)
    time = _seconds(tweet.get("created_at"))
    tweet_id = tweet.get("id_str") or tweet.get("id")
    replied_to = tweet.get("in_reply_to_status_id_str") or tweet.get("in_reply_to_status_id")
    text, reason = _own_words(tweet, written, notes.find(written, time))
    first, *later = edits.versions(str(tweet_id or ""))
    if reason is None and edits.is_superseded(str(tweet_id)):
        text, reason = "", "superseded"
    if replied_to:
        replied_to = edits.versions(str(replied_to))[0]
    return Record(
        id=f"x:{first}" if first else "",
        author=OWNER,
        names=(),
        channel=_CHANNEL,
        time=time,
        text="" if reason else text,
        reply_to=f"x:{replied_to}" if replied_to else None,
        dropped=reason,
        former=Former(text, time, tuple(f"x:{id_}" for id_ in later)) if later else None,
        chat=_CHAT,
    )


def _own_words(tweet: Tweet, written: str, note: LongTweet | None) -> tuple[str, Reason | None]:
    if tweet.get("retweeted_status") or _RETWEET.match(written):
        return "", "retweet"
    entities = mapping(tweet.get("entities"))
    media = entities.get("media") or mapping(tweet.get("extended_entities")).get("media")
    links = {str(url.get("url")): str(url.get("expanded_url") or "") for url in mappings(entities.get("urls"))}
    text = _without_prefix(tweet, note.text if note else written)
    text = message_text.clean(_rewrite(text, links | (note.urls if note else {})))
    if not text and not media and _SHORT_LINK.search(written):
        return "", "link"  # a quote of a tweet, without own words
    return text, message_text.reason_to_drop(text, has_attachments=bool(media))


def _without_prefix(tweet: Tweet, text: str) -> str:
    """Remove a reply's first handles: those X does not display, or all if it displays all."""
    shown = tweet.get("display_text_range")
    begin = str(shown[0]) if isinstance(shown, list) and shown else "0"
    start = int(begin) if begin.isdecimal() else 0
    if start and _LEADING_HANDLES.fullmatch(text[:start]):
        return text[start:]
    prefix = _LEADING_HANDLES.match(text)
    is_reply = start or tweet.get("in_reply_to_user_id_str") or tweet.get("in_reply_to_status_id_str")
    return text[prefix.end() :] if prefix and is_reply else text


def _rewrite(text: str, links: dict[str, str]) -> str:
    """Return text as its author saw it, with full links, but "@someone" for handles."""

    def full_link(link: re.Match[str]) -> str:
        target = links.get(link[1], "")
        return "" if _NO_TARGET.match(target) else link[0].replace(link[1], target)

    text = _HANDLE.sub("@someone", _QUOTED_BY_HAND.sub("", text))
    return _SHORT_LINK.sub(full_link, _ESCAPED.sub(lambda escaped: _UNESCAPED[escaped[1]], text))


def _seconds(written: object) -> float | None:
    """Parse "Wed Oct 19 20:07:25 +0000 2022" or (before 2018) "2013-01-05 12:00:00 +0000"."""
    text = str(written or "")
    english = parsedate_tz(text) if text[:1].isalpha() else None
    try:
        seconds = mktime_tz(english) if english else datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z").timestamp()
        return iso_time.showable(float(seconds))
    except (ValueError, OverflowError):
        return None


def claims(head: bytes) -> bool:
    """Claim JavaScript that assigns an array of tweets or of long tweets."""
    return bool(_ASSIGNMENT.match(head))


READER = ExportReader("x", claims, read)
