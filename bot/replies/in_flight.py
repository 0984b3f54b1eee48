"""Replies being drawn, by key: each can be cancelled, and stopping waits for all."""

import asyncio
from collections.abc import Coroutine, Hashable
from typing import Generic, TypeVar

T = TypeVar("T")


class InFlight(Generic[T]):
    """Tasks by key."""

    def __init__(self) -> None:
        self._tasks: dict[Hashable, asyncio.Task[T]] = {}

    def __len__(self) -> int:
        """Number of tasks."""
        return len(self._tasks)

    async def run(self, key: Hashable, work: Coroutine[object, object, T]) -> T | None:
        """Run the work and return its result, None if `cancel` or `drain` ended it."""
        task = self._tasks[key] = asyncio.ensure_future(work)
        try:
            await asyncio.wait([task])
        finally:  # the waiting task may be cancelled too: then so is the work
            task.cancel()
            del self._tasks[key]
        return None if task.cancelled() else task.result()

    def cancel(self, key: Hashable) -> None:
        """Cancel the task of this key, if there is one."""
        if task := self._tasks.get(key):
            task.cancel()

    async def drain(self, seconds: float) -> None:
        """Wait up to `seconds` for all tasks, then cancel the rest."""
        if tasks := list(self._tasks.values()):
            _, late = await asyncio.wait(tasks, timeout=seconds)
            for task in late:
                task.cancel()
