"""Find the exports in the inbox that still hold messages of somebody, by reading them. Knows no store."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from model.errors import DannError
from training.config.tables import DataConfig
from training.exports.common.files import open_tree
from training.exports.detect import choose_readers
from training.posts.author_key import AuthorKey
from training.posts.inbox import DONE, FAILED


@dataclass
class ExportsHolding:
    """Exports that hold messages of somebody, and those that could not be read and may."""

    found: list[Path] = field(default_factory=list)
    unread: list[Path] = field(default_factory=list)


def exports_holding(data: DataConfig, key: AuthorKey, authors: Collection[str]) -> ExportsHolding:
    """Read the imported and failed exports of the inbox, each until the first message by one of these authors."""
    holding = ExportsHolding()
    for path in _exports(data):
        try:
            if _holds(path, data, key, authors):
                holding.found.append(path)
        except (DannError, OSError):
            holding.unread.append(path)
    return holding


def _exports(data: DataConfig) -> Iterator[Path]:
    for name in (DONE, FAILED) if data.inbox_folder else ():
        folder = data.inbox_folder / name if data.inbox_folder else Path()
        if folder.is_dir():
            yield from (path for path in sorted(folder.iterdir()) if not path.name.endswith(".why.txt"))


def _holds(path: Path, data: DataConfig, key: AuthorKey, authors: Collection[str]) -> bool:
    chosen = choose_readers(open_tree(path), data.all_mine)
    if not chosen:
        raise DannError(f"{path}: no export")
    return any(
        key.author(reader.name, record.author) in authors for file, reader in chosen for record in reader.read(file)
    )
