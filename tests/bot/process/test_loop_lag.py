"""The event loop's stalls are seen, and what lasts is out of the collector's way."""

import asyncio
import gc
import sys
import time
from pathlib import Path

from bot.app import write_heartbeat
from bot.process import memory_tuning
from bot.process.loop_lag import PERIOD_SECONDS, LoopLagMonitor


def test_the_longest_stall_is_kept_until_it_is_taken() -> None:
    """The clock is the test's: between two looks it moves by PERIOD and what the loop was late."""
    late = iter([0.0, 0.25, 0.03])
    moments = [0.0]

    def clock() -> float:
        """Each look reads it twice: when it begins, and after the sleep."""
        moments.append(moments[-1] + (PERIOD_SECONDS + next(late, 0.0) if len(moments) % 2 == 0 else 0.0))
        return moments[-1]

    async def scenario() -> float:
        stalls = LoopLagMonitor(clock)
        watching = asyncio.create_task(stalls.run())
        while len(moments) < 8:
            await asyncio.sleep(PERIOD_SECONDS)
        watching.cancel()
        longest = stalls.take_longest()
        assert stalls.longest == stalls.take_longest() == 0.0
        return longest

    assert abs(asyncio.run(scenario()) - 0.25) < 1e-9


def test_a_loop_that_does_not_turn_is_noticed(tmp_path: Path) -> None:
    """A callback that holds the real loop for a while; the file says at least that much less one PERIOD."""
    file = tmp_path / "serving"

    async def scenario() -> float:
        stalls = LoopLagMonitor()
        watching = asyncio.create_task(stalls.run())
        await asyncio.sleep(2 * PERIOD_SECONDS)
        time.sleep(0.1)
        await asyncio.sleep(2 * PERIOD_SECONDS)
        telling = asyncio.create_task(write_heartbeat(file, stalls))
        await asyncio.sleep(0)
        watching.cancel()
        telling.cancel()
        return float(file.read_text().removeprefix("longest stall ").removesuffix(" ms\n"))

    assert asyncio.run(scenario()) >= 1e3 * (0.1 - PERIOD_SECONDS) - 1.0


def test_what_is_loaded_is_never_looked_at_again() -> None:
    before = gc.get_freeze_count()
    try:
        with memory_tuning.without_collecting():
            assert not gc.isenabled()
            held: list[list[object]] = [[] for _ in range(1000)]
        assert gc.isenabled()
        assert gc.get_freeze_count() >= before + len(held)
    finally:
        gc.unfreeze()


def test_threads_hand_over_soon() -> None:
    interval = sys.getswitchinterval()
    try:
        memory_tuning.share_arenas()
        assert sys.getswitchinterval() < interval
    finally:
        sys.setswitchinterval(interval)
