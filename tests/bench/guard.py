"""What the guard costs: a reply, memory and disk, and building its index, of 100,000 made-up posts.

Posts are words by Zipf's law, as long as messages in chats are; one in fifty has a number, an address or a secret. Replies
are made in the same way, some of them posts, and are given token by token, of four characters each.
"""

import gc
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from statistics import quantiles

from model.privacy.detector import Detector
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardedText, GuardIndex
from tests.bench.other_load import ticks
from tests.bench.report import Report, table

POSTS, REPLIES = 100_000, 4_000
KNOWN_WORDS = 20_000
TOKEN_CHARACTERS = 4
MUST = {"p50 ms": 1.0, "MB": 20.0, "seconds": 10.0}
GOAL = {"p50 ms": 0.2, "MB": 8.0, "seconds": 3.0}


def run(quick: bool) -> Report:
    """Build the index, write and read it, and give it replies."""
    count = POSTS // 10 if quick else POSTS
    words = Words(Random(1))
    posts = [words.post(number) for number in range(count)]
    key, detector = Key(b"a secret of the bench's own, 32 b"), Detector()
    detector.details("call +44 7700 900123")  # what it imports and compiles once is no part of it
    gc.collect()
    busy, began, cpu = ticks(), time.perf_counter(), time.process_time()
    index = GuardIndex.of(posts, key, detector)
    seconds, own = time.perf_counter() - began, time.process_time() - cpu
    content = index.to_bytes("", "")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "guard")
        file.write_bytes(content)
        began = time.perf_counter()
        index, _ = GuardIndex.from_bytes(file.read_bytes(), key, str(file))
        loading = time.perf_counter() - began
    costs, refused, characters = zip(*(_cost(index, words.reply(posts)) for _ in range(REPLIES)), strict=True)
    work, all_ = (now - before for now, before in zip(ticks(), busy, strict=True))
    others = max(0.0, (work - (time.process_time() - cpu) * os.sysconf("SC_CLK_TCK")) / max(1, all_))
    p50, p95 = (1e3 * quantiles(costs, n=20)[place] for place in (9, 18))
    found = {"p50 ms": p50, "MB": index.num_bytes / 1e6, "seconds": seconds}
    rows = [
        ["a reply, p50 (p95)", f"{p50:.3f} ({p95:.3f}) ms", *_bounds("p50 ms", "ms")],
        ["memory", f"{index.num_bytes / 1e6:.1f} MB", *_bounds("MB", "MB")],
        ["disk", f"{len(content) / 1e6:.1f} MB", *_bounds("MB", "MB")],
        ["building", f"{seconds:.1f} s ({own:.1f} s of processor time)", *_bounds("seconds", "s")],
        ["loading", f"{1e3 * loading:.0f} ms", "", ""],
    ]
    verdict = "ok" if all(found[name] <= bound for name, bound in MUST.items()) else "TOO MUCH"
    tables = index.tables
    text = (
        f"{count:,} posts of {sum(len(post.text) for post in posts) / count:.0f} characters; "
        f"{len(tables.runs):,} runs, {len(tables.digits):,} times five digits, {len(tables.details):,} details; "
        f"replies of {sum(characters) / REPLIES:.0f} characters, {sum(refused) / REPLIES:.1%} refused; "
        f"other work {others:.0%} of the machine: {verdict}"
    )
    return Report(
        f"{table(['', 'measured', 'must', 'goal'], rows)}\n\n{text}", found | {"p95 ms": p95, "others": others}
    )


def _bounds(name: str, unit: str) -> tuple[str, str]:
    return f"{MUST[name]:g} {unit}", f"{GOAL[name]:g} {unit}"


def _cost(index: GuardIndex, text: str) -> tuple[float, bool, int]:
    """Return the seconds that guarding a whole reply takes, whether anything of it was refused, and its length."""
    steps = [text[:end] for end in range(TOKEN_CHARACTERS, len(text) + TOKEN_CHARACTERS, TOKEN_CHARACTERS)]
    began = time.perf_counter()
    guard = index.guard()
    refused = sum(guard.refuses(step) is not None for step in steps)
    return time.perf_counter() - began, refused > 0, len(text)


class Words:
    """Makes up posts and replies."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance
        syllables = "ka lo mi ne tu ra si ve do pa en or al is und der the ing er an"
        made = {"".join(chance.choices(syllables.split(), k=chance.choice((1, 1, 2, 2, 3)))) for _ in range(80_000)}
        self._words = sorted(made)[:KNOWN_WORDS]
        chance.shuffle(self._words)
        self._weights = [1 / (rank + 3) for rank in range(len(self._words))]

    def _text(self) -> str:
        count = max(1, round(self._chance.lognormvariate(2.1, 0.8)))
        return " ".join(self._chance.choices(self._words, self._weights, k=count))

    def post(self, number: int) -> GuardedText:
        """A post of one of forty authors, of which there are 200 a day."""
        text = self._text()
        if number % 50 == 0:
            text += next(self._details())
        return GuardedText(text, None, f"author {self._chance.randrange(40)}", number // 200)

    def _details(self) -> Iterator[str]:
        digits = "".join(self._chance.choices("0123456789", k=9))
        yield self._chance.choice(
            [f" call +49 17{digits}", f" {digits[:6]}@example.org", f" code is {digits[:4]}", f" order {digits}"]
        )

    def reply(self, posts: list[GuardedText]) -> str:
        """A reply: one in fifty is a post, the others are new."""
        return self._chance.choice(posts).text if self._chance.random() < 0.02 else self._text()
