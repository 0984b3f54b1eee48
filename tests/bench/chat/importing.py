"""What a hostile export in the inbox costs those who talk to dann meanwhile: 20 requests a second, as in reload.py.

The file is DiscordChatExporter's JSON whose texts lead readers astray (direction marks, mentions without names, markup that
is never closed), and it breaks off at its end: all of it is read before it is refused, and nothing may be stored.
"""

import asyncio
import tempfile
from pathlib import Path
from typing import IO, Any

from tests.bench.chat.reload import IDLE_SECONDS, RATE, Crowd, save, talking
from tests.bench.chat.retraining import Span, span, span_figures
from tests.bench.report import Report, table
from training.posts.inbox_attempts import ATTEMPTS
from training.store.posts import open_store

SIZE = 100_000_000
"""Bytes; the child reads them in half a minute beside the replies."""
PIECES = ("\u2068", "@", "@\u2068a", "<@", "<a:", "<t:", "\u200e", "@a.b", "](http://", "\ufe0f")
REPEATED = 120
BEGIN_SECONDS, LONG = 60.0, 600.0
NAME = "hostile.json"


def run(quick: bool) -> Report:
    """Idle, an import, idle again."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        save(folder / "checkpoints")
        with (folder / "export.part").open("w", encoding="utf-8") as file:
            write_hostile(file, SIZE // 10 if quick else SIZE)
        figures = asyncio.run(measure(folder, 6.0 if quick else IDLE_SECONDS))
        with open_store(f"sqlite:///{folder / 'posts.db'}") as store:
            figures["stored"] = sum(store.count())
    return Report(text(figures), figures)


def write_hostile(file: IO[str], size: int) -> None:
    """Write an export of about `size` bytes without its end."""
    file.write(
        '{"guild":{"id":"1","name":"bench"},"channel":{"id":"2","type":"GuildTextChat","name":"a"},"messages":[\n'
    )
    number = written = 0
    while written < size:
        content = PIECES[number % len(PIECES)] * REPEATED
        author = f'{{"id":"{number % 5}","name":"a{number % 5}","nickname":"{PIECES[0]}{number}"}}'
        stamp = f"2024-01-01T10:{number % 60:02}:00+00:00"
        line = f'{{"id":"{number}","type":"Default","timestamp":"{stamp}","content":"{content}","author":{author}}},\n'
        file.write(line)
        written += len(line.encode())
        number += 1


async def measure(folder: Path, idle_seconds: float) -> dict[str, Any]:
    """Everything, on one running dann. Idle is before and after, so that what drifts does not count for either."""
    async with talking(folder, "data.me=a0") as crowd:
        await asyncio.sleep(2.0)
        before = await span(asyncio.sleep(idle_seconds))
        await begun(folder)
        meanwhile = await span(crowd.dann.says("^inbox: ", LONG))
        await asyncio.sleep(2.0)
        after = await span(asyncio.sleep(idle_seconds))
    return figures(crowd, before, meanwhile, after)


async def begun(folder: Path) -> None:
    """Drop the file into the inbox, and wait until its import begins."""
    inbox = folder / "inbox"
    inbox.mkdir(exist_ok=True)
    (folder / "export.part").rename(inbox / NAME)
    async with asyncio.timeout(BEGIN_SECONDS):
        while not (inbox / ATTEMPTS).exists():
            await asyncio.sleep(0.02)


def figures(crowd: Crowd, before: Span, meanwhile: Span, after: Span) -> dict[str, Any]:
    """Return what the requests of each span of time tell, and what became of the export."""
    found = span_figures(crowd, before, meanwhile, after)
    verdict = next(line for line in crowd.dann.lines if line.startswith("inbox: "))
    return found | {"import_p95": found.pop("busy_p95"), "verdict": verdict}


def text(found: dict[str, Any]) -> str:
    """One table."""
    rows = [
        [f"failed, doubled; of {found['requests']:,}", "0, 0", f"{found['failed']}, {found['doubled']}"],
        ["p95 idle: before, after", "–", f"{1e3 * found['before_p95']:.0f} ms, {1e3 * found['after_p95']:.0f} ms"],
        [
            f"p95 while a child reads a hostile export, for {found['seconds']:.0f} s, of that", "1.5",
            f"{found['ratio']:.2f} ({1e3 * found['import_p95']:.0f} ms)",
        ],
        ["posts stored of it", "0", f"{found['stored']}"],
    ]  # fmt: skip
    return table([f"2 x 512, V 1,024, {RATE} requests a second", "must", "reached"], rows)
