"""Replies of 20 tokens with guidance and with candidates, one alone and 64 at once, beside the same without.

All in turn, in one process: only ratios within a round are worth anything on a machine that others use.
"""

import time
from collections.abc import Mapping, Sequence
from typing import Any

import jax

from model.architectures import build
from model.checkpoints.checkpoint import Snapshot
from model.config import ModelConfig, SamplingParams
from model.engine.engine import Engine, Turn
from model.tokenizer import Tokenizer
from tests.bench.report import Report, spread, table
from tests.bench.rounds.children import Quartiles

VOCAB, TOKENS, PROMPT = 2048, 20, 60
LISTENER = ModelConfig(
    architecture="lstm_attention", vocab_size=VOCAB, embed_dim=192, hidden_dim=512, tie_embeddings=True,
    attention_dim=64, attention_window=256,
)  # fmt: skip
"""The shape of a base that listens, whose carry has a ring of 96 KiB for each row."""
SMALL = LISTENER.model_copy(update={"vocab_size": 300, "embed_dim": 16, "hidden_dim": 16, "attention_dim": 4})
SMALL_BEFORE = ModelConfig(vocab_size=300, hidden_dim=16)
"""For --quick, which is to show that it runs."""
BEFORE = ModelConfig(vocab_size=1024, embed_dim=128, hidden_dim=512, num_layers=2)
"""What served before there were bases."""
OLDER = "2 x 512 lstm, V 1,024"
KINDS: dict[str, dict[str, float]] = {
    "plain": {"guidance": 0.0},
    "guidance 1.5": {"guidance": 1.5},
    "candidates 4": {"guidance": 0.0, "candidates": 4},
    "both": {"guidance": 1.5, "candidates": 4},
    OLDER: {"guidance": 0.0},
}
ROUNDS = {1: 9, 64: 3}
"""Rounds by how many replies are drawn at once: a round of 64 takes up to half a minute on two busy cores."""


def run(quick: bool) -> Report:
    """A row for each kind, alone and 64 at once, with its ratios to plain ones and to those of before."""
    config, before = (SMALL, SMALL_BEFORE) if quick else (LISTENER, BEFORE)
    listener = serving(config)
    engines = dict.fromkeys(KINDS, listener) | {OLDER: serving(before)}
    rows = [row for count, rounds in ROUNDS.items() for row in compared(engines, count, 2 if quick else rounds)]
    lines = [
        [
            f"{row['count']}, {row['kind']}",
            f"{row['milliseconds'].middle:,.0f}",
            spread(row["of_plain"]),
            spread(row["of_before"]),
        ]
        for row in rows
    ]
    notes = (
        f"{config.num_layers} x {config.hidden_dim} {config.architecture}, V {config.vocab_size}; replies of {TOKENS} tokens "
        f"to a message of {PROMPT} that was not read before. A row of the table has {row_bytes(listener) / 1024:,.0f} KiB."
    )
    return Report(table(["replies at once", "ms", "times plain", f"times {OLDER}"], lines) + "\n\n" + notes, rows)


def serving(config: ModelConfig) -> Engine:
    """An engine for a network of random weights that guidance is for, with a character a token."""
    tokenizer = Tokenizer.of_characters([chr(0x4E00 + number) for number in range(config.vocab_size - 3)])
    return Engine(Snapshot("bench", build(config, seed=0), tokenizer, guidable=True))


def compared(engines: Mapping[str, Engine], count: int, rounds: int) -> list[dict[str, Any]]:
    """Every kind in turn, after one round that compiles."""
    seconds: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for number in range(rounds + 1):
        for kind, params in KINDS.items():
            asked = SamplingParams.model_validate({"max_tokens": TOKENS, **params})
            taken = drawing(engines[kind], count, asked, number)
            seconds[kind] += [taken] if number else []
    return [
        {
            "count": count,
            "kind": kind,
            "milliseconds": Quartiles.of([1e3 * one for one in seconds[kind]]),
            "of_plain": ratios(seconds[kind], seconds["plain"]),
            "of_before": ratios(seconds[kind], seconds[OLDER]),
        }
        for kind in KINDS
    ]


def drawing(engine: Engine, count: int, params: SamplingParams, number: int) -> float:
    """Seconds for `count` replies; each round and kind has messages of its own."""
    characters = engine.snapshot.tokenizer.vocab_size - 3
    salt = round(number * 7 + 100 * params.guidance + 1000 * params.candidates)
    requests = [
        (
            [Turn(mine=False, text="".join(chr(0x4E00 + (salt + row + 5 * n) % characters) for n in range(PROMPT)))],
            params,
            row,
        )
        for row in range(count)
    ]
    began = time.perf_counter()
    engine.replies(requests)
    return time.perf_counter() - began


def ratios(seconds: Sequence[float], others: Sequence[float]) -> Quartiles:
    """How many times as long, round by round."""
    return Quartiles.of([own / theirs for own, theirs in zip(seconds, others, strict=True)])


def row_bytes(engine: Engine) -> int:
    """Bytes of one row's carry: a second row takes one of those that hold read prompts, and no more memory."""
    return sum(array.nbytes for array in jax.tree.leaves(engine.snapshot.model.initial_carry(1)))
