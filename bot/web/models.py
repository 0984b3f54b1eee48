"""Checkpoints as models: the one that serves by the persona's name, any other by its id. Knows no HTTP.

An older one is loaded when it is asked for, with an engine of its own that draws a few replies at once, and let go when it
has not been asked for in a while, or another one needs its place.
"""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot.web.state import AppState
from model.checkpoints import checkpoint
from model.checkpoints.folder import Meta, ids, read_meta
from model.checkpoints.retention import retired
from model.engine.batch import Batch
from model.engine.engine import Engine
from model.errors import DannError

HELD = 2
"""So many older ones at most: each holds its weights in memory."""
SLOTS, WAITING = 4, 32
IDLE_SECONDS = 300.0


class UnknownModelError(DannError):
    """There is no such checkpoint, or it may not be asked for."""


class NotReadyError(DannError):
    """Nothing can be drawn from it now."""


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A checkpoint's id, when it was made (Unix seconds, 0: unknown), and whether it is the one that serves."""

    id: str
    created: int
    current: bool


@dataclass(slots=True)
class _Older:
    engine: Engine
    used: float


class Models:
    """What there is to choose from. Belongs to the event loop."""

    def __init__(self, sources: AppState, clock: Callable[[], float] = time.monotonic) -> None:
        self._sources = sources
        self._root = sources.settings.data.checkpoints
        self._clock = clock
        self._older: dict[str, _Older] = {}
        self._loading = asyncio.Lock()

    @property
    def name(self) -> str:
        """What the one that serves is called."""
        return self._sources.settings.persona.name

    async def listed(self) -> list[ServedModel]:
        """The one that serves, then the others, the newest first."""
        serving = self._sources.engine()
        current = serving.snapshot.id if serving else None
        found = await asyncio.to_thread(_listed, self._root, current)
        return sorted(found, key=lambda model: (model.current, model.id), reverse=True)

    async def engine(self, name: str) -> Engine:
        """What draws from a model; "" and the persona's name are the one that serves.

        Raises UnknownModelError, and NotReadyError where nothing serves yet or too many older ones are in use.
        """
        serving = self._sources.engine()
        if serving is None:
            raise NotReadyError(self._sources.why_not())
        if name in {"", self.name, serving.snapshot.id}:
            return serving
        async with self._loading:
            await self._let_go(IDLE_SECONDS)
            if name not in self._older:
                await self._make_room()
                self._older[name] = _Older(await self._loaded(name), 0.0)
            self._older[name].used = self._clock()
            return self._older[name].engine

    async def close(self) -> None:
        """Let all of them go."""
        for older in list(self._older.values()):
            await older.engine.close()
        self._older.clear()

    async def _loaded(self, name: str) -> Engine:
        if not await asyncio.to_thread(_may_be_asked, self._root, name):
            raise UnknownModelError("there is no such model; GET /v1/models lists them")
        try:
            snapshot = await asyncio.to_thread(checkpoint.load, self._root, name)
        except DannError as error:
            raise UnknownModelError("this checkpoint cannot be used; `dann checkpoints` says why") from error
        engine = Engine(snapshot, SLOTS, WAITING)
        engine.start(await asyncio.to_thread(Batch, snapshot, SLOTS))
        await engine.ready()
        return engine

    async def _make_room(self) -> None:
        if len(self._older) >= HELD:
            await self._let_go(0.0, len(self._older) - HELD + 1)
        if len(self._older) >= HELD:
            raise NotReadyError("as many older checkpoints are in use as may; try again in a while")

    async def _let_go(self, seconds: float, most: int = HELD) -> None:
        """Close up to `most` that nobody has asked for in so long, and that draw nothing."""
        by_use = sorted(self._older.items(), key=lambda item: item[1].used)
        idle = [name for name, older in by_use if _is_idle(older.engine) and self._clock() - older.used >= seconds]
        for name in idle[:most]:
            await self._older.pop(name).engine.close()


def _is_idle(engine: Engine) -> bool:
    return engine.load.busy + engine.load.waiting == 0


def _may_be_asked(root: Path, name: str) -> bool:
    """One that learned posts which were forgotten since is only waiting to go."""
    return name in ids(root) and name not in retired(root)


def _listed(root: Path, current: str | None) -> list[ServedModel]:
    names = [id_ for id_ in ids(root) if id_ == current or _may_be_asked(root, id_)]
    return [ServedModel(id_, _created(read_meta(root / id_)), id_ == current) for id_ in names]


def _created(meta: Meta | None) -> int:
    """Unix seconds, as OpenAI's clients expect; 0 where it is not known."""
    return int(meta.created_at() or 0) if meta else 0
