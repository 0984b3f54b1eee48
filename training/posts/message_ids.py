"""Ids for messages whose export has none, and the channel under which their chat is stored already.

Such a message is identified by its format, channel, time and text. The text is `Former.text` where the reader gives one, so
no improvement of cleaning changes an identity. A chat's channel is derived from what changes (names, the first message, the
file's name): before its messages are stored, the chat is looked for among the stored ones. Of a chat known by its file's name
alone, ids as well hold in one file only, and another chat's file may have the same name.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain, count, product
from typing import TYPE_CHECKING, NamedTuple

from training.exports.common.iso_time import showable
from training.exports.common.record import Record
from training.store.post import BY_ITS_ID, FoundBy

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
LEAST_TIMELESS = 20
"""Characters of a message without a time that tells a chat; shorter ones are in many."""
_FEW = 10
"""One in so many messages may be of a stored chat's time and not be in it: two exports hardly overlap."""

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


class _Shared(NamedTuple):
    """The ids that a stored channel has of some messages, their number, and how many of these ids are others' there."""

    ids: set[str]
    of: int
    others: int


@dataclass
class StoredChats:
    """Finds the channel of a chat among those of the store, for one import.

    `formerly_kept` are the found channels of chats that the store has in the channel of versions before, at least in part.
    """

    formerly_kept: set[str] = field(default_factory=set)
    _spans: dict[str, dict[str, _Span]] = field(default_factory=dict)

    def find(self, writer: "Writer", source: str, channel: str, sample: ChatSample) -> str:
        """Return the channel under which these messages are stored (or were, and are forgotten), or `channel`.

        Where the times of the two overlap, at least half of the messages have to be the same, and two of them. For a chat
        known by its file's name it is another channel than `channel` where that is taken by another chat.
        """
        messages = sample.messages
        by_file, former = messages[0].chat.by_file, messages[0].chat.former_channel
        for own in [] if by_file else dict.fromkeys((channel, *chain(*map(_other_channels, messages)))):
            if writer.known_ids(_ids(source, own, messages)):
                return own
        if source not in self._spans:
            self._spans[source] = writer.channels(source)
        spans = self._spans[source]
        kept = _shared_ids(writer, source, former, messages, among_others=True) if former else set()
        found = writer.channel_of(kept, former)  # those that were moved
        if not found and by_file and self._continues(writer, source, channel, messages):
            found = channel
        found = found or self._most_shared(writer, source, {channel, former}, messages)
        found = found or (_unused(channel, spans) if by_file else channel)
        if kept:
            self.formerly_kept.add(found)
        times = [time for message in messages if (time := message.time) is not None]
        spans[found] = _joined(spans.get(found), times)
        return found

    def _continues(self, writer: "Writer", source: str, channel: str, messages: Sequence[Record]) -> bool:
        """Return whether the chat that is stored under a file's name is these messages', as nothing says otherwise."""
        span = self._spans[source].get(channel)
        if span is None:
            return False
        overlapping = [message for message in messages if _within(message.time, span)]
        if _shared_ids(writer, source, channel, overlapping):
            return True
        return _FEW * len(overlapping) <= len(messages) and not _shared(writer, source, channel, messages).others

    def _most_shared(self, writer: "Writer", source: str, without: set[str], messages: Sequence[Record]) -> str:
        best, most = "", _LEAST_HITS - 1
        for other, span in self._spans[source].items():
            within = [message for message in messages if any(_within(time, span) for time in _times(message))]
            probes = within[:: max(1, len(within) // _PROBES)]
            if other in without or len(within) <= most or not _shared(writer, source, other, probes).ids:
                continue
            shared = len(_shared_ids(writer, source, other, within))
            if shared > most and (2 * shared >= len(within) or span == (None, None)):
                best, most = other, shared
        return best


def _unused(channel: str, known: Collection[str]) -> str:
    """Return a channel, or where it is taken the next with a number."""
    return (
        channel
        if channel not in known
        else next(other for number in count(2) if (other := f"{channel}-{number}") not in known)
    )


def _shared_ids(
    writer: "Writer", source: str, channel: str, messages: Sequence[Record], *, among_others: bool = False
) -> set[str]:
    """Return the ids that a stored chat has of these messages, or none where they do not tell that it is the same chat.

    Two messages tell, but short ones without a time only if most of all are the same. `among_others` is whether the channel
    has other chats too.
    """
    telling = [one for one in messages if one.time is not None or len(one.text) >= LEAST_TIMELESS]
    found = _shared(writer, source, channel, telling)
    if len(found.ids) < max(1, min(_LEAST_HITS, found.of)) and len(telling) < len(messages):
        found = _shared(writer, source, channel, messages)
        found = found if 2 * len(found.ids) > found.of else _Shared(set(), 0, 0)
    enough = len(found.ids) >= max(1, min(_LEAST_HITS, found.of))
    return found.ids if enough and (among_others or len(found.ids) > found.others) else set()


def _shared(writer: "Writer", source: str, channel: str, messages: Sequence[Record]) -> _Shared:
    with_ids: dict[str, set[str]] = {}
    for one in messages:
        if one.id:
            with_ids.setdefault(_in_channel(one.id, one, channel), set()).add(one.text)
    same, others = writer.compare(with_ids)
    same |= writer.known_ids(_ids(source, channel, messages))  # also of those whose id another message has
    return _Shared(same, len({(one.id, one.time, one.text) for one in messages}), others)


def _in_channel(id_: str, record: Record, channel: str) -> str:
    """Return a full id of a record's channel as it is in another channel."""
    return short_id(channel + id_.removeprefix(record.channel))


def _joined(span: _Span | None, times: Collection[float]) -> _Span:
    every = [*times, *(time for time in span or () if time is not None)]
    return (min(every), max(every)) if every else (None, None)


def _within(time: float | None, span: _Span) -> bool:
    first, last = span
    return time is None or first is None or last is None or first <= time <= last


def _times(record: Record) -> tuple[float | None, ...]:
    """Return a message's time, then those it may have been stored with."""
    return record.time, *(record.former.other_times(record.time) if record.former else ())


def _other_channels(record: Record) -> tuple[str, ...]:
    """Return the channels besides its own that a message may have been stored in."""
    return record.former.channels if record.former else ()


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
    """Yield digests of a message's text and each of its times, the same in every channel and format that has it."""
    text = record.text if record.former is None else record.former.text
    for time in _times(record):
        yield hashlib.sha256(f"{time!r}\0{text}".encode()).digest()[:12].hex()


class Identity(NamedTuple):
    """A message's id, channel and reply_to as they are stored, and what a stored post of it is found by."""

    id: str
    channel: str
    reply_to: str | None
    found_by: FoundBy = BY_ITS_ID


def _outdated_places(record: Record, channel: str) -> tuple[tuple[str, float | None], ...]:
    """Return the channels and times that a stored message of this record has by mistake, where it is known as `channel`."""
    former = record.former
    if former is None or not former.moves:
        return ()
    times = [time if time is None else showable(time) for time in _times(record)]
    places = product((short_id(channel), *map(short_id, former.channels)), times)
    return tuple(place for place in places if place != (short_id(channel), record.time))


class MessageIds:
    """The ids of one file's messages: the format's own or, where it has none, digests.

    `channels` are those that the store knows the file's by, and `formerly_kept` as in StoredChats. Equal messages of one
    time are numbered, so that reading a file again, or a longer one with the same start, gives the same ids. Of messages with
    a time, only those of the current time are remembered.
    """

    def __init__(self, source: str, channels: Mapping[str, str], formerly_kept: Collection[str]) -> None:
        self._source, self._channels, self._formerly_kept = source, channels, formerly_kept
        self._time: float | None = None
        self._same_time: Counter[str] = Counter()
        self._without_time: Counter[str] = Counter()

    def identify(self, record: Record) -> Identity:
        """Identify the file's next message."""
        chat, former = record.chat, record.former
        if record.id and not chat.by_file and former is None:
            return Identity(short_id(record.id), short_id(record.channel), _short(record.reply_to))
        channel = record.channel
        if chat.by_file or not record.id:
            channel = self._channels.get(channel, channel)
        reply_to = record.reply_to
        if chat.by_file and reply_to:
            reply_to = _in_channel(reply_to, record, channel)
        aliases = tuple(map(short_id, former.ids)) if former else ()
        outdated = _outdated_places(record, channel)
        if record.id and not chat.by_file:
            by = FoundBy(aliases, outdated=outdated)
            return Identity(short_id(record.id), short_id(channel), _short(reply_to), by)
        by_content, *numbered = [
            id_ for of in (channel, *_other_channels(record)) for id_ in self._numbered(record, of)
        ]
        if chat.by_file and channel in self._formerly_kept:
            numbered += self._numbered(record, chat.former_channel)
        former_channel = chat.former_channel
        if not record.id:
            by = FoundBy((*numbered, *aliases), former_channel=former_channel, outdated=outdated)
            return Identity(by_content, short_id(channel), _short(reply_to), by)
        id_ = _in_channel(record.id, record, channel)
        doubtful = (_in_channel(record.id, record, former_channel),) if former_channel else ()
        by = FoundBy(
            doubtful_ids=doubtful,
            all_must_match=channel not in self._formerly_kept,
            other_id=by_content,
            former_channel=former_channel,
        )
        return Identity(id_, short_id(channel), _short(reply_to), by)

    def _numbered(self, record: Record, channel: str) -> list[str]:
        if record.time is not None and record.time != self._time:
            self._time = record.time
            self._same_time.clear()
        seen = self._without_time if record.time is None else self._same_time
        found = []
        for digest in _digests(self._source, channel, record):
            seen[digest] += 1
            found.append(f"{digest}:{seen[digest]}")
        return found


def _short(id_: str | None) -> str | None:
    return short_id(id_) if id_ else None
