"""The page in a browser: its first visit on a slow network, quick reloads, a long conversation on a slow processor, a phone.

Served by `dann serve` with its usual limits on a random network; every figure is Chromium's own.
"""

import asyncio
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

from playwright.async_api import Browser, Page, async_playwright

from tests.bench.chat.reload import save
from tests.bench.report import Report, table
from tests.bench.web.streams import serving
from tests.browser.page_harness import QUIET, chromium
from tests.browser.test_keeping import LONG

SLOW_3G = {"offline": False, "latency": 400, "downloadThroughput": 50_000, "uploadThroughput": 50_000}
"""Milliseconds and bytes a second: 400 kbit/s with 400 ms to the server and back, as Lighthouse has it."""
VISITS, QUICK_VISITS = 5, 2
TURNS, SLOWER, TASKS = 100, 4, 3
RELOADS, RELOAD_SECONDS = 200, 10.0
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
SHARE = """() => {
  const [top, dock] = [document.querySelector(".top"), document.getElementById("dock")];
  return (dock.getBoundingClientRect().top - top.getBoundingClientRect().bottom) / innerHeight;
}"""
LAST = ("/api/events", ".svg")
"""What a browser asks for last, when the page can be used already."""
ANSWERED = """(turns) =>
  document.querySelectorAll(".turn").length === turns && !document.querySelector(".reply[aria-busy=true]")"""
READY = """() => new Promise((resolve) => {
  const ready = () => document.body?.hasAttribute("data-ready") && resolve(performance.now());
  new MutationObserver(ready).observe(document, { attributes: true, childList: true, subtree: true });
  ready();
})"""


def run(quick: bool) -> Report | str:
    """All of them."""
    if not chromium():
        return "no Chromium here"
    with tempfile.TemporaryDirectory() as folder:
        save(Path(folder) / "checkpoints")
        figures = asyncio.run(measure(Path(folder), QUICK_VISITS if quick else VISITS))
    return Report(text(figures), figures)


async def measure(folder: Path, visits: int) -> dict[str, Any]:
    """Visit it, one measurement after another."""
    async with serving(folder, limited=True) as port, async_playwright() as driver:
        browser = await driver.chromium.launch(executable_path=chromium(), args=list(QUIET))
        address = f"http://127.0.0.1:{port}/"
        cold = [await cold_load(browser, address) for _ in range(visits)]
        figures = {
            **cold[0],
            "ready": statistics.median(one["ready"] for one in cold),
            "tasks": [await longest_task(browser, address) for _ in range(TASKS)],
            "share": await share(browser, address),
            "reloads": await reloads(port),
        }
        await browser.close()
    return figures


async def cold_load(browser: Browser, address: str) -> dict[str, Any]:
    """Files, API calls and bytes on the wire of a first visit, and seconds on slow 3G until it can be used."""
    context = await browser.new_context()
    page = await context.new_page()
    protocol = await context.new_cdp_session(page)
    asked: list[str] = []
    sizes: dict[str, int] = {}
    protocol.on("Network.requestWillBeSent", lambda event: asked.append(event["request"]["url"]))
    protocol.on("Network.loadingFinished", lambda event: sizes.update({event["requestId"]: event["encodedDataLength"]}))
    await protocol.send("Network.enable")
    await protocol.send("Network.emulateNetworkConditions", SLOW_3G)
    await page.goto(address, wait_until="commit")
    ready = await page.evaluate(READY)
    await page.wait_for_load_state("load")
    async with asyncio.timeout(30):
        while not all(any(part in url for url in asked) for part in LAST) or len(sizes) < len(files(asked)):
            await asyncio.sleep(0.05)
    await context.close()
    calls = len(asked) - len(files(asked))
    return {"files": len(files(asked)), "calls": calls, "bytes": sum(sizes.values()), "ready": ready / 1000}


def files(asked: list[str]) -> list[str]:
    """The requests that end; the stream of events does not."""
    return [url for url in asked if "/api/" not in url]


async def longest_task(browser: Browser, address: str) -> float:
    """Milliseconds of the page's longest task while a turn is added to a hundred, on a four times slower processor."""
    context = await browser.new_context()
    page = await context.new_page()
    await page.goto(address)
    await page.evaluate(LONG, TURNS)
    await page.reload()
    await page.wait_for_selector("[data-ready]", state="attached")
    protocol = await context.new_cdp_session(page)
    await protocol.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    await asyncio.sleep(1)
    categories = ["toplevel", "devtools.timeline", "disabled-by-default-devtools.timeline", "__metadata"]
    await browser.start_tracing(page=page, categories=categories)
    await say(page, "one more")
    events = json.loads(await browser.stop_tracing())["traceEvents"]
    await context.close()
    return longest_of(events)


def longest_of(events: list[dict[str, Any]]) -> float:
    """Milliseconds of the longest task on the main thread of a page, of the processor's own time."""
    main = {(one["pid"], one["tid"]) for one in events if one.get("args", {}).get("name") == "CrRendererMain"}
    tasks = [one for one in events if one["name"] == "RunTask" and (one["pid"], one["tid"]) in main]
    return float(max(one.get("tdur", 0) for one in tasks) / 1000)


async def say(page: Page, text: str) -> None:
    turns = await page.locator(".turn").count()
    await page.fill("#say", text)
    await page.press("#say", "Enter")
    await page.wait_for_function(ANSWERED, arg=turns + 1)


async def share(browser: Browser, address: str) -> float:
    """The share of a phone's screen that is conversation."""
    context = await browser.new_context(**PHONE)
    page = await context.new_page()
    await page.goto(address)
    await say(page, "hello")
    found = float(await page.evaluate(SHARE))
    await context.close()
    return found


async def reloads(port: int) -> dict[str, int]:
    """What a browser asks for in so many reloads, within ten seconds, and how much of it is refused: files stay cached."""
    began, refused = time.monotonic(), 0
    for _ in range(RELOADS):
        answers = [await first_line(port, path) for path in ("/", "/api/events")]
        refused += sum(b" 200 " not in answer for answer in answers)
    took = time.monotonic() - began
    if took > RELOAD_SECONDS:
        raise RuntimeError(
            f"{RELOADS} reloads took {took:.0f} s, which no limit minds: this machine has too much to do"
        )
    return {"reloads": RELOADS, "refused": refused}


async def first_line(port: int, path: str) -> bytes:
    """The status of an answer, which is then given up, as a reload does."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode())
    line = await reader.readline()
    writer.close()
    return line


def text(found: dict[str, Any]) -> str:
    """One table."""
    reloaded = found["reloads"]
    rows = [
        ["cold load: files, then API calls", "5, 2", "4, 2", f"{found['files']}, {found['calls']}"],
        ["its bytes on the wire, with headers", "60 kB", "45 kB", f"{found['bytes'] / 1000:.1f} kB"],
        ["ready on slow 3G, median", "2 s", "1.2 s", f"{found['ready']:.2f} s"],
        [
            f"refused of {reloaded['reloads']} reloads in {RELOAD_SECONDS:.0f} s by one address", "0", "0",
            f"{reloaded['refused']}",
        ],
        [
            f"longest task at {TURNS} turns, {SLOWER}x slower processor, median of {len(found['tasks'])}", "50 ms", "30 ms",
            f"{statistics.median(found['tasks']):.0f} ms",
        ],
        ["share of a 390 x 844 screen that is conversation", "80 %", "85 %", f"{100 * found['share']:.0f} %"],
    ]  # fmt: skip
    return table(["page", "must", "goal", "reached"], rows)
