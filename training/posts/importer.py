"""Exports into the store: looked through first, then stored, all or nothing a file. Knows no single format.

Each file is read twice: who the owner is, and whether the file is whole, is known only at its end, and nothing is to be
stored before that. Neither time is more than a message of it held in memory.
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
from training.exports.detect import FORMATS, describe, readable
from training.posts.owner import Authors, find_owners, owner_digest
from training.store.post import Post

if TYPE_CHECKING:
    from training.store.posts import PostStore

_log = logging.getLogger("dann")

TOLD_EVERY = 10_000
"""Messages between two calls of `progress`."""


MAX_ID = 200
"""Longer ids and channels, which only hand-made files have, are kept as their digest: databases index no essays."""

Progress = Callable[[str, int], None]


@dataclass
class ImportReport:
    """What an import did: read = kept + updated + duplicates + forgotten + everything dropped; kept = mine + context.

    `forgotten` posts were taken out for good before and stay out. `formats` counts the messages read by format; `skipped`
    names what is none of the formats, in a folder or zip.
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
    """Whole files of known formats, ready to be stored, and by format which of their authors are the owner.

    `others` are, by format, those beside the owner, where the owner was named and did not have to be found out.
    """

    files: list[tuple[ExportFile, ExportReader]]
    mine: dict[str, set[str]]
    skipped: list[str]
    others: dict[str, set[str]] = field(default_factory=dict)


def look_through(
    paths: Sequence[Path],
    me: str,
    progress: Progress = lambda _doing, _read: None,
    known: Callable[[], Mapping[str, Collection[str]]] = dict,
) -> Exports:
    """Read every export at `paths` (files, folders, zips) once; `me` is a name or id, or "" to find out.

    `known` is asked who was named before: digests by format (owner.py).

    Raises DannError for a path that is not there or none of the formats, for a damaged file, and where it is not clear
    which author is the owner; so what it returns can be stored whole. `progress` hears now and then how many messages
    were read.
    """
    exports = Exports([], {}, [])
    for path in paths:
        files = open_tree(path)
        found = readable(files)
        if not found:
            saw = describe(files[0]) if len(files) == 1 else f"{len(files):,} files and none of them an export"
            raise DannError(f"{path}: found {saw}; dann reads {FORMATS}")
        read = {file.label for file, _ in found}
        exports.files.extend(found)
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
            if read % TOLD_EVERY == 0:
                progress("reading", read)
            if record.dropped not in {"service", "bot"}:
                authors.saw(record)
        yield authors


def store_exports(
    store: "PostStore", exports: Exports, progress: Progress = lambda _doing, _read: None
) -> ImportReport:
    """Store what was looked through, all or nothing a file, and who was named as the owner.

    `progress` hears how many messages were dealt with.
    """
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
    """Yield what is words, and count everything."""
    named = _Namer(reader.name)
    for record in reader.read(file):
        report.read += 1
        report.formats[reader.name] += 1
        if report.read % TOLD_EVERY == 0:
            progress("storing", report.read)
        if record.dropped is None:
            yield _post(record, named(record), record.author in mine, reader.name)
        else:
            report.dropped[record.dropped] += 1


def _post(record: Record, id_: str, mine: bool, source: str) -> Post:
    return Post(
        id=_short(id_),
        channel=_short(record.channel),
        mine=mine,
        time=record.time,
        text=record.text,
        reply_to=_short(record.reply_to) if record.reply_to else None,
        edited=record.edited,
        source=source,
    )


def _short(id_: str) -> str:
    return id_ if len(id_) <= MAX_ID else f"sha256:{hashlib.sha256(id_.encode()).hexdigest()}"


class _Namer:
    """Ids for messages: the format's own or, where it has none, one made of what the message is.

    Equal messages of one moment are told apart by their number, so that a file read again, or a longer one that begins
    like it, gives the same ids. Of messages with a time, only those of the present moment are remembered.
    """

    def __init__(self, source: str) -> None:
        self._source = source
        self._moment: float | None = None
        self._this_moment: Counter[bytes] = Counter()
        self._timeless: Counter[bytes] = Counter()

    def __call__(self, record: Record) -> str:
        if record.id:
            return record.id
        if record.time is not None and record.time != self._moment:
            self._moment = record.time
            self._this_moment.clear()
        seen = self._timeless if record.time is None else self._this_moment
        content = "\0".join((self._source, record.channel, repr(record.time), record.text))
        digest = hashlib.sha256(content.encode()).digest()[:12]
        seen[digest] += 1
        return f"{self._source}:{digest.hex()}:{seen[digest]}"
