"""Remove exports from the inbox's done/ some days after they were imported: raw exports are the largest copy of all.

When one was imported is noted in a file, as an export keeps the times that it came with. What an earlier version left in
done/ counts from the first time that it is seen.
"""

import json
import shutil
from contextlib import suppress
from pathlib import Path

from model.checkpoints.atomic_files import replace_file
from training.exports.common.stream_errors import printable_path

NOTES = ".done.json"
"""The file in the inbox; hidden, so it is no export."""
DAY_SECONDS = 86_400.0


def remove_imported(inbox: Path, done: Path, days: float, now: float) -> list[str]:
    """Remove what has been in `done` for so many days (0: nothing is removed), and return a line for each.

    `now` is in Unix seconds. Raises OSError or DannError where a file cannot be removed or noted.
    """
    if not days or not done.is_dir():
        return []
    notes, names = _read(inbox / NOTES), sorted(path.name for path in done.iterdir())
    since = {name: notes.get(name, now) for name in names}
    lines = []
    for name in names:
        if now - since[name] < days * DAY_SECONDS:
            continue
        path = done / name
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
        del since[name]
        lines.append(printable_path(f"inbox: {done.name}/{name}: removed, {days:g} days after it was imported"))
    if since != notes:
        replace_file(inbox / NOTES, json.dumps(since).encode())
    return lines


def _read(file: Path) -> dict[str, float]:
    with suppress(OSError, ValueError):
        found = json.loads(file.read_text("utf-8"))
        if isinstance(found, dict):
            return {name: float(since) for name, since in found.items() if isinstance(since, int | float)}
    return {}
