"""A new CURRENT is taken over while replies are drawn; whatever cannot be used changes nothing. A real engine, real files."""

import asyncio
import gc
import json
import logging
import shutil
import threading
import weakref
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from bot.serving import reload as module
from bot.serving.reload import Reload, load_first
from model.checkpoints import checkpoint, retention
from model.checkpoints.folder import seal
from model.config import SamplingParams
from model.engine.batch import Batch
from model.engine.engine import Engine, Turn
from model.engine.request import ReplyRequest
from model.engine.slots import DECODE_STEPS
from model.errors import DannError
from tests.bot.scripted_engine import Clock
from tests.model.small_networks import WILD, save

HEY = [Turn(mine=False, text="hey")]
LONG = WILD.model_copy(update={"max_tokens": 200})


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """ "one" serves; "two", which is of other weights, does not yet."""
    root = tmp_path / "checkpoints"
    save(root, "one")
    save(root, "two", seed=4, publish=False)
    return root


class ReloadHarness:
    """An engine that is started, and a Reload whose clock stands; `lines` is what it said."""

    def __init__(self, engine: Engine, root: Path) -> None:
        self.engine, self.root = engine, root
        self.clock = Clock()
        self.lines: list[str] = []
        self.reload = Reload(engine, root, self.lines.append, self.clock)

    async def says(self) -> tuple[str, str]:
        """The text of a reply, and which checkpoint it says it is of."""
        completion = await self.engine.submit(HEY, WILD, 7).completion()
        return completion.text, completion.checkpoint


def run_scenario(root: Path, scenario: Callable[[ReloadHarness], Awaitable[None]]) -> None:
    async def main() -> None:
        async with asyncio.timeout(120), Engine(await load_first(root, print), slots=4) as engine:
            await engine.ready()
            await scenario(ReloadHarness(engine, root))

    asyncio.run(main())


def text_of(root: Path, id_: str, params: SamplingParams = WILD) -> tuple[str, str]:
    return Engine(checkpoint.load(root, id_), slots=4).reply(HEY, params, 7).text, id_


def point(root: Path, content: str) -> None:
    """Write CURRENT as nobody should."""
    (root / "CURRENT").write_text(content)


def test_another_current_is_taken_over_and_so_is_the_old_one_again(root: Path) -> None:
    async def scenario(harness: ReloadHarness) -> None:
        await harness.reload.check()
        assert await harness.says() == text_of(root, "one")
        checkpoint.publish(root, "two")
        await harness.reload.check()
        assert await harness.says() == text_of(root, "two")
        checkpoint.publish(root, "one")
        await harness.reload.check()
        assert await harness.says() == text_of(root, "one")
        assert (harness.reload.reloads, harness.reload.failures, harness.reload.trouble) == (2, 0, "")
        assert harness.lines == [
            "dann: checkpoint two serves now, instead of one",
            "dann: checkpoint one serves now, instead of two",
        ]

    run_scenario(root, scenario)


def test_what_is_under_way_ends_on_the_old_weights_and_then_they_are_let_go(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, whole = threading.Event(), Batch.round

    def waiting_round(batch: Batch) -> list[ReplyRequest]:
        done = whole(batch)
        go_on.wait(60)
        return done

    async def scenario(harness: ReloadHarness) -> None:
        gone = weakref.ref(harness.engine.snapshot.model)
        monkeypatch.setattr(Batch, "round", waiting_round)
        under_way = harness.engine.submit(HEY, LONG, 7)
        while not harness.engine.load.busy:
            await asyncio.sleep(0.01)
        checkpoint.publish(root, "two")
        await harness.reload.check()
        assert harness.engine.snapshot.id == "two"
        gc.collect()
        assert gone() is not None
        go_on.set()
        assert await harness.says() == text_of(root, "two")
        done = await under_way.completion()
        assert (done.text, done.checkpoint) == (text_of(root, "one", LONG)[0], "one")
        assert done.tokens > DECODE_STEPS
        while gone() is not None:
            gc.collect()
            await asyncio.sleep(0.01)

    run_scenario(root, scenario)


def test_another_shape_is_compiled_while_the_old_one_answers(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(root, "three", publish=False, hidden_dim=24, num_layers=2)
    compiling = asyncio.Event()
    whole = Batch.warm

    async def scenario(harness: ReloadHarness) -> None:
        loop, answered = asyncio.get_running_loop(), asyncio.Event()

        def warm(batch: Batch, width: int = 0) -> None:
            loop.call_soon_threadsafe(compiling.set)
            asyncio.run_coroutine_threadsafe(answered.wait(), loop).result(60)
            whole(batch, width)

        monkeypatch.setattr(Batch, "warm", warm)
        checkpoint.publish(root, "three")
        looking = asyncio.create_task(harness.reload.check())
        await compiling.wait()
        assert await harness.says() == text_of(root, "one")
        answered.set()
        await looking
        monkeypatch.setattr(Batch, "warm", whole)
        assert await harness.says() == text_of(root, "three")

    run_scenario(root, scenario)


def flipped(root: Path) -> None:
    weights = root / "two" / "weights.safetensors"
    content = bytearray(weights.read_bytes())
    content[len(content) // 2] ^= 1
    weights.write_bytes(content)


def later(root: Path) -> None:
    (root / "two" / "manifest.json").write_text(json.dumps({"format": 99, "files": {}}))


def unknown(root: Path) -> None:
    config = root / "two" / "config.json"
    config.write_text(config.read_text().replace("lstm", "lost"))
    (root / "two" / "manifest.json").unlink()
    seal(root / "two")


def no_current(root: Path) -> None:
    (root / "CURRENT").unlink()


def to_two(root: Path) -> None:
    point(root, "two")


Harm = Callable[[Path], object]
WRONG: dict[str, tuple[list[Harm], str]] = {
    "names nothing": ([lambda root: point(root, "three\n")], "no such checkpoint"),
    "empty": ([lambda root: point(root, "")], "CURRENT names no checkpoint"),
    "blank": ([lambda root: point(root, " \n")], "CURRENT names no checkpoint"),
    "a path": ([lambda root: point(root, "../one\n")], "is no checkpoint's id"),
    "not text": ([lambda root: (root / "CURRENT").write_bytes(b"\xff\xfe")], "cannot be read"),
    "gone": ([no_current], "CURRENT names no checkpoint"),
    "a folder": ([no_current, lambda root: (root / "CURRENT").mkdir()], "cannot be read"),
    "no root": ([lambda root: root.rename(root.with_name("elsewhere"))], "CURRENT names no checkpoint"),
    "a flipped byte": ([flipped, to_two], "is not what was written"),
    "half written": ([lambda root: (root / "two" / "manifest.json").unlink(), to_two], "manifest.json is missing"),
    "a file missing": ([lambda root: (root / "two" / "meta.json").unlink(), to_two], "meta.json is missing"),
    "a later version": ([later, to_two], "written by a later dann"),
    "an unknown architecture": ([unknown, to_two], "is not known"),
}


@pytest.mark.parametrize("how", WRONG)
def test_what_cannot_be_used_changes_nothing_is_logged_once_and_mended_is_taken(
    root: Path, caplog: pytest.LogCaptureFixture, how: str
) -> None:
    kept, (harms, message) = root.with_name("kept"), WRONG[how]
    shutil.copytree(root, kept)

    async def scenario(harness: ReloadHarness) -> None:
        for harm in harms:
            harm(root)
        for _ in range(5):
            await harness.reload.check()
        assert harness.engine.snapshot.id == "one"
        assert await harness.says() == text_of(kept, "one")
        assert message in harness.reload.trouble
        assert (harness.reload.reloads, harness.reload.failures) == (0, 1)
        assert len(caplog.records) == 1
        assert "checkpoint one goes on answering" in caplog.text
        with pytest.raises(DannError):
            await harness.reload.reload()
        for path in (root, root.with_name("elsewhere")):
            shutil.rmtree(path, ignore_errors=True)
        shutil.copytree(kept, root)
        checkpoint.publish(root, "two")
        await harness.reload.check()
        assert await harness.says() == text_of(root, "two")
        assert (harness.reload.reloads, harness.reload.trouble) == (1, "")
        assert harness.lines == ["dann: checkpoint two serves now, instead of one"]

    with caplog.at_level(logging.WARNING, "dann"):
        run_scenario(root, scenario)


def test_it_is_well_again_where_current_names_what_answers(root: Path) -> None:
    async def scenario(harness: ReloadHarness) -> None:
        point(root, "three")
        await harness.reload.check()
        assert harness.reload.trouble
        point(root, "one")
        await harness.reload.check()
        assert (harness.reload.trouble, harness.reload.reloads, harness.lines) == ("", 0, [])

    run_scenario(root, scenario)


def test_what_failed_for_no_reason_of_its_own_is_tried_again_after_a_while(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def no_memory(*_: object) -> None:
        raise MemoryError

    async def scenario(harness: ReloadHarness) -> None:
        checkpoint.publish(root, "two")
        with monkeypatch.context() as patch:
            patch.setattr(checkpoint, "load", no_memory)
            for _ in range(3):
                await harness.reload.check()
            harness.clock.now = module.RETRY_SECONDS
            await harness.reload.check()
        assert harness.reload.failures == 2
        assert "dann's log says why" in harness.reload.trouble
        assert await harness.says() == text_of(root, "one")
        await harness.reload.check()
        assert harness.engine.snapshot.id == "one"
        harness.clock.now = 2 * module.RETRY_SECONDS
        await harness.reload.check()
        assert await harness.says() == text_of(root, "two")

    with caplog.at_level(logging.WARNING, "dann"):
        run_scenario(root, scenario)
    assert caplog.text.count("MemoryError") == 1 + caplog.text.count("raise MemoryError")
    assert len(caplog.records) == 1


def test_watching_goes_on_until_it_is_cancelled(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)

    async def scenario(harness: ReloadHarness) -> None:
        watching = asyncio.create_task(harness.reload.run())
        for harm in WRONG["names nothing"][0] + WRONG["gone"][0]:
            before = harness.reload.failures
            harm(root)
            while harness.reload.failures == before:
                await asyncio.sleep(0.01)
        checkpoint.publish(root, "two")
        while harness.engine.snapshot.id != "two":
            await asyncio.sleep(0.01)
        watching.cancel()
        with pytest.raises(asyncio.CancelledError):
            await watching

    run_scenario(root, scenario)


def test_an_order_and_the_watch_do_not_take_over_twice(root: Path) -> None:
    async def scenario(harness: ReloadHarness) -> None:
        checkpoint.publish(root, "two")
        message, _, _ = await asyncio.gather(harness.reload.reload(), harness.reload.check(), harness.reload.check())
        assert message == "two serves now, instead of one"
        assert harness.reload.reloads == 1
        message, _ = await asyncio.gather(harness.reload.rollback(""), harness.reload.check())
        assert message == "one serves now, instead of two"
        assert checkpoint.current(root) == "one"
        assert await harness.reload.reload() == "one serves already"
        assert harness.reload.reloads == 2

    run_scenario(root, scenario)


def test_a_first_checkpoint_that_is_removed_while_it_is_loaded_is_no_trouble(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another came to serve meanwhile, and this one was let go."""
    whole = checkpoint.load

    def load(where: Path, id_: str) -> checkpoint.Snapshot:
        if id_ == "one":
            checkpoint.publish(root, "two")
            shutil.rmtree(root / "one")
        return whole(where, id_)

    monkeypatch.setattr(checkpoint, "load", load)
    assert asyncio.run(load_first(root, print)).id == "two"


def test_a_first_checkpoint_that_is_damaged_is_said_and_what_served_before_answers(root: Path) -> None:
    checkpoint.publish(root, "two")
    flipped(root)
    told: list[str] = []
    assert asyncio.run(load_first(root, told.append)).id == "one"
    (line,) = told
    assert "two is damaged" in line
    assert line.endswith("; one, which served before, answers until then")


@pytest.mark.parametrize("content", ["three\n", "../one\n", "\udcff\n"])
def test_where_current_is_lost_what_served_last_answers(root: Path, content: str) -> None:
    checkpoint.publish(root, "two")
    (root / "CURRENT").write_bytes(content.encode(errors="surrogateescape"))
    told: list[str] = []
    assert asyncio.run(load_first(root, told.append)).id == "one"
    assert len(told) == 1


def test_where_nothing_can_be_used_what_is_wrong_with_current_is_said(root: Path) -> None:
    checkpoint.publish(root, "two")
    flipped(root)
    (root / "one" / "config.json").unlink()
    with pytest.raises(DannError, match="two is damaged"):
        asyncio.run(load_first(root, print))


def test_what_is_retired_does_not_stand_in(root: Path) -> None:
    checkpoint.publish(root, "two")
    flipped(root)
    retention.retire(root, ["one"])
    with pytest.raises(DannError, match="two is damaged"):
        asyncio.run(load_first(root, print))
