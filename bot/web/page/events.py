"""`GET /api/events`: checkpoint changes and retraining progress, as server-sent events.

    {"type": "checkpoint", "id": "..."}                                    another checkpoint serves
    {"type": "retraining", "part": "learning", "share": 0.5, "val_bpb": 1.9}    progress of the running retraining
    {"type": "retraining", "part": null}                                   it is over
    {"type": "status", "paused": false, "report": true}    whether an owner has paused dann, and can be told of an answer

One poll serves all listeners. An event is the newest status, not every change: a slow reader misses what was in between,
and nothing waits for it.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter, HTTPException

from bot.web.http.sse import EVENTS, EventStream, encode_event
from bot.web.state import AppState
from training.store.retrain_outcome import RetrainProgress

POLL_SECONDS = 0.5
KEEP_ALIVE_SECONDS = 15.0
"""Silence after which a comment is sent, or a proxy would close the connection."""
MAX_LISTENERS = 100
FULL = "too many listen to dann's events; try again later"

log = logging.getLogger("dann.web")


@dataclass(frozen=True, slots=True)
class LiveStatus:
    """The serving checkpoint's id, or "", the running retraining, or None, and whether dann is paused and takes reports."""

    checkpoint: str
    retraining: RetrainProgress | None
    paused: bool = False
    report: bool = False


class LiveEvents:
    """Polls the status while anybody listens. Belongs to the event loop."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._listeners = 0
        self._polling: asyncio.Task[None] | None = None
        self._latest = LiveStatus("", None)
        self._changed = asyncio.Event()

    @property
    def full(self) -> bool:
        """Whether the limit of listeners is reached."""
        return self._listeners >= MAX_LISTENERS

    def enter(self) -> None:
        """Add a listener; the first starts the polling."""
        self._listeners += 1
        if self._polling is None:
            self._latest = self._status()
            self._polling = asyncio.create_task(self._poll())

    def leave(self) -> None:
        """Remove a listener; the last stops the polling."""
        self._listeners -= 1
        if not self._listeners and self._polling:
            self._polling.cancel()
            self._polling = None

    async def events(self) -> AsyncIterator[bytes]:
        """Events for one listener until dann stops: what is not as usual, then all changes."""
        sent = LiveStatus(self._latest.checkpoint, None)
        yield b": dann\n\n"
        while not self._state.stopping.is_set():
            changed, now = self._changed, self._latest
            if now == sent:
                try:
                    await asyncio.wait_for(changed.wait(), KEEP_ALIVE_SECONDS)
                except TimeoutError:
                    yield b": still here\n\n"
                continue
            for event in _changes(sent, now):
                yield encode_event(**event)
            sent = now

    async def _poll(self) -> None:
        while not self._state.stopping.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._state.stopping.wait(), POLL_SECONDS)
            try:
                now = self._status()
            except Exception:  # listeners get the next change
                log.exception("the status for the page could not be read")
                continue
            if now != self._latest:
                self._latest = now
                self._wake()
        self._wake()

    def _wake(self) -> None:
        """Wake all waiting listeners; later ones wait for the next change."""
        self._changed.set()
        self._changed = asyncio.Event()

    def _status(self) -> LiveStatus:
        engine = self._state.engine()
        paused, report = self._state.paused(), self._state.report() is not None
        return LiveStatus(engine.snapshot.id if engine else "", self._state.retraining(), paused, report)


def router(state: AppState) -> APIRouter:
    """The route."""
    routes, live = APIRouter(), LiveEvents(state)
    ok = {"content": EVENTS, "description": "events"}

    @routes.get("/api/events", response_class=EventStream, responses={200: ok, 503: {"description": FULL}})
    async def events() -> EventStream:
        """Checkpoint changes and retraining progress; the stream ends when dann stops."""
        if live.full:
            raise HTTPException(503, FULL)
        live.enter()
        return EventStream(live.events(), live.leave)

    return routes


def _changes(before: LiveStatus, now: LiveStatus) -> list[dict[str, Any]]:
    """Events that lead from one status to the next."""
    events: list[dict[str, Any]] = []
    if (progress := now.retraining) != before.retraining:
        known = {"share": progress.share, "val_bpb": progress.val_bpb} if progress else {}
        events.append({"type": "retraining", "part": progress.part if progress else None, **known})
    if (now.paused, now.report) != (before.paused, before.report):
        events.append({"type": "status", "paused": now.paused, "report": now.report})
    if now.checkpoint != before.checkpoint:
        events.append({"type": "checkpoint", "id": now.checkpoint})
    return events
