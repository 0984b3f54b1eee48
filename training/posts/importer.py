"""Import exports: scan all files, then store each in one transaction. Knows no format.

Each file is read twice: who the owner is, and whether the file is complete, is known only at its end, and nothing may be
stored before that. Both times it is streamed one message at a time.
"""

import hashlib
import logging
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import DannError
from training.exports.common.files import ExportFile, open_tree
from training.exports.common.record import OWNER, ExportReader, Record
from training.exports.detect import FORMATS, choose_readers, describe
from training.posts.owner import Authors, find_owners, owner_digest
from training.store.post import Post

if TYPE_CHECKING:
    from training.store.posts import PostStore

_log = logging.getLogger("dann")

PROGRESS_EVERY = 10_000
"""Messages between two calls of `progress`."""

MAX_ID_LENGTH = 200
"""Characters. Longer ids and channels, which only hand-made files have, are stored as digests, which are cheap to index."""

Progress = Callable[[str, int], None]
"""Called with the current stage and the number of messages read so far."""


@dataclass
class ImportReport:
    """Counts of an import: read is kept + updated + duplicates + forgotten + dropped.

    `kept` is mine + context. `forgotten` posts were deleted for good before and stay deleted. `formats` counts the messages
    read, by format; `skipped` names files of no known format, in a folder or zip.
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


@dataclass(frozen=True)
class Exports:
    """Complete files of known formats, and by format the authors who are the owner (`mine`).

    `others` are the other authors by format, and empty unless `--me` named the owner.
    """

    files: list[tuple[ExportFile, ExportReader]]
    mine: dict[str, set[str]]
    skipped: list[str]
    others: dict[str, set[str]] = field(default_factory=dict)


def scan_exports(
    paths: Sequence[Path],
    me: str,
    progress: Progress = lambda _stage, _read: None,
    known: Callable[[], Mapping[str, Collection[str]]] = dict,
) -> Exports:
    """Read the exports at `paths` (files, folders, zips) once, and find out who the owner is.

    `me` is the owner's name or id, or "" if not given; `known` returns the owners named before: digests by format (owner.py).
    Raises DannError for a path that is missing or of no known format, for a damaged file, and where the owner is not clear,
    so that whatever it returns can be stored.
    """
    exports = Exports([], {}, [])
    for path in paths:
        files = open_tree(path)
        chosen = choose_readers(files)
        if not chosen:
            found = describe(files[0]) if len(files) == 1 else f"{len(files):,} files and none of them an export"
            raise DannError(f"{path}: found {found}; dann reads {FORMATS}")
        read = {file.label for file, _ in chosen}
        exports.files.extend(chosen)
        exports.skipped.extend(file.label for file in files if file.label not in read)
    authors = list(_authors(exports.files, progress))
    exports.mine.update(find_owners(authors, me, known()))
    for file in authors if me else ():
        exports.others.setdefault(file.source, set()).update(file.counts.keys() - exports.mine[file.source])
    return exports


def _authors(files: Sequence[tuple[ExportFile, ExportReader]], progress: Progress) -> Iterator[Authors]:
    read = 0
    for file, reader in files:
        authors = Authors(file.label, reader.name)
        for record in reader.read(file):
            read += 1
            if read % PROGRESS_EVERY == 0:
                progress("reading", read)
            if record.dropped not in {"service", "bot"}:
                authors.count_message(record)
        yield authors


def store_exports(
    store: "PostStore", exports: Exports, progress: Progress = lambda _stage, _read: None
) -> ImportReport:
    """Store scanned exports, one transaction per file, and who `--me` named as the owner."""
    report = ImportReport(skipped=exports.skipped)
    for file, reader in exports.files:
        with store.writing() as writer:
            added = writer.add(_posts(file, reader, exports.mine[reader.name], report, progress))
            if (source := reader.name) in exports.others:
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
    file: ExportFile, reader: ExportReader, mine: set[str], report: ImportReport, progress: Progress
) -> Iterator[Post]:
    """Yield the posts of a file, and count its messages in the report."""
    message_ids = _MessageIds(reader.name)
    for record in reader.read(file):
        report.read += 1
        report.formats[reader.name] += 1
        if report.read % PROGRESS_EVERY == 0:
            progress("storing", report.read)
        if record.dropped is None:
            id_, channel, own = _short(message_ids.id_of(record)), _short(record.channel), record.author in mine
            reply_to = _short(record.reply_to) if record.reply_to else None
            yield Post(id_, channel, own, record.time, record.text, reply_to, record.edited, reader.name)
        else:
            report.dropped[record.dropped] += 1


def _short(id_: str) -> str:
    return id_ if len(id_) <= MAX_ID_LENGTH else f"sha256:{hashlib.sha256(id_.encode()).hexdigest()}"


class _MessageIds:
    """Ids for messages: the format's own or, where it has none, a digest of the message.

    Equal messages of one time are numbered, so that reading a file again, or a longer one with the same start, gives the same
    ids. Of messages with a time, only those of the current time are remembered.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._time: float | None = None
        self._same_time: Counter[bytes] = Counter()
        self._without_time: Counter[bytes] = Counter()

    def id_of(self, record: Record) -> str:
        """Return the id of the next message of the file."""
        if record.id:
            return record.id
        if record.time is not None and record.time != self._time:
            self._time = record.time
            self._same_time.clear()
        seen = self._without_time if record.time is None else self._same_time
        content = "\0".join((self._source, record.channel, repr(record.time), record.text))
        digest = hashlib.sha256(content.encode()).digest()[:12]
        seen[digest] += 1
        return f"{self._source}:{digest.hex()}:{seen[digest]}"
