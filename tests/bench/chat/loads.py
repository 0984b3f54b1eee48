"""How a crowd asks: one by one, all at once, as fast as it is answered, or so often a second; and what comes back.

Times are from telling dann of a message to the arrival of the request that answers it.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.bench.chat.servers import Crowd, Key

LATEST = 30.0
"""Seconds after which an answer counts as lost."""
AFTERWARDS = 1.0
"""Seconds in which a second answer would come."""


@dataclass
class Asked:
    """Mentions by when they were made, and the crowd that knows what came of them."""

    crowd: Crowd
    at: dict[Key, float] = field(default_factory=dict)

    def mention(self, number: int) -> Key:
        """One more."""
        began = time.perf_counter()
        key = self.crowd.mention(number)
        self.at[key] = began
        return key

    def is_open(self, key: Key) -> bool:
        """Whether it is still to be answered."""
        return not self.crowd.arrived.get(key)

    async def answered(self, keys: Sequence[Key]) -> None:
        """Wait until all of these are, or LATEST."""
        ends = time.perf_counter() + LATEST
        while any(map(self.is_open, keys)) and time.perf_counter() < ends:
            await asyncio.sleep(0.002)

    @property
    def seconds(self) -> list[float]:
        """How long each answer took that came."""
        return [self.crowd.arrived[key][0] - began for key, began in self.at.items() if not self.is_open(key)]

    @property
    def lost(self) -> int:
        """How many were not answered."""
        return sum(map(self.is_open, self.at))

    @property
    def doubled(self) -> int:
        """How many were answered more than once."""
        return sum(len(self.crowd.arrived.get(key, ())) > 1 for key in self.at)


async def one_by_one(crowd: Crowd, count: int, pause: float) -> Asked:
    """Each when the one before is answered, and not before `pause` seconds after it was asked."""
    asked = Asked(crowd)
    for number in range(count):
        began = time.perf_counter()
        await asked.answered([asked.mention(number)])
        await asyncio.sleep(max(0.0, began + pause - time.perf_counter()))
    return asked


async def at_once(crowd: Crowd, count: int) -> Asked:
    """All of them in one moment."""
    asked = Asked(crowd)
    await asked.answered([asked.mention(number) for number in range(count)])
    return asked


async def unbroken(crowd: Crowd, people: int, seconds: float) -> tuple[Asked, float]:
    """`people` who ask again as soon as they are answered; also the answers a second, without the first second's."""
    asked, began = Asked(crowd), time.perf_counter()
    waiting = [asked.mention(number) for number in range(people)]
    while time.perf_counter() < began + seconds:
        await asyncio.sleep(0.001)
        for number, key in enumerate(waiting):
            if not asked.is_open(key):
                waiting[number] = asked.mention(number)
    ends = time.perf_counter()
    came = [crowd.arrived[key][0] for key in asked.at if not asked.is_open(key)]
    await asked.answered(waiting)
    begins = min(began + 1.0, began + seconds / 2)
    return asked, sum(begins <= moment < ends for moment in came) / (ends - begins)


async def steady(crowd: Crowd, rate: float, seconds: float) -> Asked:
    """`rate` mentions a second, whether answered or not; then wait for what is left, and for what comes twice."""
    asked, began = Asked(crowd), time.perf_counter()
    for number in range(round(rate * seconds)):
        await asyncio.sleep(max(0.0, began + number / rate - time.perf_counter()))
        asked.mention(number)
    await asked.answered(list(asked.at))
    await asyncio.sleep(AFTERWARDS)
    return asked
