"""An ExportFile for a file that a test has written, and what reading a big one takes."""

import tracemalloc
from pathlib import Path

from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader


def on_disk(path: Path) -> ExportFile:
    def sibling(relative: str) -> ExportFile | None:
        other = path.parent / relative
        return on_disk(other) if other.is_file() else None

    return ExportFile(path.name, str(path), lambda: path.open("rb"), sibling)


def counted(reader: ExportReader, file: ExportFile) -> tuple[int, int]:
    """Read a file; returns the number of records, and the most bytes of Python's own memory that it took."""
    tracemalloc.start()
    count = sum(1 for _ in reader.read(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, peak
