"""The first reading of an export's file: its chats, who wrote how much in each, sample lines. Knows no store.

Nothing of it is stored but digests; names and lines are for the terminal of whoever imports.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from model.errors import DannError
from training.exports.common.files import ExportFile
from training.exports.common.record import NO_CHAT, ChatNames, ExportReader, Record
from training.exports.common.stream_errors import LINE_CHARACTERS, one_line
from training.posts.message_ids import LEAST_TIMELESS, ChatSample, message_digests
from training.posts.message_order import MessageOrder
from training.posts.owner import Authors

T = TypeVar("T")

MAX_CHANNELS_SAMPLED = 1000
"""Channels of one file whose chat is looked for in the store; a file with more has them by name."""
MAX_CHATS = 20_000
"""Chats of one file that are told apart; the others of it are one."""
OTHER_CHATS = ChatNames("others", ("other chats",))
MOST_BROKEN = 3
"""Broken records, or 1 % if that is more, that a file may have: one bad line must not cost an export."""
SKETCH_SIZE = 256
"""Digests of a chat's messages that are kept; of a tenth of that chat, about a tenth of these are found again."""
MAX_LINES, MAX_LINED_CHATS = 6, 100
"""Sample lines and authors that have some, for each of so many chats of a file."""
_OF_NOBODY = frozenset({"service", "bot", "broken"})
"""Reasons for which a dropped message names no author who could be the owner."""


class SampleLines:
    """A few texts of many, evenly spaced, each on one line without control characters."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._step, self._skipped = 1, 0

    def add(self, text: str) -> None:
        """Add the next text."""
        self._skipped += 1
        if self._skipped >= self._step:
            self._skipped = 0
            self._lines.append(text[: 2 * LINE_CHARACTERS])
            if len(self._lines) == 2 * MAX_LINES:
                del self._lines[1::2]
                self._step *= 2

    def lines(self) -> list[str]:
        """Return at most MAX_LINES of them."""
        return [one_line(text) for text in spaced(self._lines, MAX_LINES)]


def spaced(items: list[T], count: int) -> list[T]:
    """Return at most `count` items, evenly spaced."""
    return items if len(items) <= count else [items[number * len(items) // count] for number in range(count)]


class Sketch:
    """The lowest digests of a chat's messages: two exports of one chat share them, whatever its name and length."""

    def __init__(self) -> None:
        self.digests: list[str] = []

    def add(self, record: Record) -> None:
        """Add a message that is kept."""
        if record.time is None and len(record.text) < LEAST_TIMELESS:
            return
        self.join(message_digests(record))

    def join(self, digests: Iterable[str]) -> None:
        """Add digests."""
        for digest in digests:
            at = bisect_left(self.digests, digest)
            if at < SKETCH_SIZE and self.digests[at : at + 1] != [digest]:
                self.digests.insert(at, digest)
                del self.digests[SKETCH_SIZE:]


@dataclass(slots=True)
class ChatScan:
    """One chat of a file: how many kept messages each author wrote (`spoken`), sample lines of each, its channels.

    `authors` counts what else they sent, and has the names of all.
    """

    names: ChatNames
    authors: Authors
    spoken: Counter[str] = field(default_factory=Counter)
    newest: float | None = None
    channels: set[str] = field(default_factory=set)
    lines: dict[str, SampleLines] = field(default_factory=dict)
    most_lined: int = MAX_LINES
    sketch: Sketch | None = None

    def add(self, record: Record) -> None:
        """Count a message."""
        author, time, spoken = record.author, record.time, self.spoken
        if record.dropped is not None:
            if record.dropped not in _OF_NOBODY:
                self.authors.count_message(record)
            return
        if author not in spoken:
            self.authors.names.setdefault(author, record.names)
            if len(self.lines) < self.most_lined:
                self.lines[author] = SampleLines()
        spoken[author] += 1
        if time is not None and (self.newest is None or time > self.newest):
            self.newest = time
        if record.channel not in self.channels and len(self.channels) < MAX_CHANNELS_SAMPLED:
            self.channels.add(record.channel)
        if lines := self.lines.get(author):
            lines.add(record.text)
        if self.sketch is not None:
            self.sketch.add(record)


@dataclass
class FileScan:
    """A complete file of a known format: its chats by id, and samples of channels whose messages have no ids of their own.

    `order` says whether it is newest first.
    """

    file: ExportFile
    reader: ExportReader
    chats: dict[str, ChatScan] = field(default_factory=dict)
    samples: dict[str, ChatSample] = field(default_factory=dict)
    order: MessageOrder = field(default_factory=MessageOrder)

    def chat_of(self, record: Record) -> str:
        """Return the id of a message's chat among `chats`."""
        id_ = record.chat.id
        return id_ if id_ in self.chats else OTHER_CHATS.id

    def authors(self, kept_out: Iterable[str]) -> Authors:
        """Return the authors of all chats but those kept out."""
        authors = Authors(self.file.label, self.reader.name)
        for chat in self.chats.values():
            if chat.names.id not in kept_out:
                authors.add(chat.authors)
                authors.counts.update(chat.spoken)
        return authors


def scan_file(file: ExportFile, reader: ExportReader, on_message: Callable[[], None], *, sketches: bool) -> FileScan:
    """Read a file once, with `sketches` of its chats if wanted. Raises DannError for one with too much that is broken."""
    scan = FileScan(file, reader)
    read = broken = 0
    first_broken = ""
    names, chat = NO_CHAT, None
    for record in reader.read(file):
        read += 1
        on_message()
        if chat is None or record.chat is not names:
            names = record.chat
            chat = scan.chats.get(names.id) or _new_chat(scan, names, sketches=sketches)
        chat.add(record)
        scan.order.add(record.time)
        if record.dropped == "broken":
            broken += 1
            first_broken = first_broken or record.note
        elif (
            not record.dropped
            and (record.chat.by_file or not record.id)
            and (record.channel in scan.samples or len(scan.samples) < MAX_CHANNELS_SAMPLED)
        ):
            scan.samples.setdefault(record.channel, ChatSample()).add(record)
    if broken > max(MOST_BROKEN, read // 100):
        raise DannError(
            f"{file.label}: {broken:,} of {read:,} records are not of this format's form, first "
            f"{first_broken}; the file was cut or changed, so export it again (up to {MOST_BROKEN} or 1 % are left out)"
        )
    return scan


def _new_chat(scan: FileScan, names: ChatNames, *, sketches: bool) -> ChatScan:
    names = names if len(scan.chats) < MAX_CHATS else OTHER_CHATS
    authors = Authors(scan.file.label, scan.reader.name)
    lined = MAX_LINES if len(scan.chats) < MAX_LINED_CHATS else 0
    new = ChatScan(names, authors, most_lined=lined, sketch=Sketch() if sketches else None)
    return scan.chats.setdefault(names.id, new)
