"""The answers that are being drawn: each can be ended where its message is deleted, and stopping waits for all."""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class InFlight(Generic[T]):
    """Work by key, each in a task of its own."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        """How many there are."""
        return len(self._tasks)

    async def run(self, key: Hashable, work: Coroutine[object, object, T]) -> T | None:
        """Do the work and return what came of it; None if it was ended by `end` or `drain`. Its errors are raised."""
        task = self._tasks[key] = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task])
        finally:  # whoever waits may be ended too: then so is the work
            task.cancel()
            del self._tasks[key]
        return None if task.cancelled() else task.result()

    def cancel(self, key: Hashable) -> None:
        """End this work if it is under way."""
        if task := self._tasks.get(key):
            task.cancel()

    async def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for all of it, and end what takes longer."""
        if tasks := list(self._tasks.values()):
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
