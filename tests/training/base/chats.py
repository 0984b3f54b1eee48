"""Conversations of nobody, to learn a small base from, and the options that make it small."""

import json
import random
from pathlib import Path

SUBJECTS = ("the cat", "my sister", "the neighbour", "our teacher", "a friend", "the baker", "the old man", "the band")
VERBS = ("sleeps", "sings", "is cooking", "went out", "reads", "is late again", "laughs", "is at home")
ANSWERS = ("I know that {s} {v}", "really, {s} {v}?", "so {s} {v} today", "good that {s} {v}")

SMALL_BASE = (
    "tokenizer.vocab_size=320",
    "model.embed_dim=16",
    "model.hidden_dim=32",
    "model.attention_dim=8",
    "model.attention_window=32",
    "train.batch_size=8",
    "train.bptt_length=32",
    "train.evaluations=2",
    "train.devices=1",
)


def small_base(*more: str) -> list[str]:
    """Options of `dann base train` for a base of seconds."""
    return [word for one in (*SMALL_BASE, *more) for word in ("--set", one)]


def write_chats(path: Path, channels: int = 12, messages: int = 30, seed: int = 0) -> Path:
    """Write a file of JSONL: in each channel two authors, one of whom takes up what the other says."""
    rng = random.Random(seed)
    lines = []
    for channel in range(channels):
        for number in range(messages):
            if number % 2 == 0:
                subject, verb = rng.choice(SUBJECTS), rng.choice(VERBS)
                text = f"{subject} {verb}"
            else:
                text = rng.choice(ANSWERS).format(s=subject, v=verb)
            lines.append(json.dumps({"channel": f"c{channel}", "author": str(number % 2), "text": text}))
    path.write_text("\n".join(lines) + "\n")
    return path
