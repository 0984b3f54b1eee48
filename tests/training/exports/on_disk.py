"""An ExportFile for a file that a test has written."""

from pathlib import Path

from training.exports.files import ExportFile


def on_disk(path: Path) -> ExportFile:
    def sibling(relative: str) -> ExportFile | None:
        other = path.parent / relative
        return on_disk(other) if other.is_file() else None

    return ExportFile(path.name, str(path), lambda: path.open("rb"), sibling)
