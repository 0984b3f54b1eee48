"""Ids for messages whose export has none, and the channel under which their chat is stored already.

Such a message is identified by its format, channel, time and text. The text is `Former.text` where the reader gives one, so
no improvement of cleaning changes an identity. A chat's channel is derived from what changes (names, the first message, the
file's name): before its messages are stored, the chat is looked for among the stored ones.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING

from training.exports.common.iso_time import showable
from training.exports.common.record import Record

if TYPE_CHECKING:
    from training.store.writer import Writer

MAX_ID_LENGTH = 200
"""Characters. Longer ids and channels, which only hand-made files have, are stored as digests, which are cheap to index."""
_SAMPLES = 100
"""Messages of a chat by which it is recognized, evenly spaced."""
_PROBES = 8
"""Samples that are looked up in every stored chat; the others only where one of these is found."""
_LEAST_HITS = 2
"""Two chats may share one message, such as a greeting that somebody sent to both."""

_Span = tuple[float | None, float | None]


def short_id(id_: str) -> str:
    """Return an id, or its digest if it is long."""
    return id_ if len(id_) <= MAX_ID_LENGTH else f"sha256:{hashlib.sha256(id_.encode()).hexdigest()}"


class ChatSample:
    """Evenly spaced messages of one channel of a file, without ids of their own; takes little memory."""

    def __init__(self) -> None:
        self.messages: list[Record] = []
        self._step = 1
        self._skipped = 0

    def add(self, record: Record) -> None:
        """Add the next message of the channel."""
        self._skipped += 1
        if self._skipped < self._step:
            return
        self._skipped = 0
        self.messages.append(record)
        if len(self.messages) == 2 * _SAMPLES:
            del self.messages[1::2]
            self._step *= 2


class StoredChats:
    """Finds the channel of a chat among those of the store, for one import."""

    def __init__(self) -> None:
        self._spans: dict[str, dict[str, _Span]] = {}

    def find(self, writer: "Writer", source: str, channel: str, sample: ChatSample) -> str:
        """Return the channel under which these messages are stored (or were, and are forgotten), or `channel`.

        Where the times of the two overlap, at least half of the messages have to be the same, and two of them.
        """
        messages = sample.messages
        formers = (former for message in messages if (former := message.former))
        for own in dict.fromkeys((channel, *(other for former in formers for other in former.channels))):
            if writer.count_known(_ids(source, own, messages)):
                return own
        if source not in self._spans:
            self._spans[source] = writer.channels(source)
        spans = self._spans[source]
        best, most = channel, _LEAST_HITS - 1
        for other, span in spans.items():
            shared = [message for message in messages if any(_within(time, span) for time in _times(message))]
            probes = shared[:: max(1, len(shared) // _PROBES)]
            if len(shared) > most and writer.count_known(_ids(source, other, probes)):
                hits = writer.count_known(_ids(source, other, shared))
                if hits > most and (2 * hits >= len(shared) or span == (None, None)):
                    best, most = other, hits
        times = [time for message in messages if (time := message.time) is not None]
        spans[best] = _joined(spans.get(best), times)
        return best


def _joined(span: _Span | None, times: Collection[float]) -> _Span:
    every = [*times, *(time for time in span or () if time is not None)]
    return (min(every), max(every)) if every else (None, None)


def _within(time: float | None, span: _Span) -> bool:
    first, last = span
    return time is None or first is None or last is None or first <= time <= last


def _times(record: Record) -> tuple[float | None, ...]:
    """Return a message's time, then those it may have been stored with."""
    former = record.former
    if former is None:
        return (record.time,)
    return tuple(dict.fromkeys((record.time, former.time, *former.other_times)))


def _ids(source: str, channel: str, messages: Collection[Record]) -> set[str]:
    """Return the ids that messages have if they are the first of their kind."""
    return {f"{digest}:1" for message in messages for digest in _digests(source, channel, message)}


def _digests(source: str, channel: str, record: Record) -> Iterator[str]:
    """Yield the digest of a message, then those it had by other times."""
    text = record.text if record.former is None else record.former.text
    for time in _times(record):
        yield _digest(source, channel, time, text)


def _digest(source: str, channel: str, time: float | None, text: str) -> str:
    content = "\0".join((source, channel, repr(time), text))
    return f"{source}:{hashlib.sha256(content.encode()).digest()[:12].hex()}"


def message_digests(record: Record) -> Iterator[str]:
    """Yield a digest of a message's text with each time, which is the same in every channel and format that has both."""
    former = record.former
    text = record.text if former is None else former.text
    for time in (record.time, *(former.other_times if former else ())):
        yield hashlib.sha256(f"{time!r}\0{text}".encode()).digest()[:12].hex()


def outdated_places(record: Record, channel: str) -> tuple[tuple[str, float | None], ...]:
    """Return the channels and times that a stored message of this record has by mistake, where it is known as `channel`."""
    former = record.former
    if former is None or not former.moves:
        return ()
    times = [time if time is None else showable(time) for time in _times(record)]
    places = itertools.product((short_id(channel), *map(short_id, former.channels)), times)
    return tuple(place for place in places if place != (short_id(channel), record.time))


class MessageIds:
    """The ids of one file's messages: the format's own or, where it has none, digests.

    Equal messages of one time are numbered, so that reading a file again, or a longer one with the same start, gives the same
    ids. Of messages with a time, only those of the current time are remembered.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._time: float | None = None
        self._same_time: Counter[str] = Counter()
        self._without_time: Counter[str] = Counter()

    def ids_of(self, record: Record, channel: str) -> tuple[str, ...]:
        """Return the id of the file's next message, then the ids it may be stored under instead."""
        own = short_id(record.id)
        former = record.former
        if own and former is None:
            return (own,)
        aliases = tuple(map(short_id, former.ids)) if former else ()
        if own:
            return own, *aliases
        if record.time is not None and record.time != self._time:
            self._time = record.time
            self._same_time.clear()
        text = record.text if former is None else former.text
        places = itertools.product((channel, *(former.channels if former else ())), _times(record))
        return *(self._numbered(place, time, text) for place, time in places), *aliases

    def _numbered(self, channel: str, time: float | None, text: str) -> str:
        digest = _digest(self._source, channel, time, text)
        seen = self._without_time if time is None else self._same_time
        seen[digest] += 1
        return f"{digest}:{seen[digest]}"
