"""How fast each reader reads one file, alone and in one pass: CPU seconds of this process, the best of several.

Run it in two worktrees in turn to compare two versions; the files are the same for the same `--quick`.
"""

import csv
import json
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from tests.bench.import_memory import write_export
from tests.bench.report import Report, table
from training.exports.common.files import open_tree
from training.exports.detect import detect

MESSAGES, ROUNDS = 100_000, 5
BYTES_EACH = 550
"""Of a message in DiscordChatExporter's JSON."""
WORDS = [
    "the",
    "beans",
    "need",
    "water",
    "again",
    "and",
    "who",
    "let",
    "goats",
    "in",
    "my",
    "shed",
    "this",
    "is",
    "fine",
]
Said = tuple[datetime, str, str]


def run(quick: bool) -> Report:
    """A row for each format: messages a second, and MB a second."""
    count = MESSAGES // 20 if quick else MESSAGES
    rows, figures = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for name, write in FILES.items():
            path = Path(folder, name)
            write(path, said(count))
            (file,) = open_tree(path)
            reader = detect(file)
            assert reader is not None
            seconds, messages = min(timed(lambda: sum(1 for _ in reader.read(file))) for _ in range(ROUNDS))  # noqa: B023
            size = path.stat().st_size / 1e6
            rows.append([reader.name, f"{messages / seconds:,.0f}", f"{size / seconds:,.1f}"])
            figures[reader.name] = messages / seconds
    return Report(table(["format", "messages/s", "MB/s"], rows), figures)


def timed(read: Callable[[], int]) -> tuple[float, int]:
    began = time.process_time()
    messages = read()
    return time.process_time() - began, messages


def said(count: int) -> list[Said]:
    """Messages of three people: when, by whom, what."""
    chance, seconds, messages = Random(1), 1.6e9, []
    for _ in range(count):
        seconds += chance.randint(1, 60)  # 100 MB end before today
        text = " ".join(chance.choices(WORDS, k=chance.randint(1, 14)))
        messages.append((datetime.fromtimestamp(seconds, UTC), chance.choice(["Ann", "Bob B", "Cem"]), text))
    return messages


def whatsapp(path: Path, messages: list[Said]) -> None:
    """As a phone set to English (UK) writes it; one in 20 has a second line, and one in 30 was a picture."""
    with path.open("w", encoding="utf-8") as out:
        for number, (when, who, text) in enumerate(messages):
            shown = "<Media omitted>" if number % 30 == 0 else text + "\nand more" * (number % 20 == 0)
            out.write(f"{when:%d/%m/%Y, %H:%M} - {who}: {shown}\n")


def telegram(path: Path, messages: list[Said]) -> None:
    """Telegram Desktop's JSON of one chat."""
    told = [
        {"id": number, "type": "message", "date": f"{when:%Y-%m-%dT%H:%M:%S}", "date_unixtime": f"{when.timestamp():.0f}",
         "from": who, "from_id": f"user{who}", "text": text, "text_entities": [{"type": "plain", "text": text}]}
        for number, (when, who, text) in enumerate(messages)
    ]  # fmt: skip
    chat = {"name": "chat", "type": "personal_chat", "id": 77, "messages": told}
    path.write_text(json.dumps(chat, indent=1), encoding="utf-8")


def discord(path: Path, messages: list[Said]) -> None:
    """DiscordChatExporter's JSON."""
    with path.open("w", encoding="utf-8") as out:
        write_export(out, BYTES_EACH * len(messages))


def columns(path: Path, messages: list[Said]) -> None:
    """A table with author, time and text."""
    with path.open("w", encoding="utf-8", newline="") as out:
        rows = csv.writer(out)
        rows.writerow(["author", "time", "text"])
        rows.writerows((who, when.isoformat(), text) for when, who, text in messages)


def lines(path: Path, messages: list[Said]) -> None:
    """JSON lines with author, time and text."""
    with path.open("w", encoding="utf-8") as out:
        for when, who, text in messages:
            out.write(json.dumps({"author": who, "time": when.isoformat(), "text": text}) + "\n")


FILES: dict[str, Callable[[Path, list[Said]], None]] = {
    "WhatsApp Chat with Bob.txt": whatsapp,
    "result.json": telegram,
    "export.json": discord,
    "posts.csv": columns,
    "posts.jsonl": lines,
}
