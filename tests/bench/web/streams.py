"""dann on HTTP: a hundred streams at once against the engine alone, and click to first token in a browser.

The crowd streams from `/v1/completions`, each on a connection of its own, with the seeds that the engine alone is given in a
process of its own (engine_alone.py): both draw the same tokens. They take turns. Whoever reads the streams is a third
process on the same cores, as a crowd's own machines would not be.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from playwright.async_api import async_playwright

from tests.bench.chat.reload import p95, save
from tests.bench.chat.serve_process import PROGRAM
from tests.bench.other_load import ticks, warning
from tests.bench.report import Report, spread, table
from tests.bench.rounds.children import PAUSE, ROOT, Quartiles
from tests.bot.web.web_harness import free_port
from tests.browser.page_harness import QUIET, chromium

STREAMS, TOKENS, ROUNDS, WARMING = 100, 50, 15, 3
VISITORS, TURNS = 10, 5
LOOK_SECONDS, READING_SECONDS = 2.0, 0.5
PARAMS = {"temperature": 1.0, "top_k": 0, "top_p": 1.0, "min_p": 0.0, "repetition_penalty": 1.0, "max_tokens": TOKENS}
UNLIMITED = ("requests_per_minute=1e6", "burst=100000", f"streams={STREAMS}", f"streams_in_all={STREAMS}")
CLICK = """
() => new Promise((resolve) => {
  const place = document.getElementById("turns");
  let began = 0;
  const seen = new MutationObserver(() => {
    const text = place.lastElementChild?.querySelector(".reply .text");
    if (!began || !text?.textContent) return;
    seen.disconnect();
    resolve(performance.now() - began);
  });
  seen.observe(place, { childList: true, subtree: true, characterData: true });
  const send = document.getElementById("send");
  send.addEventListener("click", (event) => (began = event.timeStamp), { once: true, capture: true });
  document.getElementById("say").value = "hello there";
  send.click();
})
"""


def run(quick: bool) -> Report:
    """Both."""
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "checkpoints")
        figures = asyncio.run(measure(Path(folder), 3 if quick else ROUNDS, 2 if quick else VISITORS))
    return Report(text(figures), figures)


async def measure(folder: Path, rounds: int, visitors: int) -> dict[str, Any]:
    """The crowd, then one person."""
    async with serving(folder) as port:
        async with alone(folder / "checkpoints") as engine:
            figures = await alternate(port, engine, rounds)
        times = await clicked(port, visitors) if chromium() else []
    return {**figures, "clicks": times}


@asynccontextmanager
async def serving(folder: Path, *, limited: bool = False) -> AsyncIterator[int]:
    """`dann serve` with nothing but HTTP, on this port, when it can answer a crowd, or with the usual limits."""
    port = free_port()
    sets = [
        f"data.dir={folder}",
        f"bot.web.port={port}",
        "sample.max_tokens=20",
        *(f"bot.web.{limit}" for limit in UNLIMITED if not limited),
    ]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", PROGRAM), *(f"--set={one}" for one in sets), "serve",
        cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with asyncio.timeout(300):
            while not await is_ready(port):
                await asyncio.sleep(0.2)
        yield port
    finally:
        process.terminate()
        await process.wait()


async def is_ready(port: int) -> bool:
    """Whether dann says that it can answer."""
    try:
        return b" 200 " in (await asked(port, "GET", "/readyz")).partition(b"\r\n")[0]
    except OSError:
        return False


@asynccontextmanager
async def alone(root: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The engine alone, once it is ready."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.web.engine_alone", str(root)),
        cwd=ROOT, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin
    assert process.stdout
    try:
        if await process.stdout.readline() != b"ready\n":
            raise RuntimeError("the engine alone did not start")
        yield process
    finally:
        process.stdin.close()
        await process.wait()


async def alternate(port: int, engine: asyncio.subprocess.Process, rounds: int) -> dict[str, Any]:
    """Tokens a second of both, and their ratio, round by round."""
    rates: dict[str, list[float]] = {"http": [], "alone": []}
    busy, all_ = ticks()
    await asyncio.sleep(LOOK_SECONDS)
    others = [now - before for now, before in zip(ticks(), (busy, all_), strict=True)]
    for number in range(WARMING + rounds):
        pair = {}
        for name in ("http", "alone") if number % 2 else ("alone", "http"):
            await asyncio.sleep(PAUSE)
            first = number * STREAMS
            pair[name] = await (crowd(port, first) if name == "http" else by_engine(engine, first))
        if pair["http"][0] != pair["alone"][0]:
            raise RuntimeError(f"they did not draw as many tokens: {pair}")
        if number >= WARMING:
            for name, (tokens, seconds) in pair.items():
                rates[name].append(tokens / seconds)
    ratios = [http / other for http, other in zip(rates["http"], rates["alone"], strict=True)]
    return {
        "http": Quartiles.of(rates["http"]), "alone": Quartiles.of(rates["alone"]), "ratio": Quartiles.of(ratios),
        "rounds": rounds, "others": others[0] / max(others[1], 1),
    }  # fmt: skip


async def by_engine(engine: asyncio.subprocess.Process, first: int) -> tuple[int, float]:
    """Tokens and seconds of the engine alone."""
    assert engine.stdin
    assert engine.stdout
    engine.stdin.write(
        json.dumps({"params": PARAMS, "first_seed": first, "last_seed": first + STREAMS}).encode() + b"\n"
    )
    told = json.loads(await engine.stdout.readline())
    return told["tokens"], told["seconds"]


async def crowd(port: int, first: int) -> tuple[int, float]:
    """The same over HTTP, from the first connection to the end of the last stream."""
    began = time.perf_counter()
    answers = await asyncio.gather(*(completion(port, seed) for seed in range(first, first + STREAMS)))
    seconds = time.perf_counter() - began
    return sum(tokens_of(answer) for answer in answers), seconds


async def completion(port: int, seed: int) -> bytes:
    """One stream, as it came."""
    body = {"prompt": "", "seed": seed, "stream": True, "stream_options": {"include_usage": True}, **PARAMS}
    return await asked(port, "POST", "/v1/completions", json.dumps(body).encode())


def tokens_of(answer: bytes) -> int:
    """What its last chunk says; raises where it is not complete."""
    head, _, body = answer.partition(b"\r\n\r\n")
    if b" 200 " not in head.partition(b"\r\n")[0] or b"[DONE]" not in body:
        raise RuntimeError(f"a stream was not answered: {answer[-300:]!r}")
    usage = body[body.rindex(b'"usage":') + len(b'"usage":') :]
    return int(json.JSONDecoder().raw_decode(usage.decode())[0]["completion_tokens"])


async def asked(port: int, method: str, path: str, body: bytes = b"") -> bytes:
    """The whole answer, on a connection of its own: with as little work as can be, as dann's cores do it."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    head = (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    answer = await reader.read()
    writer.close()
    return answer


async def clicked(port: int, visitors: int) -> list[float]:
    """Milliseconds from a click on "Send" to the first token in the page: visitors for whom it is new, TURNS clicks each."""
    found = []
    async with async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
        for _ in range(visitors):
            visitor = await browser.new_context()
            page = await visitor.new_page()
            await page.goto(f"http://127.0.0.1:{port}/")
            await page.wait_for_selector("[data-ready]", state="attached")
            for _ in range(TURNS):
                await asyncio.sleep(READING_SECONDS)
                found.append(float(await page.evaluate(CLICK)))
                await page.wait_for_selector("#send:visible")
            await visitor.close()
        await browser.close()
    return found


def text(found: dict[str, Any]) -> str:
    """One table."""
    clicks = found["clicks"]
    rows = [
        [f"{STREAMS} streams of {TOKENS} tokens over HTTP, tokens/s", "–", "–", f"{found['http'].middle:,.0f}"],
        ["the engine alone, tokens/s", "–", "–", f"{found['alone'].middle:,.0f}"],
        [f"their ratio, {found['rounds']} rounds", "0.70", "0.95", spread(found["ratio"])],
        [
            f"click to first token in Chromium, p50 (p95) of {len(clicks)} in conversations of {TURNS} turns",
            "60 ms", "40 ms", _ms(clicks),
        ],
    ]  # fmt: skip
    return warning([found["others"]]) + table(["2 x 512, V 1,024", "must", "goal", "reached"], rows)


def _ms(clicks: list[float]) -> str:
    if not clicks:
        return "no Chromium here"
    return f"{statistics.median(clicks):.0f} ms ({p95(clicks):.0f} ms)"
