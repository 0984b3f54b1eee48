"""Orders of owners, on real checkpoints in a folder."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.replies.stats import Outcome, ReplyStats
from bot.retraining.report import duration
from bot.serving.admin import Admin, RetrainControl, _age
from bot.serving.reload import Reload
from model.checkpoints import checkpoint
from model.checkpoints.checkpoint import Meta
from model.checkpoints.folder import seal
from model.errors import DannError
from tests.bot.scripted_engine import Clock, ScriptedEngine, snapshot

META = Meta(
    created="2026-01-01T00:00:00+00:00", step=1, seconds=1.0, val_bpb=2.3456, posts=1, newest_post=None, seed=0,
    code_version="0", settings={},
)  # fmt: skip


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three checkpoints, of which the second serves, and the first did before."""
    for id_ in ("1", "2", "3"):
        checkpoint.save(tmp_path, id_, snapshot().model, snapshot().tokenizer, META)
    for id_ in ("1", "2"):
        checkpoint.publish(tmp_path, id_)
    return tmp_path


class Scene:
    def __init__(self, root: Path, retraining: RetrainControl | None = None) -> None:
        self.engine = ScriptedEngine()
        self.engine.snapshot = checkpoint.load(root)
        self.clock = Clock()
        self.reload, self.stats = Reload(self.engine, root, clock=self.clock), ReplyStats()
        self.admin = Admin(self.engine, self.reload, self.clock, retraining, self.stats)

    def order(self, command: str, argument: str = "") -> str:
        return asyncio.run(self.admin.run(command, argument))

    def refused(self, command: str, argument: str = "") -> str:
        with pytest.raises(DannError) as caught:
            self.order(command, argument)
        assert "\n" not in str(caught.value)
        return str(caught.value)


def test_status(root: Path) -> None:
    scene = Scene(root)
    scene.stats.outcomes["discord", Outcome.ANSWERED] = 1200
    scene.stats.outcomes["telegram", Outcome.REMARKED] = 34
    scene.stats.outcomes["telegram", Outcome.BUSY] = 5
    scene.clock.now = 3700
    said = scene.order(" Status ")
    assert re.fullmatch(
        r"checkpoint 2, 2\.346 bits per byte, made \d+ days ago\n"
        r"answering, up 1 h 1 min, 1,234 answered, 0 being drawn, 2 waiting\nmemory [\d,]+ MB",
        said,
    )
    assert int(said.split("memory ")[1].split()[0].replace(",", "")) > 20


def test_pause_and_resume(root: Path) -> None:
    scene = Scene(root)
    assert "paused" in scene.order("pause")
    assert scene.admin.paused
    assert "\npaused, up" in scene.order("status")
    scene.order("resume")
    assert not scene.admin.paused


def test_reload_serves_what_current_names(root: Path) -> None:
    scene = Scene(root)
    assert scene.order("reload") == "2 serves already"
    checkpoint.publish(root, "3")
    assert scene.order("reload") == "3 serves now, instead of 2"
    assert scene.engine.snapshot.id == "3"


def test_rollback_publishes_the_one_before_or_the_one_that_is_named(root: Path) -> None:
    scene = Scene(root)
    assert scene.order("rollback") == "1 serves now, instead of 2"
    assert (scene.engine.snapshot.id, checkpoint.current(root)) == ("1", "1")
    assert scene.refused("rollback") == "there is no checkpoint before the one that serves"
    assert scene.order("rollback", " 3 ") == "3 serves now, instead of 1"
    assert checkpoint.current(root) == "3"


@pytest.mark.parametrize("id_", ["4", "..", "../1", "/etc", ".", "@everyone"])
def test_a_checkpoint_that_is_not_there_is_refused(root: Path, id_: str) -> None:
    scene = Scene(root)
    assert scene.refused("rollback", id_) == "there is no such checkpoint; the newest are 1, 2, 3"
    assert (scene.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_a_damaged_checkpoint_changes_nothing(root: Path) -> None:
    (root / "1" / "weights.safetensors").write_bytes(b"x")
    scene = Scene(root)
    assert "damaged" in scene.refused("rollback")
    assert (scene.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_status_tells_why_what_current_names_does_not_answer(root: Path) -> None:
    scene = Scene(root)
    (root / "CURRENT").write_text("4\n")
    asyncio.run(scene.reload.check())
    assert f"\nnot taken over: {root / '4'}: there is no such checkpoint" in scene.order("status")
    checkpoint.publish(root, "3")
    asyncio.run(scene.reload.check())
    assert "not taken over" not in scene.order("status")
    assert scene.engine.snapshot.id == "3"


def test_what_verifies_but_cannot_be_loaded_is_not_rolled_back_to(root: Path) -> None:
    """It is of an architecture that this dann does not have."""
    config = root / "1" / "config.json"
    config.write_text(config.read_text().replace("lstm", "lost"))
    (root / "1" / "manifest.json").unlink()
    seal(root / "1")
    scene = Scene(root)
    assert "'lost' is not known" in scene.refused("rollback")
    assert (scene.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_two_orders_at_once_come_one_after_the_other(root: Path) -> None:
    scene = Scene(root)

    async def both() -> list[str]:
        return list(await asyncio.gather(scene.admin.run("rollback", "1"), scene.admin.run("rollback", "3")))

    assert asyncio.run(both()) == ["1 serves now, instead of 2", "3 serves now, instead of 1"]
    assert scene.engine.snapshot.id == checkpoint.current(root) == "3"


class Learning:
    """What learns, as it were."""

    def __init__(self) -> None:
        self.orders: list[tuple[str, bool]] = []

    def start(self, why: str, *, force: bool = False) -> str:
        self.orders.append((why, force))
        return "begun"

    def about(self) -> str:
        return "last retraining: nothing learned"


def test_retraining_is_begun_by_hand_and_its_state_is_told(root: Path) -> None:
    learning = Learning()
    scene = Scene(root, learning)
    assert [scene.order("retrain"), scene.order("retrain", " Force ")] == ["begun", "begun"]
    assert learning.orders == [("by hand", False), ("by hand", True)]
    assert scene.refused("retrain", "harder") == "retrain takes nothing, or force: not 'harder'"
    assert scene.order("status").endswith(" MB\nlast retraining: nothing learned")


def test_where_nothing_learns_the_order_is_refused(root: Path) -> None:
    assert Scene(root).refused("retrain") == "nothing learns here"


def test_an_unknown_order_names_those_there_are(root: Path) -> None:
    assert Scene(root).refused("dance") == (
        "there is no such order; there are status, pause, resume, reload, rollback, retrain"
    )


def test_ages_and_spans() -> None:
    assert [duration(seconds) for seconds in (0, 59, 3599, 3600, 172_799, 172_800)] == [
        "0 min", "0 min", "59 min", "1 h 0 min", "47 h 59 min", "2 days",
    ]  # fmt: skip
    for created in ("yesterday", "2026-01-01T00:00:00", ""):
        assert _age(META.model_copy(update={"created": created})) == "at an unknown time"
