"""Checkpoints as models: the serving one by the persona's name, any other by its id.

An older checkpoint is loaded on its first request, with a small engine of its own, and unloaded when it has been idle for
a while, another one needs its place, or it was retired, withdrawn or removed.
Knows no HTTP.
"""

import asyncio
import logging
import time
from pathlib import Path
from weakref import WeakSet

from bot.web.state import AppState
from model.checkpoints.folder import ids, read_meta, withdrawn
from model.checkpoints.retention import retired
from model.engine.batch import Batch
from model.engine.engine import Engine
from model.errors import DannError
from training.posts.guarding import load_guarded

MAX_OLDER = 2
"""Older checkpoints loaded at once; each holds its weights in memory."""
SLOTS, WAITING = 4, 32
IDLE_SECONDS = 300.0
CHECK_SECONDS = 15.0
"""Between two looks for models to unload that nobody asks for."""

log = logging.getLogger("dann.web")


class UnknownModelError(DannError):
    """There is no such checkpoint, or it is retired."""


class NotReadyError(DannError):
    """The model cannot draw replies now."""


class Models:
    """The models that requests may choose. Belongs to the event loop."""

    def __init__(self, state: AppState) -> None:
        self._state = state
        self._root = state.settings.data.checkpoints
        self._older: dict[str, tuple[Engine, float]] = {}  # with the time of its last use, the longest ago first
        self._loading = asyncio.Lock()
        self._drew: WeakSet[Engine] = WeakSet()  # unloaded ones too, as long as somebody reads what they drew
        self._withdrawn: frozenset[str] = frozenset()
        state.on_withdrawal(self.withdraw)

    @property
    def name(self) -> str:
        """The name of the serving model: the persona's."""
        return self._state.settings.persona.name

    async def listed(self) -> list[tuple[str, int]]:
        """Names and creation times: the persona's name, the checkpoint it stands for, then others, newest first."""
        serving = self._state.engine()
        current = serving.snapshot.id if serving else None
        models = await asyncio.to_thread(_listed, self._root, current)
        return [(self.name, created) for id_, created in models if id_ == current] + models

    async def engine(self, name: str) -> Engine:
        """The engine of a model; "" and the persona's name mean the serving one.

        Raises UnknownModelError, and NotReadyError where nothing serves yet or too many older ones are in use.
        """
        serving = self._state.engine()
        if serving is None:
            raise NotReadyError(self._state.why_not())
        if name in {"", self.name, serving.snapshot.id}:
            return serving
        async with self._loading:
            await self._unload_idle(IDLE_SECONDS)
            if not await asyncio.to_thread(_is_servable, self._root, name):
                await self._unload(name)
                raise UnknownModelError("there is no such model; GET /v1/models lists them")
            if name not in self._older and len(self._older) >= MAX_OLDER:
                await self._unload_idle(0.0, most=1)
                if len(self._older) >= MAX_OLDER:
                    raise NotReadyError("too many older checkpoints are in use; try again in a while")
            engine = self._older.pop(name)[0] if name in self._older else await self._load(name)
            self._older[name] = engine, time.monotonic()
            return engine

    async def run(self) -> None:
        """Unload models that are idle or may not be used any more, until cancelled."""
        while True:
            await asyncio.sleep(CHECK_SECONDS)
            try:
                await self.check()
            except Exception:
                log.exception("older checkpoints could not be unloaded")

    async def check(self) -> None:
        """Unload models that are idle, and those that were retired, withdrawn or removed."""
        async with self._loading:
            await self._unload_idle(IDLE_SECONDS)
            for name in list(self._older):
                if not await asyncio.to_thread(_is_servable, self._root, name):
                    await self._unload(name)

    async def withdraw(self, checkpoints: frozenset[str]) -> None:
        """End what these older models draw and unload all of them; one that is asked for again is loaded again."""
        self._withdrawn |= checkpoints
        for engine in list(self._drew):
            engine.withdraw(checkpoints)
        await self.close()

    async def close(self) -> None:
        """Unload all older models."""
        while self._older:
            await self._older.popitem()[1][0].close()

    async def _unload(self, name: str) -> None:
        """Unload a model if it is loaded, also while it draws."""
        if name in self._older:
            await self._older.pop(name)[0].close()

    async def _load(self, name: str) -> Engine:
        try:
            snapshot = await asyncio.to_thread(load_guarded, self._state.settings, self._root, name)
        except DannError as error:
            raise UnknownModelError("this checkpoint cannot be used; `dann checkpoints` says why") from error
        serving = self._state.engine()
        engine = Engine(snapshot, SLOTS, WAITING, refusals=serving.refusals if serving else None)
        self._drew.add(engine)
        engine.start(await asyncio.to_thread(Batch, snapshot, SLOTS))
        await engine.ready()
        if name in self._withdrawn:  # meanwhile
            await engine.close()
            raise UnknownModelError("there is no such model; GET /v1/models lists them")
        return engine

    async def _unload_idle(self, seconds: float, most: int = MAX_OLDER) -> None:
        """Unload up to `most` models that have been idle for `seconds`, the longest idle first."""
        idle = [
            name
            for name, (engine, last_used) in self._older.items()
            if time.monotonic() - last_used >= seconds and engine.load.busy + engine.load.waiting == 0
        ]
        for name in idle[:most]:
            await self._unload(name)


def _is_servable(root: Path, name: str) -> bool:
    """Whether a checkpoint may be used; a retired or withdrawn one learned posts that are forgotten now."""
    try:
        return name in ids(root) and name not in {*retired(root), *withdrawn(root)}
    except DannError:  # which ones were, cannot be read
        return False


def _listed(root: Path, current: str | None) -> list[tuple[str, int]]:
    """Ids and creation times in Unix seconds, as OpenAI's clients expect; 0 where one is unknown."""
    names = [id_ for id_ in ids(root) if id_ == current or _is_servable(root, id_)]
    metas = {id_: read_meta(root / id_) for id_ in sorted(names, key=lambda id_: (id_ == current, id_), reverse=True)}
    return [(id_, int((meta and meta.created_at()) or 0)) for id_, meta in metas.items()]
