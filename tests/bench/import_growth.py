"""How much more memory an import of 100 MB takes than one of 10 MB, in JSON, a table, text: at most 20 MB."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.bench.import_memory import IMPORT
from tests.bench.import_speed import columns, discord, said, whatsapp
from tests.bench.report import Report, table

SMALL, LARGE, MOST_MB = 10_000_000, 100_000_000, 20
FILES = {
    "JSON": ("export.json", discord, 550),
    "a table": ("posts.csv", columns, 66),
    "text": ("chat.txt", whatsapp, 60),
}
"""By what it is: the file's name, its writer, and about how many bytes a message takes."""


def run(quick: bool) -> Report:
    """A row for each kind of file."""
    sizes = [size // 20 if quick else size for size in (SMALL, LARGE)]
    rows, figures = [], {}
    for kind, (name, write, each) in FILES.items():
        peaks = []
        for size in sizes:
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder, name)
                write(path, said(size // each))
                peaks.append(peak(path, "author0" if kind == "JSON" else "Ann"))
        grown = peaks[1] - peaks[0]
        verdict = "ok" if grown <= MOST_MB else "TOO MUCH"
        rows.append([kind, *(f"{one:,.0f}" for one in peaks), f"{grown:+,.0f} (at most {MOST_MB}): {verdict}"])
        figures[kind] = peaks
    heads = ["an import of", *(f"peak at {size / 1e6:g} MB" for size in sizes), "more, MB"]
    return Report(table(heads, rows), figures)


def peak(path: Path, me: str) -> float:
    """The most memory that importing a file takes in a process of its own, in MB."""
    options = ["--me", me, "--json", "--set", f"data.dir={path.parent}/data"]
    command = [sys.executable, "-c", IMPORT, "import", str(path), *options]
    told, peaked = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
    assert json.loads(told)["kept"] > 0
    return float(peaked)
