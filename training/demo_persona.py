"""The demo's made-up person: a probabilistic grammar of somebody who builds networks.

Nobody wrote these posts. The grammar gives the probability of every post, and so the fewest bits per byte that any model can
reach on them, which a test compares the network with.
"""

import json
import math
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TextIO

NAME = "dann"
FRIENDS = ("ana", "bo", "kit")
START_TIME = datetime(2025, 1, 6, 19, 0, tzinfo=UTC)

# "3|text" weighs three times as much as "text"; {slot} is drawn from the rule of that name.
# Every text can be drawn in one way only, so its probability is the product of its choices.
RULES: dict[str, tuple[str, ...]] = {
    "thing": ("4|lstm", "2|rnn", "gru", "tokenizer", "data loader", "sampling loop"),
    "number": ("2", "3", "5", "10", "30", "100"),
    "unit": ("3|minutes", "2|hours", "epochs", "steps"),
    "rate": ("2|1e-3", "3e-4", "1e-2", "2|3e-3"),
    "laugh": ("5|", "3| lol", "2| lmao", " LOL", " AHAHAHA"),
    "sigh": ("4|", "2| wtf", " ugh", " oh well"),
    "food": ("3|noodles", "2|toast", "cereal", "cold pizza", "a sad banana"),
    "drink": ("3|coffee", "2|tea", "water for once", "more coffee"),
    "music": ("3|the same song on loop", "2|nothing, just fan noise", "lofi", "a 3 hour drone album"),
    "day": ("tonight", "tomorrow", "this weekend", "after dinner"),
    "hidden": ("64", "2|128", "2|256", "512"),
    "batch": ("2|50", "2|500", "32", "64"),
    # friends' questions, by topic
    "ask-rate": ("what learning rate are you using?", "how do you pick the learning rate", "is {rate} too high?"),
    "ask-loss": ("how's the loss", "is the loss going down?", "did the val loss move at all", "how is training going"),
    "ask-bug": ("did you fix the bug", "is the {thing} still broken?", "found the bug yet?"),
    "ask-size": ("how big is the network now", "how many hidden units?", "what batch size do you use"),
    "ask-food": ("did you eat today", "what did you have for dinner?", "have you eaten anything"),
    "ask-sleep": ("why are you awake", "go to sleep", "did you sleep at all?"),
    "ask-music": ("what are you listening to", "any music recs?", "what's playing"),
    "ask-plan": ("what are you doing {day}?", "plans for {day}?", "what's next on your list"),
    "ask-help": ("can you help me with my {thing}?", "my {thing} doesn't work, any idea?", "how do i fix my {thing}"),
    "ask-hello": ("hey", "hi dann", "yo", "you there?"),
    # his answers, by topic
    "say-rate": (
        "3|{rate} works for me. anything above that and it explodes{laugh}",
        "2|start at {rate} and decay it to zero, thats the whole trick",
        "honestly i just try {rate} first and look at the curve{sigh}",
        "lr = softmax(weights). no i have not tested this{laugh}",
    ),
    "say-loss": (
        "3|IT GOES DOWN!! val too{laugh}",
        "2|stuck for {number} {unit} now{sigh}",
        "going down slowly. {number} more {unit} and then i look again",
        "train goes down, val goes up. so it memorized everything{laugh}",
        "loss is nan. again. lr was {rate}{sigh}",
    ),
    "say-bug": (
        "3|found it!! i refreshed the hidden state every window{laugh}",
        "2|no. printed all the shapes of the {thing} and they look fine{sigh}",
        "it was jnp sum instead of jnp mean. {number} {unit} of my life{sigh}",
        "nah the bug is me{laugh}",
    ),
    "say-size": (
        "3|{hidden} hidden, batch of {batch}. fits on the old box",
        "2|batch went from {batch} to 500 and its 10x faster{laugh}",
        "small. {hidden} units. bigger didnt help at all{sigh}",
    ),
    "say-food": (
        "3|{food}. while the {thing} trains",
        "2|i had {food} and {drink}, thats a meal{laugh}",
        "not yet, {number} more {unit}",
    ),
    "say-sleep": (
        "3|cant sleep, the {thing} is at {number} {unit}",
        "2|sleeping is for when the loss plateaus{laugh}",
        "ok ok one more run. then {drink}. then sleep",
    ),
    "say-music": (
        "3|{music}",
        "2|{music}, it helps me debug the {thing}",
        "whatever plays while i have {drink}{laugh}",
    ),
    "say-plan": (
        "3|rewrite the {thing} from scratch. again{laugh}",
        "2|recreate karpathys run with {hidden} units and no dropout",
        "train for {number} {unit}, have {drink}, stare at the plot",
        "look at the {thing} until it learns{sigh}",
    ),
    "say-help": (
        "3|does it overfit on one sample? if not its a bug in the {thing}",
        "2|print every shape. every single one. thats how i fixed my {thing}",
        "keep the hidden state across windows, that was it for me{laugh}",
        "turn the lr down to {rate} and try {number} {unit}",
    ),
    "say-hello": ("3|hey. {thing} is training, i have {number} {unit}", "2|hi, just made {drink}", "yo{laugh}"),
    # lines he sometimes adds
    "more": (
        "3|ok back to the {thing}",
        "2|anyway",
        "in hindsight that makes no sense{laugh}",
        "will try hidden {hidden} {day}",
        "also i had {food}",
    ),
}
TOPICS = tuple(name.removeprefix("ask-") for name in RULES if name.startswith("ask-"))
FOLLOW_UP_PROBABILITY = 0.25


@dataclass(frozen=True)
class DemoPost:
    """One made-up message as a JSONL record; `bits` is -log2 of its probability given its topic."""

    record: dict[str, Any]
    bits: float


def demo_posts(exchanges: int, seed: int) -> Iterator[DemoPost]:
    """Draw exchanges: a friend asks, the made-up person answers and sometimes adds a line."""
    rng = random.Random(seed)  # noqa: S311
    now, number = START_TIME, 0

    def post(author: str, text: str, bits: float, reply_to: str | None = None) -> DemoPost:
        nonlocal now, number
        number += 1
        now += timedelta(seconds=rng.randint(5, 50))
        record = {"id": f"demo{number}", "channel": "night-shift", "author": author, "time": now.isoformat()}
        return DemoPost(record | {"text": text} | ({"reply_to": reply_to} if reply_to else {}), bits)

    for _ in range(exchanges):
        topic = rng.choice(TOPICS)
        question = post(rng.choice(FRIENDS), *draw(f"ask-{topic}", rng))
        yield question
        yield post(NAME, *draw(f"say-{topic}", rng), reply_to=question.record["id"])
        if rng.random() < FOLLOW_UP_PROBABILITY:
            yield post(NAME, *draw("more", rng))
        now += timedelta(minutes=rng.choice((1, 5, 30, 120)))


def draw(rule: str, rng: random.Random) -> tuple[str, float]:
    """Draw a text from a rule; return it with -log2 of its probability."""
    weights, texts = zip(*(_weighted(option) for option in RULES[rule]), strict=True)
    drawn = rng.choices(range(len(texts)), weights)[0]
    bits = -math.log2(weights[drawn] / sum(weights))

    def fill(slot: re.Match[str]) -> str:
        nonlocal bits
        text, slot_bits = draw(slot[1], rng)
        bits += slot_bits
        return text

    return re.sub(r"\{([a-z-]+)\}", fill, texts[drawn]), bits


def write_export(file: TextIO, exchanges: int, seed: int) -> None:
    """Write the made-up posts as a JSONL export."""
    for post in demo_posts(exchanges, seed):
        file.write(json.dumps(post.record, ensure_ascii=False) + "\n")


def _weighted(option: str) -> tuple[int, str]:
    """Split "3|text" into 3 and "text"; without a weight it is 1."""
    weight, bar, text = option.partition("|")
    return (int(weight), text) if bar else (1, option)
