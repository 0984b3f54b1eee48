"""Older checkpoints as models: one that was retired, withdrawn or removed answers no longer, loaded or not."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.config import BotSettings
from bot.web import models as models_module
from bot.web.models import Models, UnknownModelError
from model.checkpoints import checkpoint, folder, retention
from model.engine.engine import CheckpointWithdrawn, Engine, EngineClosed
from tests.bot.web.web_harness import FakeBot
from tests.model.small_networks import WILD, save
from training.config.tables import DataConfig

LONG = WILD.model_copy(update={"max_tokens": 4000})


def run_scenario(data: Path, act: Callable[[Models, Path], Awaitable[None]]) -> None:
    root = data / "checkpoints"
    save(root, "one", "two")

    async def play() -> None:
        async with asyncio.timeout(120), Engine(checkpoint.load(root), slots=4) as engine:
            models = Models(FakeBot(settings=BotSettings(data=DataConfig(dir=data)), engine=engine).state())
            try:
                await act(models, root)
            finally:
                await models.close()

    asyncio.run(play())


def damage(root: Path) -> None:
    (root / retention.RETIRED).write_bytes(b"\xff\xfe")


@pytest.mark.parametrize(
    "end",
    [
        lambda root: retention.retire(root, ["one"]),
        lambda root: retention.remove(root, "one"),
        lambda root: folder.write_ids(root / folder.WITHDRAWN, ["one"]),
        damage,
    ],
    ids=["retired", "removed", "withdrawn", "not known"],
)
def test_a_loaded_one_is_asked_for_again_on_every_request(tmp_path: Path, end: Callable[[Path], object]) -> None:
    async def act(models: Models, root: Path) -> None:
        engine = await models.engine("one")
        assert await models.engine("one") is engine
        end(root)
        with pytest.raises(UnknownModelError, match="there is no such model"):
            await models.engine("one")
        with pytest.raises(EngineClosed):
            engine.submit([], WILD, 0)
        assert models._older == {}

    run_scenario(tmp_path, act)


def test_one_that_nobody_asks_for_is_unloaded_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "CHECK_SECONDS", 0.01)

    async def act(models: Models, root: Path) -> None:
        unloading = asyncio.create_task(models.run())
        await models.engine("one")
        await asyncio.sleep(0.1)
        assert "one" in models._older
        retention.retire(root, ["one"])
        while models._older:
            await asyncio.sleep(0.01)
        unloading.cancel()

    run_scenario(tmp_path, act)


def test_an_idle_one_is_unloaded_and_what_it_drew_is_withdrawn_all_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def act(models: Models, _: Path) -> None:
        stream = (await models.engine("one")).submit([], WILD, 0)
        await stream.completion()
        monkeypatch.setattr(models_module, "IDLE_SECONDS", 0.0)
        await models.check()
        assert models._older == {}
        await models.withdraw(frozenset({"one"}))
        with pytest.raises(CheckpointWithdrawn):
            await anext(stream)

    run_scenario(tmp_path, act)
