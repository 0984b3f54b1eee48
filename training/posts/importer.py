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
from training.config.privacy import PrivacyConfig
from training.exports.common.files import ExportFile, open_tree
from training.exports.common.record import DATE, OWNER, ExportReader
from training.exports.detect import FORMATS, choose_readers, describe
from training.exports.foreign import foreign_kind
from training.posts.author_key import AuthorKey
from training.posts.chat_selection import ChatSelection, FoundChat, found_chats
from training.posts.file_scan import SKETCH_SIZE, FileScan, scan_file
from training.posts.message_ids import MessageIds, StoredChats, short_id
from training.posts.owner import (
    Authors,
    find_owners,
    guessed_owners,
    is_owner,
    names_of,
    owner_digest,
    refuse_nameless,
)
from training.store.post import Post

if TYPE_CHECKING:
    from model.privacy.masking import Masking
    from training.store.posts import PostStore, Writer
    from training.store.preview import PreviewStore

_log = logging.getLogger("dann")

PROGRESS_EVERY = 10_000
"""Messages between two calls of `progress`."""

SHOWN_PLACES = 5
_PLACE = re.compile(r"line \d|something ")
EVERY_CHAT = ChatSelection()
DEFAULT_PRIVACY = PrivacyConfig()

Progress = Callable[[str, int], None]
"""Called with the current stage and the number of messages read so far."""


@dataclass
class ImportReport:
    """Counts of an import: read is kept + updated + duplicates + forgotten + dropped.

    `kept` is mine + context. `forgotten` posts were deleted for good before and stay deleted. `formats` counts the messages
    read, by format; `skipped` names files of no known format, in a folder or zip. `unread` counts what was not
    understood: kinds of message, and dates. `stored_before` counts posts, by channel, that the store has of chats kept out,
    `authored` those whose author was not known before. `private` counts private details by kind, of all messages that
    somebody wrote; posts with one whose kind is dropped are left out.
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
    stored_before: dict[str, int] = field(default_factory=dict)
    authored: int = 0
    private: Counter[str] = field(default_factory=Counter)

    def notes(self) -> list[str]:
        """Return a line for each thing that was not understood."""
        dates = self.unread[DATE]
        lines = [f"{dates:,} kept without their time: their dates could not be read"] if dates else []
        broken = self.dropped["broken"]
        places = ", ".join(islice((note for note in self.unread if _PLACE.match(note)), SHOWN_PLACES))
        lines += [f"{broken:,} left out as they are not of their format's form: {places}"] if broken else []
        kinds = {note: count for note, count in self.unread.items() if note != DATE and not _PLACE.match(note)}
        return lines + [f"{count:,} messages of a kind dann does not know: {kind}" for kind, count in kinds.items()]


@dataclass
class Exports:
    """Complete files of known formats, with their chats; after `settle_owner` also who the owner is, by format (`mine`).

    `others` are the other authors by format, and empty unless `--me` named the owner. `guessed` are authors whose words count
    as the owner's though nobody said so.
    """

    scans: list[FileScan]
    skipped: list[str]
    choice: ChatSelection
    chats: list[FoundChat] = field(default_factory=list)
    mine: dict[str, set[str]] = field(default_factory=dict)
    others: dict[str, set[str]] = field(default_factory=dict)
    guessed: list[Authors] = field(default_factory=list)

    @property
    def kept_out(self) -> set[str]:
        """The ids of chats that are not read."""
        return {chat.id for chat in self.chats if chat.kept_out}

    def authors(self) -> list[Authors]:
        """Return the authors of each file, without those of chats kept out."""
        kept_out = self.kept_out
        return [scan.authors(kept_out) for scan in self.scans]


def scan_exports(
    paths: Sequence[Path],
    me: str | Sequence[str],
    progress: Progress = lambda _stage, _read: None,
    known: Callable[[], Mapping[str, Collection[str]]] = dict,
    all_mine: Collection[str] = (),
    choice: ChatSelection = EVERY_CHAT,
) -> Exports:
    """Read the exports at `paths` (files, folders, zips) once, and find out who the owner is.

    `me` is the owner's name or id, or several, or ""; `known` returns the owners named before: digests by format (owner.py).
    `all_mine` are formats whose files are the owner's words where they name nobody, whatever they look like; `choice`
    is which chats to read. Raises DannError as `read_exports` and `settle_owner` do: whatever it returns can be stored.
    """
    exports = read_exports(paths, me, progress, known, all_mine, choice)
    settle_owner(exports, me, known(), all_mine)
    return exports


def read_exports(
    paths: Sequence[Path],
    me: str | Sequence[str],
    progress: Progress,
    known: Callable[[], Mapping[str, Collection[str]]],
    all_mine: Collection[str],
    choice: ChatSelection,
) -> Exports:
    """Read exports once, and decide which chats are read.

    Raises DannError for a path that is missing or of no known format, for a damaged file, and for a chat that is not there.
    """
    files: list[tuple[ExportFile, ExportReader]] = []
    exports = Exports([], [], choice)
    for path in paths:
        found = open_tree(path)
        chosen = choose_readers(found, all_mine)
        if not chosen:
            raise DannError(f"{path}: found {_described(found)}; dann reads {FORMATS}")
        read = {file.label for file, _ in chosen}
        files.extend(chosen)
        exports.skipped.extend(file.label for file in found if file.label not in read)
    count = _Count("reading", progress)
    exports.scans.extend(scan_file(file, reader, count, sketches=bool(choice)) for file, reader in files)
    exports.chats.extend(found_chats(exports.scans))
    if choice:
        owners = known()
        choice.decide(exports.chats, lambda source, name: is_owner(source, name, me, owners))
    return exports


def settle_owner(
    exports: Exports, me: str | Sequence[str], known: Mapping[str, Collection[str]], all_mine: Collection[str] = ()
) -> None:
    """Find the owner among the authors. Raises DannError where that is not clear."""
    authors = exports.authors()
    refuse_nameless(authors, me, known, all_mine)
    exports.mine.update(find_owners(authors, me, known))
    for file in authors if names_of(me) else ():
        exports.others.setdefault(file.source, set()).update(file.counts.keys() - exports.mine[file.source])
    exports.guessed.extend(guessed_owners(authors, me, known, all_mine))


class _Count:
    """Counts messages, and tells the progress every so many."""

    def __init__(self, stage: str, progress: Progress) -> None:
        self._stage, self._progress, self._read = stage, progress, 0

    def __call__(self) -> None:
        self._read += 1
        if self._read % PROGRESS_EVERY == 0:
            self._progress(self._stage, self._read)


def _described(files: Sequence[ExportFile]) -> str:
    if len(files) == 1:
        return describe(files[0])
    kinds = Counter(kind.name for file in files if (kind := foreign_kind(file, file.head())))
    named = f": {', '.join(kinds)}" if kinds else ""
    return f"{len(files):,} files and none of them an export{named}"


def store_exports(
    store: "PostStore | PreviewStore",
    exports: Exports,
    progress: Progress = lambda _stage, _read: None,
    key: AuthorKey | None = None,
    privacy: PrivacyConfig = DEFAULT_PRIVACY,
) -> ImportReport:
    """Store scanned exports, one transaction per file, who `--me` named as the owner, and which chats were chosen.

    Texts are stored as they are: masks are for what reads them (learnable.py). With the installation's `key`, the store also
    gets a keyed digest of who wrote each post.
    """
    report, masking = ImportReport(skipped=exports.skipped), privacy.masking()
    chats, choice, kept_out = StoredChats(), exports.choice, exports.kept_out
    excepted = {chat.id for chat in exports.chats if chat.is_excepted}
    if choice:
        with store.writing() as writer:  # first: what comes after it may be cut off
            remembered = choice.to_remember(exports.chats)
            writer.remember_choices(remembered, SKETCH_SIZE, clear=choice.clear, clear_only=choice.clear_only)
    for scan in exports.scans:
        source = scan.reader.name
        with store.writing() as writer:
            channels = {
                channel: chats.find(writer, source, channel, sample) for channel, sample in scan.samples.items()
            }
            _count_stored(writer, scan, excepted, channels, report)
            message_ids = MessageIds(source, channels, chats.formerly_kept)
            posts = _posts(scan, exports.mine.get(source, set()), kept_out, message_ids, report, progress, key, masking)
            added = writer.add(scan.order.as_written(posts))
            if source in exports.others:
                mine, others = exports.mine[source] - {OWNER}, exports.others[source]
                writer.remember_owners(source, _digests(source, mine, key), _digests(source, others, key))
        report.kept += added.new
        report.updated += added.updated
        report.duplicates += added.duplicates
        report.forgotten += added.forgotten
        report.authored += added.authored
        report.mine += added.mine
        report.context += added.new - added.mine
        _log.info("%s: %s, %s new, %s updated", scan.file.label, source, f"{added.new:,}", f"{added.updated:,}")
    return report


def _count_stored(
    writer: "Writer", scan: FileScan, excepted: Collection[str], channels: Mapping[str, str], report: ImportReport
) -> None:
    """Count what the store has of chats that are excepted now; a channel without an id is of several chats."""
    for id_ in scan.chats.keys() & excepted:
        for channel in {channels.get(channel, channel) for channel in scan.chats[id_].channels}:
            if ":" in channel and (count := writer.count_in(short_id(channel))):
                report.stored_before[short_id(channel)] = count


def _digests(source: str, authors: Collection[str], key: AuthorKey | None) -> set[str]:
    digests = {owner_digest(source, author) for author in authors}
    return set(map(key.owner, digests)) if key else digests


def _posts(
    scan: FileScan,
    mine: set[str],
    kept_out: Collection[str],
    message_ids: MessageIds,
    report: ImportReport,
    progress: Progress,
    key: AuthorKey | None,
    masking: "Masking",
) -> Iterator[Post]:
    """Yield the posts of a file, and count its messages in the report."""
    source = scan.reader.name
    for record in scan.reader.read(scan.file):
        report.read += 1
        report.formats[source] += 1
        if report.read % PROGRESS_EVERY == 0:
            progress("storing", report.read)
        if kept_out and scan.chat_of(record) in kept_out:
            report.dropped["kept_out"] += 1
            continue
        if record.note:
            report.unread[record.note] += 1
        if record.dropped is None:
            ids = message_ids.identify(record)
            if details := masking.detector.details(record.text):
                kinds = [detail.kind for detail in details]
                report.private.update(kinds)
                if masking.drops(kinds):
                    report.dropped["private"] += 1
                    continue
            own = record.author in mine
            author, known_as = key.digests(source, record.author, record.names) if key else (None, ())
            yield Post(
                ids.id, ids.channel, own, record.time, record.text, ids.reply_to, record.edited, source,
                author=author, known_as=known_as, found_by=ids.found_by,
            )  # fmt: skip
        else:
            report.dropped[record.dropped] += 1
