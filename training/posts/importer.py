"""Import exports: scan all files, then store each in one transaction. Knows no format.

Each file is read twice: who the owner is, and whether the file is complete, is known only at its end, and nothing may be
stored before that. Both times it is streamed one message at a time.
"""

import logging
import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import DannError
from training.exports.common.files import ExportFile, open_tree
from training.exports.common.record import DATE, OWNER, ExportReader, Record
from training.exports.detect import FORMATS, choose_readers, describe
from training.exports.foreign import foreign_kind
from training.posts.message_ids import ChatSample, MessageIds, StoredChats, short_id
from training.posts.owner import Authors, find_owners, names_of, owner_digest, refuse_nameless
from training.store.post import Post

if TYPE_CHECKING:
    from training.store.posts import PostStore

_log = logging.getLogger("dann")

PROGRESS_EVERY = 10_000
"""Messages between two calls of `progress`."""

MAX_SAMPLED_CHANNELS = 1000
"""Channels of one file whose chat is looked for in the store; a file with more has them by name."""

MOST_BROKEN = 3
"""Broken records, or 1 % if that is more, that a file may have: one bad line must not cost an export."""

SHOWN_PLACES = 5
_PLACE = re.compile(r"line \d|something ")
_OF_NOBODY = frozenset({"service", "bot", "broken"})
"""Reasons for which a dropped message names no author who could be the owner."""

Progress = Callable[[str, int], None]
"""Called with the current stage and the number of messages read so far."""


@dataclass
class ImportReport:
    """Counts of an import: read is kept + updated + duplicates + forgotten + dropped.

    `kept` is mine + context. `forgotten` posts were deleted for good before and stay deleted. `formats` counts the messages
    read, by format; `skipped` names files of no known format, in a folder or zip. `unread` counts what was not
    understood: kinds of message, and dates.
    """

    read: int = 0
    kept: int = 0
    updated: int = 0
    duplicates: int = 0
    forgotten: int = 0
    mine: int = 0
    context: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    formats: Counter[str] = field(default_factory=Counter)
    skipped: list[str] = field(default_factory=list)
    unread: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        """Return a line for each thing that was not understood."""
        dates = self.unread[DATE]
        lines = [f"{dates:,} kept without their time: their dates could not be read"] if dates else []
        broken = self.dropped["broken"]
        places = ", ".join(islice((note for note in self.unread if _PLACE.match(note)), SHOWN_PLACES))
        lines += [f"{broken:,} left out as they are not of their format's form: {places}"] if broken else []
        kinds = {note: count for note, count in self.unread.items() if note != DATE and not _PLACE.match(note)}
        return lines + [f"{count:,} messages of a kind dann does not know: {kind}" for kind, count in kinds.items()]


@dataclass(frozen=True)
class Exports:
    """Complete files of known formats, and by format the authors who are the owner (`mine`).

    `others` are the other authors by format, and empty unless `--me` named the owner. `samples` are those of each file's
    channels, by which a chat is found in the store.
    """

    files: list[tuple[ExportFile, ExportReader]]
    mine: dict[str, set[str]]
    skipped: list[str]
    others: dict[str, set[str]] = field(default_factory=dict)
    samples: list[dict[str, ChatSample]] = field(default_factory=list)


def scan_exports(
    paths: Sequence[Path],
    me: str | Sequence[str],
    progress: Progress = lambda _stage, _read: None,
    known: Callable[[], Mapping[str, Collection[str]]] = dict,
    all_mine: Collection[str] = (),
) -> Exports:
    """Read the exports at `paths` (files, folders, zips) once, and find out who the owner is.

    `me` is the owner's name or id, or several, or ""; `known` returns the owners named before: digests by format (owner.py).
    `all_mine` are formats whose files are the owner's words where they name nobody, whatever they look like.
    Raises DannError for a path that is missing or of no known format, for a damaged file, and where the owner is not clear,
    so that whatever it returns can be stored.
    """
    exports = Exports([], {}, [])
    for path in paths:
        files = open_tree(path)
        chosen = choose_readers(files, all_mine)
        if not chosen:
            raise DannError(f"{path}: found {_described(files)}; dann reads {FORMATS}")
        read = {file.label for file, _ in chosen}
        exports.files.extend(chosen)
        exports.skipped.extend(file.label for file in files if file.label not in read)
    authors = list(_authors(exports, progress))
    owners = known()
    refuse_nameless(authors, me, owners, all_mine)
    exports.mine.update(find_owners(authors, me, owners))
    for file in authors if names_of(me) else ():
        exports.others.setdefault(file.source, set()).update(file.counts.keys() - exports.mine[file.source])
    return exports


def _described(files: Sequence[ExportFile]) -> str:
    if len(files) == 1:
        return describe(files[0])
    kinds = Counter(kind.name for file in files if (kind := foreign_kind(file, file.head())))
    named = f": {', '.join(kinds)}" if kinds else ""
    return f"{len(files):,} files and none of them an export{named}"


def _authors(exports: Exports, progress: Progress) -> Iterator[Authors]:
    """Yield each file's authors, and add its samples. Raises DannError for a file with too much that is broken."""
    read = 0
    for file, reader in exports.files:
        authors = Authors(file.label, reader.name)
        samples: dict[str, ChatSample] = {}
        faults = _Faults(file.label)
        for record in reader.read(file):
            read += 1
            if read % PROGRESS_EVERY == 0:
                progress("reading", read)
            faults.count(record)
            if record.dropped not in _OF_NOBODY:
                authors.count_message(record)
            if not (record.id or record.dropped) and (record.channel in samples or len(samples) < MAX_SAMPLED_CHANNELS):
                samples.setdefault(record.channel, ChatSample()).add(record)
        faults.check()
        exports.samples.append(samples)
        yield authors


class _Faults:
    """Counts a file's broken records; a few are left out, and more refuse the file."""

    def __init__(self, label: str) -> None:
        self._label = label
        self._read = self._broken = 0
        self._first = ""

    def count(self, record: Record) -> None:
        self._read += 1
        if record.dropped == "broken":
            self._broken += 1
            self._first = self._first or record.note

    def check(self) -> None:
        if self._broken > max(MOST_BROKEN, self._read // 100):
            raise DannError(
                f"{self._label}: {self._broken:,} of {self._read:,} records are not of this format's form, first "
                f"{self._first}; the file was cut or changed, so export it again (up to {MOST_BROKEN} or 1 % are left out)"
            )


def store_exports(
    store: "PostStore", exports: Exports, progress: Progress = lambda _stage, _read: None
) -> ImportReport:
    """Store scanned exports, one transaction per file, and who `--me` named as the owner."""
    report = ImportReport(skipped=exports.skipped)
    chats = StoredChats()
    for (file, reader), samples in zip(exports.files, exports.samples, strict=True):
        source = reader.name
        with store.writing() as writer:
            channels = {channel: chats.find(writer, source, channel, sample) for channel, sample in samples.items()}
            added = writer.add(_posts(file, reader, exports.mine[source], channels, report, progress))
            if source in exports.others:
                mine = exports.mine[source] - {OWNER}
                writer.remember_owners(source, _digests(source, mine), _digests(source, exports.others[source]))
        report.kept += added.new
        report.updated += added.updated
        report.duplicates += added.duplicates
        report.forgotten += added.forgotten
        report.mine += added.mine
        report.context += added.new - added.mine
        _log.info("%s: %s, %s new, %s updated", file.label, reader.name, f"{added.new:,}", f"{added.updated:,}")
    return report


def _digests(source: str, authors: Collection[str]) -> set[str]:
    return {owner_digest(source, author) for author in authors}


def _posts(
    file: ExportFile,
    reader: ExportReader,
    mine: set[str],
    channels: Mapping[str, str],
    report: ImportReport,
    progress: Progress,
) -> Iterator[Post]:
    """Yield the posts of a file, and count its messages in the report; `channels` are those the store knows them by."""
    message_ids = MessageIds(reader.name)
    for record in reader.read(file):
        report.read += 1
        report.formats[reader.name] += 1
        if report.read % PROGRESS_EVERY == 0:
            progress("storing", report.read)
        if record.note:
            report.unread[record.note] += 1
        if record.dropped is None:
            channel = record.channel if record.id else channels.get(record.channel, record.channel)
            id_, *aliases = message_ids.ids_of(record, channel)
            reply_to = short_id(record.reply_to) if record.reply_to else None
            own = record.author in mine
            yield Post(
                id_,
                short_id(channel),
                own,
                record.time,
                record.text,
                reply_to,
                record.edited,
                reader.name,
                tuple(aliases),
            )
        else:
            report.dropped[record.dropped] += 1
