"""Helpers for reader tests: an ExportFile on disk, and the memory that reading takes."""

import tracemalloc
from pathlib import Path

from training.exports.common.files import ExportFile
from training.exports.common.record import ExportReader


def export_file(path: Path) -> ExportFile:
    def sibling(relative: str) -> ExportFile | None:
        other = path.parent / relative
        return export_file(other) if other.is_file() else None

    return ExportFile(path.name, str(path), lambda: path.open("rb"), sibling)


def count_records(reader: ExportReader, file: ExportFile) -> tuple[int, int]:
    """Read a file; return the number of records, and the peak of Python's memory in bytes."""
    tracemalloc.start()
    count = sum(1 for _ in reader.read(file))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return count, peak
