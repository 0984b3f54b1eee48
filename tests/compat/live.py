"""Run a real `dann serve` and record what clients see: HTTP answers, metrics and events.

Runs in the tests of this version, and in a checkout of an older one when recording.py records it.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.servers.discord import DiscordServer
from tests.servers.telegram import TelegramServer

Json = Any
KEY, PASSWORD = "key-of-programs", "password-of-people"
PROGRAM = {"Authorization": f"Bearer {KEY}"}
PERSON = httpx.BasicAuth("anybody", PASSWORD)
HEY = [{"role": "system", "content": "be nice"}, {"role": "user", "content": "is the kettle late again?"}]
ASKED = {"model": "dann", "seed": 7, "max_tokens": 12, "temperature": 0.7, "top_p": 0.9, "top_k": 50, "min_p": 0.01,
         "repetition_penalty": 1.1}  # fmt: skip
PARAMS = {"temperature": 0.7, "top_p": 0.9, "top_k": 50, "min_p": 0.01, "repetition_penalty": 1.1, "max_tokens": 12}
MESSAGES = [{"mine": False, "text": "is the kettle late again?"}]
GETS = (
    "/healthz",
    "/readyz",
    "/v1/models",
    "/v1/models/dann",
    "/v1/models/nobody",
    "/api/card",
    "/api/quiz",
    "/nowhere",
)
POSTS: dict[str, tuple[str, Json]] = {
    "completion": ("/v1/completions", {"prompt": "the", **ASKED}),
    "completion, several": ("/v1/completions", {"prompt": ["the", "a"], "n": 2, "echo": True, "logprobs": 2, **ASKED}),
    "completion, streamed": ("/v1/completions", {"prompt": "the", "stream": True, "logprobs": 1, **ASKED}),
    "completion, wrong": ("/v1/completions", {"prompt": "the", **ASKED, "temperature": 3}),
    "chat": ("/v1/chat/completions", {"messages": HEY, "stop": ["zzz"], **ASKED}),
    "chat, log-probabilities": (
        "/v1/chat/completions",
        {"messages": HEY, "logprobs": True, "top_logprobs": 2, **ASKED},
    ),
    "chat, streamed": (
        "/v1/chat/completions",
        {"messages": HEY, "stream": True, "stream_options": {"include_usage": True}, **ASKED},
    ),
    "chat, no such model": ("/v1/chat/completions", {"messages": HEY, **ASKED, "model": "nobody"}),
    "reply": ("/api/reply", {"messages": MESSAGES, "params": PARAMS, "seed": 7, "watch": True}),
    "reply, wrong": ("/api/reply", {"messages": MESSAGES, "params": {"temperature": "hot"}}),
    "quiz": ("/api/quiz", {"id": "nothing", "choice": 0}),
}


async def live(folder: Path, checkout: Path, *, learn: bool) -> dict[str, Json]:
    """Record everything a client sees of `dann serve` on the data in `folder`, run from `checkout`.

    At the end an owner orders a rollback on Telegram, or, with `learn`, a retraining, which takes half a minute.
    """
    found: dict[str, Json] = {}
    async with asyncio.timeout(500), DiscordServer() as discord, TelegramServer() as telegram:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = int(listener.getsockname()[1])
        simulation, bot = telegram.simulation, telegram.simulation.bot("dann_bot")
        alice = simulation.user("alice")
        home = simulation.private(alice)
        variables = {
            "DISCORD_TOKEN": discord.simulation.token,
            "TELEGRAM_TOKEN": bot.token,
            "DANN_API_KEY": KEY,
            "DANN_WEB_PASSWORD": PASSWORD,
            "DANN_BOT__WEB__PORT": str(port),
            "DANN_BOT__TELEGRAM__BASE_URL": telegram.base_url,
            "DANN_BOT__TELEGRAM__OWNERS": str(alice.id),
            "DANN_BOT__DISCORD__API_URL": discord.api_url,
            "DANN_BOT__DISCORD__GATEWAY_URL": discord.gateway_url,
            "DANN_BOT__SLOTS": "4",
            "DANN_BOT__SCHEDULE__CRON": "",  # what runs is what is ordered here: a missed retraining is made up at any moment
            "DANN_TRAIN__STEPS": "20",
        }
        async with serving(folder, checkout, variables), client_of(port) as client:
            await ready(client)
            found["answers"] = {path: await answered(client, path) for path in GETS}
            found["answers"] |= {name: await answered(client, *asked) for name, asked in POSTS.items()}
            found["who may"] = await who_may(client)
            found["openapi"] = operations((await client.get("/openapi.json", auth=PERSON)).json())
            await discord.simulation.first_reply(mention(discord))
            simulation.say(alice, home, "hello")
            await simulation.until(lambda: [one for one in simulation.sent if one.chat is home], 60)
            awaited = {"checkpoint", *(("retraining", "retraining, over") if learn else ())}
            listens = asyncio.Event()
            listening = asyncio.create_task(events_of(client, awaited, listens))
            await listens.wait()
            simulation.say(alice, home, "/dann_admin retrain force" if learn else "/dann_admin rollback")
            metrics: dict[str, Json] = {}
            while not listening.done():
                count(metrics, (await client.get("/metrics", headers=PROGRAM)).text)
                await asyncio.wait({listening}, timeout=0.2)
            found["metrics"], found["events"] = metrics, await listening
    return found


def mention(discord: DiscordServer) -> Any:
    """Send a mention on Discord."""
    ann = discord.simulation.user("ann")
    room = discord.simulation.channel(discord.simulation.guild("home", ann), "general")
    return discord.simulation.say(ann, room, f"<@{discord.simulation.bot.id}> hello")


@asynccontextmanager
async def serving(folder: Path, checkout: Path, variables: dict[str, str]) -> AsyncIterator[None]:
    """Run `dann serve` in `folder` until the block ends; it must exit with 0."""
    own = {
        key: value for key, value in os.environ.items() if not key.endswith("_TOKEN") and not key.startswith("DANN_")
    }
    with (folder / "serve.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from bot.cli import main; raise SystemExit(main())", "serve"),
            cwd=folder, env={**own, **variables, "PYTHONPATH": str(checkout)}, stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield
            process.send_signal(signal.SIGTERM)
            assert await asyncio.wait_for(process.wait(), 60) == 0
        except BaseException as error:
            error.add_note((folder / "serve.log").read_text(encoding="utf-8", errors="replace"))
            raise
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()


def client_of(port: int) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False, timeout=120)


async def ready(client: httpx.AsyncClient) -> None:
    """Wait until it is ready."""
    while True:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            pass
        await asyncio.sleep(0.05)


async def answered(client: httpx.AsyncClient, path: str, body: Json = None) -> Json:
    """Send a request; returns status, media type, body or events by kind, and the drawn text."""
    method = "GET" if body is None else "POST"
    auth: Any = {"headers": PROGRAM} if path.startswith("/v1") else {"auth": PERSON}
    answer = await client.request(method, path, json=body, **auth)
    media = answer.headers["content-type"].partition(";")[0]
    told: Json = {"status": answer.status_code, "type": media}
    if media != "text/event-stream":
        return {**told, "body": answer.json(), "text": [*texts(answer.json())]}
    lines = [line.removeprefix("data: ") for line in answer.text.splitlines() if line.startswith("data: ")]
    done = "[DONE]" in lines
    events = [json.loads(line) for line in lines if line != "[DONE]"]
    kinds = {f"{one.get('type', one.get('object'))} {' '.join(sorted(one))}": one for one in reversed(events)}
    return {**told, "events": kinds, "done": done, "text": ["".join(text for one in events for text in texts(one))]}


def texts(answer: Json) -> Iterator[str]:
    """Yield the drawn text of an answer or event, in any of the formats."""
    for choice in answer.get("choices", ()):
        said = choice.get("message") or choice.get("delta") or choice
        yield said.get("content", said.get("text")) or ""
    yield from ([answer["text"]] if answer.get("type") == "piece" else ())


async def who_may(client: httpx.AsyncClient) -> Json:
    """Record the status for each path and each kind of credentials."""
    asked: dict[str, Any] = {
        "nobody": {}, "program": {"headers": PROGRAM}, "person": {"auth": PERSON},
        "wrong": {"headers": {"Authorization": "Bearer guess"}},
    }  # fmt: skip
    paths = (
        "/",
        "/docs",
        "/openapi.json",
        "/healthz",
        "/readyz",
        "/metrics",
        "/v1/models",
        "/api/card",
        "/static/app.js",
    )
    return {path: {who: (await client.get(path, **auth)).status_code for who, auth in asked.items()} for path in paths}


async def events_of(client: httpx.AsyncClient, awaited: set[str], listens: asyncio.Event) -> Json:
    """Read /api/events until every awaited kind has come; sets `listens` at the first line."""
    kinds: dict[str, Json] = {}
    async with client.stream("GET", "/api/events", auth=PERSON) as stream:
        async for line in stream.aiter_lines():
            listens.set()
            if line.startswith("data: "):
                event = json.loads(line.removeprefix("data: "))
                over = event["type"] == "retraining" and event["part"] is None
                kinds["retraining, over" if over else event["type"]] = event
                if awaited <= kinds.keys():
                    return kinds
    raise AssertionError(f"the stream has ended: {kinds}")


def count(metrics: dict[str, Json], page: str) -> None:
    """Add a page of metrics: types, sample names, labels and their values."""
    for family in text_string_to_metric_families(page):
        known = metrics.setdefault(family.name, {"type": family.type, "samples": [], "labels": {}})
        for sample in family.samples:
            known["samples"] = sorted({*known["samples"], sample.name})
            for label, value in sample.labels.items():
                values = known["labels"].setdefault(label, [])
                if value not in values and label != "part":  # of a retraining: by chance
                    values.append(value)


def operations(document: Json) -> Json:
    """Inline the components of an OpenAPI document and drop its descriptions."""
    schemas = document["components"]["schemas"]

    def plain(node: Json) -> Json:
        if isinstance(node, list):
            return [plain(one) for one in node]
        if not isinstance(node, dict):
            return node
        if "$ref" in node:
            return plain(schemas[node["$ref"].rpartition("/")[2]])
        return {k: named(v) if k == "properties" else plain(v) for k, v in node.items() if k not in FOR_PEOPLE}

    def named(properties: Json) -> Json:
        return {name: plain(one) for name, one in properties.items()}

    return {f"{method.upper()} {path}": plain(one) for path, methods in document["paths"].items()
            for method, one in methods.items()}  # fmt: skip


FOR_PEOPLE = {"title", "description", "summary", "operationId", "tags", "examples", "example"}
