"""How much memory importing a 1 GB DiscordChatExporter file takes, which must stay under 300 MB, and how long."""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from random import Random
from typing import IO

GIGABYTE = 1_000_000_000
LIMIT_MB = 300
IMPORT = """
import sys
from tests.bench.rounds.child import peak_mb
from training.cli.main import main
code = main(sys.argv[1:])
print(peak_mb())
sys.exit(code)
"""
"""The import says itself what it held: what this process hears of its children is the largest of them all."""
WORDS = ("the beans", "need", "water", "again", "and", "who let", "goats", "in my shed", "this is fine", "lol", "😂")


def run(quick: bool) -> str:
    """Write the export, import it in a process of its own, and say what it took."""
    size = GIGABYTE // 20 if quick else GIGABYTE
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder, "export.json")
        with export.open("w", encoding="utf-8") as file:
            messages = write_export(file, size)
        options = ["--me", "author0", "--json", "--set", f"data.dir={folder}/data"]
        begin = time.perf_counter()
        command = [sys.executable, "-c", IMPORT, "import", str(export), *options]
        told, peaked = subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout.splitlines()
        seconds = time.perf_counter() - begin
    report, peak = json.loads(told), float(peaked)
    verdict = (
        "ok" if peak < LIMIT_MB and report["read"] == messages else "TOO MUCH" if peak >= LIMIT_MB else "LOST SOME"
    )
    return (
        f"{size / 1e6:,.0f} MB, {messages:,} messages, {report['kept']:,} kept: "
        f"peak {peak:,.0f} MB (limit {LIMIT_MB}), {seconds:,.0f} s, {messages / seconds:,.0f} messages/s: {verdict}"
    )


def write_export(file: IO[str], size: int) -> int:
    """Stream a made-up channel of about `size` bytes into a file; return the number of messages."""
    chance = Random(1)
    file.write(
        '{"guild":{"id":"1","name":"bench","iconUrl":""},"channel":{"id":"2","type":"GuildTextChat","name":"general"},'
    )
    file.write('"dateRange":{"after":null,"before":null},"messages":[\n')
    number = written = 0
    while written < size:
        text = ("" if number == 0 else ",\n") + json.dumps(message(chance, number), ensure_ascii=False)
        file.write(text)
        written += len(text)
        number += 1
    file.write(f'\n],"messageCount":{number}}}\n')
    return number


def message(chance: Random, number: int) -> dict[str, object]:
    """One message with everything that the exporter writes around its text."""
    who = chance.randrange(5)
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(1_500_000_000 + number * 7))
    return {
        "id": str(10**17 + number),
        "type": "Default",
        "timestamp": f"{moment}.{number % 1000:03}+00:00",
        "timestampEdited": None,
        "callEndedTimestamp": None,
        "isPinned": False,
        "content": " ".join(chance.choices(WORDS, k=chance.randrange(1, 25))),
        "author": {
            "id": str(who), "name": f"author{who}", "discriminator": "0000", "nickname": f"Author {who}", "color": None,
            "isBot": False, "avatarUrl": f"https://cdn.example/avatars/{who}/0123456789abcdef.png?size=512",
        },
        "attachments": [], "embeds": [], "stickers": [], "reactions": [], "mentions": [],
    }  # fmt: skip
