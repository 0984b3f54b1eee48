"""The text that ships with the inspector: the demo's made-up person, in 29 characters. Knows no network.

Inspecting needs no data. Few characters make a small vocabulary, so that a small network learns the text in seconds.
"""

import re
from datetime import datetime

import numpy as np

from training.demo_persona import NAME, demo_posts
from training.store.post import Post

ALPHABET = "abcdefghijklmnopqrstuvwxyz .?"
EXCHANGES = 300
SEED = 1
LMAO = "lmao"


def sample_posts() -> list[Post]:
    """About 21,000 characters: a friend asks, the made-up person answers."""
    records = [post.record for post in demo_posts(EXCHANGES, SEED)]
    texts = [re.sub(rf"[^{ALPHABET}]", "", record["text"].lower()).strip() for record in records]
    return [
        Post(
            record["id"],
            "inspect",
            record["author"] == NAME,
            datetime.fromisoformat(record["time"]).timestamp(),
            text or "hm",
            record.get("reply_to"),
        )
        for record, text in zip(records, texts, strict=True)
    ]


def marked_posts(count: int = 60) -> list[Post]:
    """Posts of words that occur once: where a post turns up, and where it does not, is beyond doubt.

    Two in three are the owner's; they are an hour and more apart every sixth, so that conversations end.
    """
    rng = np.random.default_rng(SEED)
    posts, time = [], 1000.0
    for number in range(count):
        words = ["".join(rng.choice(list(ALPHABET[:26]), 6)) for _ in range(4)]
        time += 7200.0 if number % 6 == 0 else 60.0
        posts.append(Post(f"marked{number}", "marked", number % 3 != 0, time, " ".join(words)))
    return posts
