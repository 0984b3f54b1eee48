"""How many replies and prefixes a table has room for: as ever where rows are small, fewer where they are large."""

import asyncio
import logging
from typing import Any

import pytest
from flax import nnx

from model.architectures import LanguageModel, build
from model.config import ModelConfig
from model.engine import table_rows
from model.engine.batch import Batch
from model.engine.engine import Engine
from model.engine.prompt import Turn
from model.engine.table_rows import TABLE_BYTES, table_size
from tests.model.one_width import one_width
from tests.model.small_networks import TINY_TRANSFORMER, WILD, snapshot

SLOTS = 4
"""As in the engine's other tests, so that all compile the same programs."""


def network(**shape: Any) -> LanguageModel:
    """Its shapes alone: no weight is drawn."""
    abstract: LanguageModel = nnx.eval_shape(lambda: build(ModelConfig(vocab_size=300, **shape), seed=0))
    return abstract


@pytest.mark.parametrize(
    ("shape", "row_bytes"),
    [
        ({"hidden_dim": 256}, 2 * 256 * 4),
        ({"hidden_dim": 1024, "num_layers": 3}, 3 * 2 * 1024 * 4),
        ({"architecture": "mingru", "hidden_dim": 256, "num_layers": 4}, 4 * 256 * 4),
        ({"architecture": "lstm_attention", "hidden_dim": 256}, 2 * 256 * 4 + 96 * 1024 + 4),
    ],
    ids=str,
)
def test_where_rows_are_small_there_are_as_many_as_ever(shape: dict[str, Any], row_bytes: int) -> None:
    size = table_size(network(**shape), 64)
    assert (size.slots, size.prefixes, size.row_bytes, size.note) == (64, 256, row_bytes, "")


@pytest.mark.parametrize(
    ("shape", "slots"),
    [
        ({"hidden_dim": 32, "attention_window": 8192}, 12),
        ({"hidden_dim": 256, "num_layers": 4}, 12),
        ({"hidden_dim": 256, "num_layers": 2, "architecture": "looped", "rounds": 4}, 6),
        ({"hidden_dim": 768, "num_layers": 12, "attention_window": 1024}, 1),
    ],
    ids=str,
)
def test_where_rows_are_large_the_table_is_bounded(shape: dict[str, Any], slots: int) -> None:
    """The last is GPT-2's size, of which a row takes 36 MiB: one reply at once is the least there can be."""
    size = table_size(network(**{"architecture": "transformer"} | shape), 64)
    assert (size.slots, size.prefixes) == (slots, 4 * slots)
    assert size.total_bytes <= TABLE_BYTES or slots == 1
    assert table_size(network(**{"architecture": "transformer"} | shape), slots).slots == slots, (
        "a spare table has as many"
    )


def test_an_engine_takes_that_many_says_so_and_lets_the_rest_wait(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """The table that is really there has the bytes that were promised; a swap to small rows makes room again."""
    monkeypatch.setattr(table_rows, "TABLE_BYTES", 12_000)
    batch = Batch(snapshot(id_="large", **TINY_TRANSFORMER), SLOTS)
    assert batch.size == 2
    assert sum(array.nbytes for array in batch._slots._table.carry[0]) == batch.table_size.total_bytes <= 12_000

    async def play() -> None:
        engine = Engine(batch.snapshot, SLOTS)
        engine.start(batch)
        try:
            assert engine.load.slots == 2
            streams = [engine.submit([Turn(mine=False, text="hey")], WILD, seed) for seed in range(5)]
            assert len({(await stream.completion()).text for stream in streams}) == 5
            await engine.swap(snapshot(id_="small"))
            assert (await engine.submit([], WILD, 1).completion()).text
            assert engine.load.slots == SLOTS
        finally:
            await engine.close()

    with one_width(), caplog.at_level(logging.INFO, "dann.engine"):
        asyncio.run(play())
    (line,) = [record.getMessage() for record in caplog.records if "carry takes" in record.getMessage()]
    assert line.startswith("large: a row of this network's carry takes 0.0 MB: 2 replies at once and 8 kept prefixes")
    assert "not 4 and 16" in line
