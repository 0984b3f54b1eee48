"""Orders of owners, on real checkpoints in a folder."""

import asyncio
import re
from pathlib import Path

import pytest

from bot.replies.stats import Outcome, ReplyStats
from bot.retraining.report import duration
from bot.retraining.supervisor import RetrainSupervisor
from bot.serving.admin import Admin, _age
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


class AdminHarness:
    def __init__(self, root: Path, retraining: RetrainSupervisor | None = None) -> None:
        self.engine = ScriptedEngine()
        self.engine.snapshot = checkpoint.load(root)
        self.clock = Clock()
        self.reload, self.stats = Reload(self.engine, root, clock=self.clock), ReplyStats()
        self.admin = Admin(self.engine, self.reload, self.clock, retraining, self.stats)

    def run(self, command: str, argument: str = "") -> str:
        return asyncio.run(self.admin.run(command, argument))

    def refused(self, command: str, argument: str = "") -> str:
        with pytest.raises(DannError) as caught:
            self.run(command, argument)
        assert "\n" not in str(caught.value)
        return str(caught.value)


def test_status(root: Path) -> None:
    harness = AdminHarness(root)
    harness.stats.outcomes["discord", Outcome.ANSWERED] = 1200
    harness.stats.outcomes["telegram", Outcome.REMARKED] = 34
    harness.stats.outcomes["telegram", Outcome.BUSY] = 5
    harness.clock.now = 3700
    message = harness.run(" Status ")
    assert re.fullmatch(
        r"checkpoint 2, 2\.346 bits per byte, made \d+ days ago\n"
        r"answering, up 1 h 1 min, 1,234 answered, 0 being drawn, 2 waiting\nmemory [\d,]+ MB",
        message,
    )
    assert int(message.split("memory ")[1].split()[0].replace(",", "")) > 20


def test_pause_and_resume(root: Path) -> None:
    harness = AdminHarness(root)
    assert "paused" in harness.run("pause")
    assert harness.admin.paused
    assert "\npaused, up" in harness.run("status")
    harness.run("resume")
    assert not harness.admin.paused


def test_reload_serves_what_current_names(root: Path) -> None:
    harness = AdminHarness(root)
    assert harness.run("reload") == "2 serves already"
    checkpoint.publish(root, "3")
    assert harness.run("reload") == "3 serves now, instead of 2"
    assert harness.engine.snapshot.id == "3"


def test_rollback_publishes_the_one_before_or_the_one_that_is_named(root: Path) -> None:
    harness = AdminHarness(root)
    assert harness.run("rollback") == "1 serves now, instead of 2"
    assert (harness.engine.snapshot.id, checkpoint.current(root)) == ("1", "1")
    assert harness.refused("rollback") == "there is no checkpoint before the one that serves"
    assert harness.run("rollback", " 3 ") == "3 serves now, instead of 1"
    assert checkpoint.current(root) == "3"


@pytest.mark.parametrize("id_", ["4", "..", "../1", "/etc", ".", "@everyone"])
def test_a_checkpoint_that_is_not_there_is_refused(root: Path, id_: str) -> None:
    harness = AdminHarness(root)
    assert harness.refused("rollback", id_) == "there is no such checkpoint; the newest are 1, 2, 3"
    assert (harness.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_a_damaged_checkpoint_changes_nothing(root: Path) -> None:
    (root / "1" / "weights.safetensors").write_bytes(b"x")
    harness = AdminHarness(root)
    assert "damaged" in harness.refused("rollback")
    assert (harness.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_status_tells_why_what_current_names_does_not_answer(root: Path) -> None:
    harness = AdminHarness(root)
    (root / "CURRENT").write_text("4\n")
    asyncio.run(harness.reload.check())
    assert f"\nnot taken over: {root / '4'}: there is no such checkpoint" in harness.run("status")
    checkpoint.publish(root, "3")
    asyncio.run(harness.reload.check())
    assert "not taken over" not in harness.run("status")
    assert harness.engine.snapshot.id == "3"


def test_what_verifies_but_cannot_be_loaded_is_not_rolled_back_to(root: Path) -> None:
    """It is of an architecture that this dann does not have."""
    config = root / "1" / "config.json"
    config.write_text(config.read_text().replace("lstm", "lost"))
    (root / "1" / "manifest.json").unlink()
    seal(root / "1")
    harness = AdminHarness(root)
    assert "'lost' is not known" in harness.refused("rollback")
    assert (harness.engine.snapshot.id, checkpoint.current(root)) == ("2", "2")


def test_two_orders_at_once_come_one_after_the_other(root: Path) -> None:
    harness = AdminHarness(root)

    async def both() -> list[str]:
        return list(await asyncio.gather(harness.admin.run("rollback", "1"), harness.admin.run("rollback", "3")))

    assert asyncio.run(both()) == ["1 serves now, instead of 2", "3 serves now, instead of 1"]
    assert harness.engine.snapshot.id == checkpoint.current(root) == "3"


class Learning(RetrainSupervisor):
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
    harness = AdminHarness(root, learning)
    assert [harness.run("retrain"), harness.run("retrain", " Force ")] == ["begun", "begun"]
    assert learning.orders == [("by hand", False), ("by hand", True)]
    assert harness.refused("retrain", "harder") == "retrain takes nothing, or force: not 'harder'"
    assert harness.run("status").endswith(" MB\nlast retraining: nothing learned")


def test_where_nothing_learns_the_order_is_refused(root: Path) -> None:
    assert AdminHarness(root).refused("retrain") == "nothing learns here"


def test_an_unknown_order_names_those_there_are(root: Path) -> None:
    assert AdminHarness(root).refused("dance") == (
        "there is no such order; there are status, pause, resume, reload, rollback, retrain"
    )


def test_ages_and_spans() -> None:
    assert [duration(seconds) for seconds in (0, 59, 3599, 3600, 172_799, 172_800)] == [
        "0 min", "0 min", "59 min", "1 h 0 min", "47 h 59 min", "2 days",
    ]  # fmt: skip
    for created in ("yesterday", "2026-01-01T00:00:00", ""):
        assert _age(META.model_copy(update={"created": created})) == "at an unknown time"
