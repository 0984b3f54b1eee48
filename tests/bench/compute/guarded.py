"""What the guard costs in the engine: replies with and without it in turn, one alone and 16 at once.

The index is of 100,000 made-up posts (tests/bench/guard.py). `watched` replies come with the likeliest alternatives, which
are looked up too for whoever has no key. In the last row one reply of 16 is taken back again and again, up to its end, and
only the others are timed. Below stands the processor's time of the guard alone, which other work spoils least.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from random import Random

from model.architectures import build
from model.checkpoints.checkpoint import Snapshot
from model.config import ModelConfig, SamplingParams
from model.engine.batch import Batch
from model.engine.engine import Turn
from model.engine.logprobs import TOP
from model.engine.request import ReplyRequest
from model.engine.text.guarded import GuardedReply
from model.privacy.detector import Detector
from model.privacy.fingerprints import Key
from model.privacy.guard_index import GuardIndex
from model.tokenizer import Tokenizer
from tests.bench.guard import POSTS, Words
from tests.bench.report import Report, spread, table
from tests.bench.rounds.children import Quartiles
from tests.model.made_up_guard import guarded, now_and_then

TOKENS, VOCAB, SLOTS = 40, 4096, 16
SHAPE = ModelConfig(architecture="lstm", vocab_size=VOCAB, embed_dim=256, hidden_dim=768, tie_embeddings=True)
SMALL = SHAPE.model_copy(update={"embed_dim": 16, "hidden_dim": 16})
"""For --quick, which is to show that it runs."""
ROUNDS = {1: 40, 16: 12}
MARK = "so"
PARAMS = SamplingParams(max_tokens=TOKENS)


def run(quick: bool) -> Report:
    """A row for each way of asking, with the milliseconds that the guard adds to a reply."""
    words, key = Words(Random(1)), Key(b"a secret of the bench's own, 32 b")
    posts = [words.post(number) for number in range(POSTS // 50 if quick else POSTS)]
    tokenizer = Tokenizer.train((post.text for post in posts[:20_000]), VOCAB)
    config = (SMALL if quick else SHAPE).model_copy(update={"vocab_size": tokenizer.vocab_size})
    served = Snapshot("bench", build(config, seed=0), tokenizer)
    index = GuardIndex.of(posts, key, Detector())
    free, guarding = Batch(served, SLOTS), Batch(replace(served, guard=index), SLOTS)
    taking_back = Batch(guarded(served, refuses), SLOTS)
    kinds = {
        f"{count}{', watched' * watched}": (partial(drawing, count=count, watched=watched), guarding, count)
        for count in ROUNDS
        for watched in (False, True)
    }
    kinds["15 beside one taken back"] = partial(drawing, count=SLOTS, all_but=1), taking_back, SLOTS
    rows = [
        (name, *alternating([partial(draw, free), partial(draw, batch)], 3 if quick else ROUNDS[count]))
        for name, (draw, batch, count) in kinds.items()
    ]
    lines = [
        [name, *(f"{each.middle:,.2f}" for each in (without, with_guard)), spread(ratio), f"{added.middle:+.3f}"]
        for name, without, with_guard, ratio, added in rows
    ]
    shape = f"{config.num_layers} x {config.hidden_dim} {config.architecture}, V {config.vocab_size}"
    own = Quartiles.of([replayed(guarding, words.reply(posts)) for _ in range(100 if quick else 2000)])
    notes = (
        f"{shape}; replies of {TOKENS} tokens. Of replies as long as messages the guard alone takes {own.middle:.3f} ms of "
        f"the processor's time (quartiles {own.low:.3f} to {own.high:.3f})."
    )
    text = table(["replies at once", "off, ms", "on, ms", "on / off", "added, ms"], lines) + "\n\n" + notes
    return Report(text, {name: added.middle for name, *_, added in rows} | {"alone": own.middle})


def replayed(batch: Batch, text: str) -> float:
    """Milliseconds of the processor's time that the guard takes for a reply of this text, token by token as it is drawn."""
    tokenizer, guard = batch.snapshot.tokenizer, batch.snapshot.guard
    assert guard
    tokens = tokenizer.encode(text)
    began = time.thread_time()
    reply = GuardedReply(guard, tokenizer, ())
    for token in tokens:
        if not reply.refuses(token):
            reply.add(token)
    return 1e3 * (time.thread_time() - began)


def refuses(begun: str, text: str) -> bool:
    """Refuse one text in five of a reply that begins with MARK, and nothing of others."""
    return begun == MARK and now_and_then(5)("", text)


def drawing(batch: Batch, number: int, *, count: int, watched: bool = False, all_but: int = 0) -> float:
    """Seconds until `count` replies are drawn, less those that need not be waited for."""
    requests = [
        ReplyRequest(
            [Turn(mine=False, text=f"message {number} {row}")],
            PARAMS,
            1000 * number + row,
            logprobs=watched,
            withhold=TOP,
            reply_prefix=MARK if row < all_but else "",
        )
        for row in range(count)
    ]
    for request in requests:
        batch.admit(request)
    began = time.perf_counter()
    while not all(request.completion for request in requests[all_but:]):
        batch.round()
    for request in requests if watched else ():
        request.withheld(request.take_update().logprobs)
    taken = time.perf_counter() - began
    while len(batch):
        batch.round()
    return taken


def alternating(
    kinds: Sequence[Callable[[int], float]], rounds: int
) -> tuple[Quartiles, Quartiles, Quartiles, Quartiles]:
    """Milliseconds of both kinds in turn, their ratio and their difference round by round, after a round that compiles."""
    taken = [[1e3 * kind(number) for kind in (kinds if number % 2 else kinds[::-1])][:: 1 if number % 2 else -1]
             for number in range(rounds + 1)][1:]  # fmt: skip
    without, with_guard = zip(*taken, strict=True)
    ratios = [on / off for off, on in taken]
    return (
        Quartiles.of(without), Quartiles.of(with_guard), Quartiles.of(ratios), Quartiles.of([on - off for off, on in taken])
    )  # fmt: skip
