"""Run blocking work in a daemon thread; `asyncio.to_thread` would delay shutdown on a locked database."""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

T = TypeVar("T")


async def run_in_daemon_thread(work: Callable[[], T]) -> T:
    """Return or raise what `work` does; cancelled, its thread is left behind."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def finish(settle: Callable[[], None]) -> None:
        with suppress(RuntimeError):  # the loop has ended meanwhile
            loop.call_soon_threadsafe(lambda: None if done.done() else settle())

    def run() -> None:
        try:
            result = work()
        except Exception as error:
            caught = error  # the name `error` is unbound by the time the loop sets it
            finish(lambda: done.set_exception(caught))
        else:
            finish(lambda: done.set_result(result))

    threading.Thread(target=run, daemon=True).start()
    return await done
