"""The inbox: a folder whose exports are imported once they stop growing, and then moved.

    <inbox>/done/      imported exports
    <inbox>/failed/    exports that cannot be imported, each with NAME.why.txt: the error of `dann import`

Scans are made one at a time, by the caller. If dann is killed, the next scan finishes the work: an import is one transaction,
and repeating it adds nothing. An export whose import ended dann or its child twice is moved to failed/. Temporary problems (a
locked database, a full disk) are retried and logged once.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.checkpoints.atomic_files import private_folder, replace_file
from model.errors import DannError
from training.config.privacy import PrivacyConfig
from training.config.tables import DataConfig
from training.exports.common.stream_errors import printable_path
from training.posts.chat_selection import ChatSelection
from training.posts.importer import DEFAULT_PRIVACY, ImportReport, scan_exports, store_exports
from training.posts.inbox_attempts import ATTEMPTS, MOST_ATTEMPTS, Attempts
from training.posts.inbox_done import remove_imported
from training.posts.owner import UnknownOwnerError

SETTLED_SECONDS = 4.0
"""Unchanged for so long, an export has stopped growing."""
RETRY_SECONDS = 10.0
"""Between retries after a temporary problem."""
PARTIAL_SUFFIXES = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")
"""Endings of names while browsers and copy programs write."""
MAX_REASON_NAME = 60
"""Characters of an export's name repeated in NAME.why.txt; file systems allow 255 bytes in all."""

WAIT_SECONDS = 5.0
"""How long an import waits for another writer to the store."""
DONE, FAILED = "done", "failed"

log = logging.getLogger("dann.inbox")
Fingerprint = tuple[tuple[str, int, int], ...]
"""Names, sizes in bytes and modification times in nanoseconds of a file, or of all in a folder."""


@dataclass(frozen=True)
class ImportOutcome:
    """Where an export belongs (`folder`), what to print (`message`), and the reason for its owner's eyes (`error`)."""

    folder: str
    message: str
    error: str = ""


class ChildFailedError(Exception):
    """The child did not come to an end of its own; the message says why."""


def import_export(
    data: DataConfig, path: Path, progress: Callable[[str, int], None], privacy: PrivacyConfig = DEFAULT_PRIVACY
) -> ImportOutcome:
    """Import an export. Raises DannError only for the store: a bad export is an outcome."""
    from training.posts.secret_file import author_key, known_owners  # noqa: PLC0415 (SQLAlchemy takes half a second to import)
    from training.store.posts import open_store, remembered  # noqa: PLC0415

    known = remembered(data.store_url, WAIT_SECONDS)
    owners = known_owners(data, known)
    choice = ChatSelection((), (), tuple(data.only_chats), tuple(data.except_chats), known.choices)
    try:
        exports = scan_exports([path], data.me, progress, lambda: owners, data.all_mine, choice)
    except UnknownOwnerError as error:  # it lists people: for the owner's eyes, not for a log
        reason = (
            f"{error}; for the inbox, `dann import` it once with --me, which is remembered, or set data.me in "
            "config.toml, which dann reads when it starts"
        )
        message = f"not imported: its owner is not clear; `dann import` it once with --me (see {FAILED}/)"
        return ImportOutcome(FAILED, message, reason)
    except DannError as error:
        hint = "; for the inbox: data.all_mine in config.toml" if "--all-mine" in str(error) else ""
        return ImportOutcome(FAILED, f"not imported: {error}", f"{error}{hint}")
    with open_store(data.store_url, WAIT_SECONDS) as store:
        return ImportOutcome(DONE, _summary(store_exports(store, exports, progress, author_key(data, store), privacy)))


def _summary(report: ImportReport) -> str:
    parts = [f"{report.mine:,} new of yours", f"{report.context:,} of others"]
    counted = {"updated": report.updated, "known before": report.duplicates, "forgotten before": report.forgotten}
    parts += [f"{count:,} {name}" for name, count in counted.items() if count]
    parts += [f"{report.authored:,} whose author is known now"] if report.authored else []
    parts += [f"{report.dropped['kept_out']:,} of chats kept out"] if report.dropped["kept_out"] else []
    parts += [f"{report.dropped['private']:,} left out as private"] if report.dropped["private"] else []
    parts += [f"{report.private.total():,} private details in them"] if report.private else []
    parts += report.notes()
    if report.skipped:
        parts.append(f"{len(report.skipped):,} files in it are no exports")
    return ", ".join(parts)


Importer = Callable[[DataConfig, Path, Callable[[str, int], None]], ImportOutcome]
"""Imports one export; the last argument is called while it does."""


class InboxStopped(Exception):  # noqa: N818 (it is no error)
    """The caller stops; a started import is left for the next scan."""


@dataclass
class _Entry:
    """An entry of the inbox, unchanged `since`; `outcome` is set while it waits to be moved."""

    fingerprint: Fingerprint
    since: float
    not_before: float = 0.0
    outcome: ImportOutcome | None = None


@dataclass
class Inbox:
    """One inbox.

    `should_stop` is called while an export is read; `clock` counts seconds, `now` since 1970; `importer` imports one export.
    """

    data: DataConfig
    folder: Path
    should_stop: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    importer: Importer = import_export
    now: Callable[[], float] = time.time
    _entries: dict[str, _Entry] = field(default_factory=dict)
    _logged: set[str] = field(default_factory=set)

    def scan(self) -> list[str]:
        """Import and move all settled exports; return a line for each. Raises only InboxStopped."""
        try:
            private_folder(self.folder)
            paths = _candidates(list(self.folder.iterdir()))
            fingerprints = {name: _fingerprint(path) for name, path in paths.items()}
        except OSError as error:
            self._log_once("", f"{self.folder}: the inbox cannot be read ({error.strerror}); it is tried again")
            return []
        self._logged &= {*fingerprints, DONE}
        self._entries = {name: entry for name, entry in self._entries.items() if name in fingerprints}
        settled = [name for name, fingerprint in fingerprints.items() if self._is_settled(name, fingerprint)]
        return [*(line for name in settled for line in self._import_and_move(paths[name])), *self._remove_imported()]

    def _remove_imported(self) -> list[str]:
        """Remove old exports from done/; what cannot be removed is tried again."""
        try:
            return remove_imported(self.folder, self.folder / DONE, self.data.keep_imported_days, self.now())
        except (DannError, OSError) as error:
            self._log_once(DONE, f"{self.folder / DONE}: imported exports could not be removed ({error})")
            return []

    def _is_settled(self, name: str, fingerprint: Fingerprint | None) -> bool:
        now = self.clock()
        entry = self._entries.get(name)
        if fingerprint is None or entry is None or entry.fingerprint != fingerprint:
            self._entries.pop(name, None)
            if fingerprint is not None:
                self._entries[name] = _Entry(fingerprint, now)
            return False
        return now - entry.since >= SETTLED_SECONDS and now >= entry.not_before

    def _import_and_move(self, path: Path) -> Iterator[str]:
        """Import an export unless that was done already, and move it; yields a line when moved."""
        entry = self._entries[path.name]
        try:
            outcome = entry.outcome or self._import(path, entry.fingerprint)
            if _fingerprint(path) != entry.fingerprint:  # it went on growing, or another dann moved it
                return
            entry.outcome = outcome
            _move(path, self.folder / outcome.folder, outcome.error)
        except DannError as error:
            self._retry_later(path.name, str(error))
        except OSError as error:
            self._retry_later(path.name, f"{path}: cannot be moved ({error.strerror})")
        except InboxStopped:
            raise
        except Exception:
            if path.name not in self._logged:
                log.exception("this is a bug in dann; please report it with these lines")
            self._retry_later(path.name, f"{path}: could not be imported")
        else:
            del self._entries[path.name]
            self._logged.discard(path.name)
            yield printable_path(f"inbox: {path.name}: {outcome.message}")

    def _import(self, path: Path, fingerprint: Fingerprint) -> ImportOutcome:
        """Import an export, noting the attempt first. Raises DannError for what passes by itself.

        An attempt whose note is still there ended with dann or its child: twice is enough.
        """
        attempts = Attempts(self.folder / ATTEMPTS)
        reason = attempts.begin(path.name, fingerprint)
        if reason is not None:
            return self._given_up(path, attempts, reason)
        try:
            outcome = self.importer(self.data, path, self._progress)
        except ChildFailedError as error:
            if attempts.failed(path.name, str(error)) < MOST_ATTEMPTS:
                raise DannError(f"{path}: could not be imported ({error})") from None
            return self._given_up(path, attempts, str(error))
        except BaseException:
            attempts.end(path.name)
            raise
        attempts.end(path.name)
        return outcome

    def _given_up(self, path: Path, attempts: Attempts, reason: str) -> ImportOutcome:
        attempts.end(path.name)
        error = (
            f"{path}: tried {MOST_ATTEMPTS} times, and the last time {reason}; it may be damaged, or made to do harm"
        )
        return ImportOutcome(FAILED, f"not imported: {error}", error)

    def _progress(self, _stage: str, _read: int) -> None:
        if self.should_stop():
            raise InboxStopped

    def _retry_later(self, name: str, problem: str) -> None:
        self._entries[name].not_before = self.clock() + RETRY_SECONDS
        self._log_once(name, f"{problem}; it stays in the inbox and is tried again")

    def _log_once(self, name: str, problem: str) -> None:
        if name not in self._logged:
            self._logged.add(name)
            log.warning("%s", printable_path(problem))


def _candidates(paths: Sequence[Path]) -> dict[str, Path]:
    """Return possible exports by name: not hidden, not dann's own folders, not partial files."""
    names = {path.name.lower() for path in paths}
    return {
        path.name: path
        for path in sorted(paths)
        if not path.name.startswith(".")
        and path.name not in {DONE, FAILED}
        and not path.name.lower().endswith(PARTIAL_SUFFIXES)
        and names.isdisjoint(path.name.lower() + ending for ending in PARTIAL_SUFFIXES)
    }


def _fingerprint(path: Path) -> Fingerprint | None:
    """Return a path's fingerprint, or None while a file in it is partial or there is none (yet)."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    fingerprint = []
    for file in files:
        if file.name.lower().endswith(PARTIAL_SUFFIXES):
            return None
        try:
            status = file.stat() if file.exists() else file.lstat()
        except FileNotFoundError:
            return None
        fingerprint.append((file.name, status.st_size, status.st_mtime_ns))
    return tuple(fingerprint) or None


def _move(path: Path, folder: Path, error: str) -> None:
    """Move into `folder`, under a new name if taken; write the error first."""
    folder.mkdir(exist_ok=True, mode=0o700)
    names = (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}" for number in range(1, 10_000))
    free = next(name for name in names if not (folder / name).exists() and not (folder / name).is_symlink())
    if error:
        replace_file(folder / f"{free[:MAX_REASON_NAME]}.why.txt", f"{error}\n".encode("utf-8", "replace"))
    path.rename(folder / free)
