"""`GET /api/events`: what changes while somebody looks at the page, as server-sent events.

    {"type": "checkpoint", "id": "..."}                                    another serves
    {"type": "retraining", "part": "learning", "share": 0.5, "val_bpb": 1.9}    how far the retraining is that runs
    {"type": "retraining", "part": null}                                   it is over

One look serves all who listen. What is told is how things are, not all that they have been: who reads slowly misses what was
in between, and nothing waits for them.
"""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException
from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bot.retraining.outcome import RetrainProgress
from bot.web.http.security_headers import FRESH
from bot.web.state import AppState

LOOK_SECONDS = 0.5
QUIET_SECONDS = 15.0
"""After so long without an event a comment is sent, or what stands between would close the connection."""
MOST_LISTENERS = 100
FULL = "as many listen to dann's events as may; try again later"

log = logging.getLogger("dann.web")


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """How things are. `checkpoint` is an id, "" where none serves yet; `retraining` None where none runs."""

    checkpoint: str
    retraining: RetrainProgress | None


class LiveEvents:
    """Looks as long as anybody listens. Belongs to the event loop."""

    def __init__(self, sources: AppState) -> None:
        self._sources = sources
        self._listeners = 0
        self._looking: asyncio.Task[None] | None = None
        self._now = LiveStatus("", None)
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether as many listen as may."""
        return self._listeners >= MOST_LISTENERS

    def enter(self) -> None:
        """One more listens; the first of them begins the looking."""
        self._listeners += 1
        if self._looking is None:
            self._now = self._look()
            self._looking = asyncio.create_task(self._watch())

    def leave(self) -> None:
        """One less; the last ends it."""
        self._listeners -= 1
        if not self._listeners and self._looking:
            self._looking.cancel()
            self._looking = None

    async def events(self) -> AsyncIterator[str]:
        """What one listener is told, until dann stops: a retraining that runs, and all that changes from now on."""
        known = LiveStatus(self._now.checkpoint, None)
        yield ": dann\n\n"
        while not self._sources.stopping.is_set():
            changed, now = self._changed, self._now
            if now == known:
                try:
                    await asyncio.wait_for(changed.wait(), QUIET_SECONDS)
                except TimeoutError:
                    yield ": still here\n\n"
                continue
            for event in _news(known, now):
                yield f"data: {json.dumps(event)}\n\n"
            known = now

    async def _watch(self) -> None:
        while not self._sources.stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._sources.stopping.wait(), LOOK_SECONDS)
            try:
                now = self._look()
            except Exception:  # who listens is told what comes next
                log.exception("what dann is at could not be looked at")
                continue
            if now != self._now:
                self._now = now
                self._tell()
        self._tell()

    def _tell(self) -> None:
        """Wake all who wait; who looks from now on waits for the next."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _look(self) -> LiveStatus:
        engine = self._sources.engine()
        return LiveStatus(engine.snapshot.id if engine else "", self._sources.retraining())


class _Listening(StreamingResponse):
    """Counts as a listener for as long as it is sent, however that ends."""

    def __init__(self, live: LiveEvents) -> None:
        super().__init__(live.events(), media_type="text/event-stream", headers={**FRESH, "X-Accel-Buffering": "no"})
        self._live = live

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._live.enter()
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.leave()


def router(sources: AppState) -> APIRouter:
    """The route."""
    routes, live = APIRouter(), LiveEvents(sources)
    told: dict[int | str, dict[str, Any]] = {
        200: {"content": {"text/event-stream": {}}, "description": "events"},
        503: {"description": FULL},
    }

    @routes.get("/api/events", response_class=StreamingResponse, responses=told)
    async def events() -> StreamingResponse:
        """When another checkpoint serves, and how far a retraining is; a stream that ends when dann stops."""
        if live.full:
            raise HTTPException(503, FULL)
        return _Listening(live)

    return routes


def _news(before: LiveStatus, now: LiveStatus) -> list[dict[str, Any]]:
    """The events between the two."""
    found: list[dict[str, Any]] = []
    if now.retraining != before.retraining:
        found.append({"type": "retraining", **_told(now.retraining)})
    if now.checkpoint != before.checkpoint:
        found.append({"type": "checkpoint", "id": now.checkpoint})
    return found


def _told(progress: RetrainProgress | None) -> dict[str, Any]:
    if progress is None:
        return {"part": None}
    return {"part": progress.part, "share": progress.share, "val_bpb": progress.val_bpb}
