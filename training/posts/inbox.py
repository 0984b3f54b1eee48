"""The inbox: a folder whose exports are imported once they have stopped growing, then moved into one of two folders in it.

    <inbox>/done/      what was imported
    <inbox>/failed/    what cannot be, each beside NAME.why.txt, the line that `dann import` would print

One look at a time, by whoever calls. Killed at any moment, the next look finishes it: an import is done whole or not at all,
and done twice adds nothing. What only time can mend (a database in use, a full disk) is tried again and logged once.
"""

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from model.errors import DannError
from training.config.tables import DataConfig
from training.exports.common.stream_errors import printable_path
from training.posts.importer import ImportReport, look_through, store_exports
from training.posts.owner import UnknownOwnerError

SETTLED_SECONDS = 4.0
"""What has not changed for so long has stopped growing."""
AGAIN_SECONDS = 10.0
"""After what only time can mend."""
WAIT_SECONDS = 5.0
"""How long a look waits for another writer to the store."""
UNFINISHED = (".part", ".partial", ".filepart", ".crdownload", ".download", ".tmp")
"""How names end while browsers and copiers write."""
LONGEST_NAME = 60
"""Characters of a name that the file beside it repeats; file systems allow 255 bytes in all."""
DONE, FAILED = "done", "failed"

log = logging.getLogger("dann.inbox")
Shape = tuple[tuple[str, int, int], ...]
"""Of a file, or of all in a folder: names, sizes in bytes, and times of change in nanoseconds."""


class InboxStopped(Exception):  # noqa: N818 (it is no error)
    """The caller wants to end; what was begun is left for the next look."""


@dataclass
class _Seen:
    """Of one thing in the inbox: since when it has had its shape, and what came of it where it only waits to be moved."""

    shape: Shape
    since: float
    not_before: float = 0.0
    ended: "_Ended | None" = None


@dataclass(frozen=True)
class _Ended:
    folder: str
    line: str
    why: str = ""


@dataclass
class Inbox:
    """One inbox. `stopping` is asked while an export is read; `clock` counts seconds."""

    data: DataConfig
    folder: Path
    stopping: Callable[[], bool] = lambda: False
    clock: Callable[[], float] = time.monotonic
    _seen: dict[str, _Seen] = field(default_factory=dict)
    _told: set[str] = field(default_factory=set)

    def look(self) -> list[str]:
        """Take what has settled; returns a line for each. Raises nothing but Stopped."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            there = _for_us(list(self.folder.iterdir()))
            shapes = {name: _shape(path) for name, path in there.items()}
        except OSError as error:
            self._tell_once("", f"{self.folder}: the inbox cannot be read ({error.strerror}); it is looked at again")
            return []
        self._told &= shapes.keys()
        self._seen = {name: seen for name, seen in self._seen.items() if name in shapes}
        return [
            line for name, shape in shapes.items() if self._is_settled(name, shape) for line in self._take(there[name])
        ]

    def _is_settled(self, name: str, shape: Shape | None) -> bool:
        now = self.clock()
        seen = self._seen.get(name)
        if shape is None or seen is None or seen.shape != shape:
            self._seen.pop(name, None)
            if shape is not None:
                self._seen[name] = _Seen(shape, now)
            return False
        return now - seen.since >= SETTLED_SECONDS and now >= seen.not_before

    def _take(self, path: Path) -> Iterator[str]:
        """Import it if that was not done, and move it; yields the line that says so."""
        seen = self._seen[path.name]
        try:
            ended = seen.ended or self._imported(path)
            if _shape(path) != seen.shape:  # it went on growing, or another dann took it
                return
            seen.ended = ended
            _move(path, self.folder / ended.folder, ended.why)
        except DannError as error:
            self._put_off(path.name, str(error))
        except OSError as error:
            self._put_off(path.name, f"{path}: cannot be moved ({error.strerror})")
        except InboxStopped:
            raise
        except Exception:
            if path.name not in self._told:
                log.exception("this is a bug in dann; please report it with these lines")
            self._put_off(path.name, f"{path}: could not be imported")
        else:
            del self._seen[path.name]
            self._told.discard(path.name)
            yield printable_path(f"inbox: {path.name}: {ended.line}")

    def _imported(self, path: Path) -> _Ended:
        """Raises DannError where the store refuses: that is not the export's fault."""
        from training.store.posts import known_owners, open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

        known = known_owners(self.data.store_url, WAIT_SECONDS)
        try:
            exports = look_through([path], self.data.me, self._progress, lambda: known)
        except UnknownOwnerError as error:  # whom it names is for the owner's eyes, not for a log
            why = (
                f"{error}; for the inbox, `dann import` it once with --me, which is remembered, or set data.me in "
                "config.toml, which dann reads when it starts"
            )
            line = f"not imported: whose it is is not clear; `dann import` it once with --me (see {FAILED}/)"
            return _Ended(FAILED, line, why)
        except DannError as error:
            return _Ended(FAILED, f"not imported: {error}", str(error))
        with open_store(self.data.store_url, WAIT_SECONDS) as store:
            return _Ended(DONE, _summed_up(store_exports(store, exports, self._progress)))

    def _progress(self, _doing: str, _read: int) -> None:
        if self.stopping():
            raise InboxStopped

    def _put_off(self, name: str, problem: str) -> None:
        self._seen[name].not_before = self.clock() + AGAIN_SECONDS
        self._tell_once(name, f"{problem}; it stays in the inbox and is tried again")

    def _tell_once(self, name: str, line: str) -> None:
        if name not in self._told:
            self._told.add(name)
            log.warning("%s", printable_path(line))


def _for_us(paths: Sequence[Path]) -> dict[str, Path]:
    """By name, what may be an export: not hidden, not our own folders, and not what somebody is just writing."""
    names = {path.name.lower() for path in paths}
    return {
        path.name: path
        for path in sorted(paths)
        if not path.name.startswith(".")
        and path.name not in {DONE, FAILED}
        and not path.name.lower().endswith(UNFINISHED)
        and names.isdisjoint(path.name.lower() + ending for ending in UNFINISHED)
    }


def _shape(path: Path) -> Shape | None:
    """How it looks from outside; None while something in it is being written, and where there is nothing in it (yet)."""
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    shape = []
    for file in files:
        if file.name.lower().endswith(UNFINISHED):
            return None
        try:
            known = file.stat() if file.exists() else file.lstat()
        except FileNotFoundError:
            return None
        shape.append((file.name, known.st_size, known.st_mtime_ns))
    return tuple(shape) or None


def _move(path: Path, folder: Path, why: str) -> None:
    """Into `folder`, under another name where its own is taken. The reason is there first, so that none lacks it."""
    folder.mkdir(exist_ok=True, mode=0o700)
    names = (path.name if number == 1 else f"{path.stem}-{number}{path.suffix}" for number in range(1, 10_000))
    free = next(name for name in names if not (folder / name).exists() and not (folder / name).is_symlink())
    if why:
        replace_file(folder / f"{free[:LONGEST_NAME]}.why.txt", f"{why}\n".encode("utf-8", "replace"))
    path.rename(folder / free)


def _summed_up(report: ImportReport) -> str:
    parts = [f"{report.mine:,} new of yours", f"{report.context:,} of others"]
    counted = {"updated": report.updated, "known before": report.duplicates, "forgotten before": report.forgotten}
    parts += [f"{count:,} {name}" for name, count in counted.items() if count]
    if report.skipped:
        parts.append(f"{len(report.skipped):,} files in it are no exports")
    return ", ".join(parts)
