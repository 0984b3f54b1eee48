"""Small training runs for tests: settings and posts."""

from datetime import datetime
from pathlib import Path
from typing import Any

from bot.config import BotSettings
from training.demo_persona import NAME, demo_posts
from training.store.post import Post

SMALL: dict[str, Any] = {
    "model": {"embed_dim": 16, "hidden_dim": 32, "embedding_dropout": 0.0, "dropout": 0.0, "weight_drop": 0.0},
    "tokenizer": {"vocab_size": 300},
    "train": {
        "calibration_replies": 0,
        "steps": 40,
        "batch_size": 8,
        "bptt_length": 32,
        "evaluations": 2,
        "devices": 1,
        "base": "off",
    },
    "sample": {"max_tokens": 20},
}  # fmt: skip
"""On one device: four take three times as long, to compile for and to meet on two cores. Tests of devices say "auto"."""


def small_settings(folder: Path, **train: Any) -> BotSettings:
    """Return settings for a run of a second or two in `folder`."""
    return BotSettings.model_validate(SMALL | {"data": {"dir": folder}, "train": SMALL["train"] | train})


def posts(texts: list[str], *, mine: bool = True, channel: str = "a", gap: float = 60.0) -> list[Post]:
    """Return one post per text, `gap` seconds apart."""
    return [Post(f"{channel}{i}", channel, mine, 1000.0 + i * gap, text) for i, text in enumerate(texts)]


def chat(lines: list[tuple[str, bool]], gap: float = 60.0) -> list[Post]:
    """Return the posts of one channel from pairs of (text, mine)."""
    return [Post(f"c{i}", "chat", mine, 1000.0 + i * gap, text) for i, (text, mine) in enumerate(lines)]


def demo(exchanges: int = 200) -> list[Post]:
    """Return the demo persona's posts, as read from the store."""
    records = [post.record for post in demo_posts(exchanges, seed=1)]
    times = [datetime.fromisoformat(record["time"]).timestamp() for record in records]
    return [
        Post(record["id"], "night", record["author"] == NAME, time, record["text"], record.get("reply_to"))
        for record, time in zip(records, times, strict=True)
    ]
