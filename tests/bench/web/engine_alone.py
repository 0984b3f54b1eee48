"""The engine alone, on an event loop of its own, drawing what tests/bench/web/streams.py asks of dann on HTTP.

Started as `python -m tests.bench.web.engine_alone CHECKPOINTS`. Each line on standard input is a crowd's parameters; the
answer is a line with the seconds that it took and the tokens that were drawn.
"""

import asyncio
import json
import sys
import time
from pathlib import Path
from typing import Any

from bot.replies.generate import derived
from model.checkpoints import checkpoint
from model.config import SamplingParams
from model.engine.engine import Engine
from model.engine.stream import Stream


async def main() -> None:
    """Answer until the input ends."""
    async with Engine(checkpoint.load(Path(sys.argv[1]))) as engine:
        await engine.complete()
        print("ready", flush=True)
        while line := await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(await drawn(engine, json.loads(line))), flush=True)


async def drawn(engine: Engine, asked: dict[str, Any]) -> dict[str, float]:
    """A crowd's replies, read piece by piece."""
    params = SamplingParams.model_validate(asked["params"])
    began = time.perf_counter()
    streams = [engine.submit([], params, derived(seed, 0)) for seed in range(asked["first_seed"], asked["last_seed"])]
    tokens = await asyncio.gather(*(read(stream) for stream in streams))
    return {"seconds": time.perf_counter() - began, "tokens": sum(tokens)}


async def read(stream: Stream) -> int:
    """How many tokens it had."""
    async for _ in stream:
        pass
    return (await stream.completion()).tokens


if __name__ == "__main__":
    asyncio.run(main())
