"""Retention and rollback: where rolling back leads, what is kept or removed, and that a kill leaves nothing half done."""

import fcntl
import json
import logging
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from model.checkpoints import checkpoint, folder, retention
from model.checkpoints.folder import served_before
from model.checkpoints.retention import list_checkpoints, pin, prune, remove, retire, retired, unpin
from model.checkpoints.rollback import RollbackResult, rollback
from model.errors import DannError
from tests.model.small_networks import save

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def one_checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One checkpoint, to copy."""
    root = tmp_path_factory.mktemp("one")
    save(root, "one", publish=False, posts=4)
    return root / "one"


Grow = Callable[..., Path]


@pytest.fixture
def grow(one_checkpoint: Path, tmp_path: Path) -> Grow:
    """Add checkpoints, which serve in turn unless `publish` is False; returns their root."""

    def add(*ids: str, publish: bool = True) -> Path:
        for id_ in ids:
            shutil.copytree(one_checkpoint, tmp_path / id_)
            if publish:
                checkpoint.publish(tmp_path, id_)
        return tmp_path

    return add


def break_(root: Path, id_: str, file: str = "weights.safetensors") -> None:
    (root / id_ / file).write_bytes(b"x")


def refused(action: Callable[[], object]) -> str:
    with pytest.raises(DannError) as caught:
        action()
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_list_says_what_there_is_to_know_of_each(grow: Grow) -> None:
    root = grow("a", "b")
    grow("c", "d", publish=False)
    pin(root, "a")
    retire(root, ["c"])
    break_(root, "d")
    found = {one.id: one for one in list_checkpoints(root, {"c": "it is worse"})}
    assert list(found) == ["a", "b", "c", "d"]
    assert found["a"] == retention.CheckpointInfo(
        id="a", created="2026-01-01T00:00:00+00:00", posts=4, val_bpb=2.3456,
        bytes=sum(file.stat().st_size for file in (root / "a").iterdir()),
        current=False, pinned=True, retired=False, damaged="", refused="",
    )  # fmt: skip
    assert [one.id for one in found.values() if one.current] == ["b"]
    assert [one.id for one in found.values() if one.retired] == ["c"]
    assert found["c"].refused == "it is worse"
    assert "weights.safetensors is not what was written" in found["d"].damaged
    assert [one.id for one in found.values() if one.damaged] == ["d"]


@pytest.mark.parametrize("file", ["meta.json", "manifest.json", "config.json", "tokenizer.json"])
def test_a_list_goes_on_past_what_is_damaged(grow: Grow, file: str) -> None:
    root = grow("a", "b")
    (root / "a" / file).unlink()
    first, second = list_checkpoints(root)
    assert f"{file} is missing" in first.damaged
    assert (first.posts is None) == (file == "meta.json")
    assert not second.damaged


def test_a_list_names_one_of_a_later_version(grow: Grow) -> None:
    root = grow("a")
    (root / "a" / "manifest.json").write_text(json.dumps({"format": 99, "files": {}}))
    assert "written by a later dann" in list_checkpoints(root)[0].damaged


def test_nothing_there_is_an_empty_list(tmp_path: Path) -> None:
    assert list_checkpoints(tmp_path / "nowhere") == []


def test_rolling_back_goes_to_what_served_before_step_by_step(grow: Grow) -> None:
    root = grow("a", "b", "c")
    assert rollback(root) == RollbackResult("b", "c")
    assert rollback(root) == RollbackResult("a", "b")
    assert refused(lambda: rollback(root)) == "there is no checkpoint before the one that serves"
    assert checkpoint.current(root) == "a"


def test_what_was_never_published_is_not_rolled_back_to(grow: Grow) -> None:
    """A candidate that the gate refused lies between two that served."""
    root = grow("a")
    grow("b", publish=False)
    grow("c")
    assert rollback(root) == RollbackResult("a", "c")


def test_what_was_rolled_back_from_is_not_rolled_back_to(grow: Grow) -> None:
    """Its owner did not want it; what served in its place is what served before the next."""
    root = grow("a", "b", "c")
    rollback(root)
    grow("d")
    assert rollback(root) == RollbackResult("b", "d")
    assert rollback(root) == RollbackResult("a", "b")


def test_one_may_be_named_also_a_newer_one(grow: Grow) -> None:
    root = grow("a", "b", "c")
    assert rollback(root, "a") == RollbackResult("a", "c")
    assert rollback(root, "c") == RollbackResult("c", "a")
    assert rollback(root, "c") == RollbackResult("c", "c")
    assert rollback(root) == RollbackResult("a", "c")


def test_without_a_record_every_older_one_has_served(grow: Grow) -> None:
    """As an older dann left the folder."""
    root = grow("a", "b", "c")
    (root / "SERVED").unlink()
    assert served_before(root, checkpoint.current(root)) == ["a", "b"]
    assert rollback(root) == RollbackResult("b", "c")
    assert rollback(root) == RollbackResult("a", "b")


@pytest.mark.parametrize("id_", ["d", "..", "../a", "/etc", ".", "", " ", "a\nb", "@everyone", "SERVED", "x" * 5000])
def test_an_id_that_is_none_is_one_line_and_changes_nothing(grow: Grow, id_: str) -> None:
    root = grow("a", "b")
    actions: list[Callable[[], object]] = [lambda: pin(root, id_), lambda: unpin(root, id_), lambda: remove(root, id_)]
    actions += [lambda: rollback(root, id_)] if id_ else []
    before = held(root)
    for action in actions:
        assert len(refused(action)) < 400
    assert before == held(root)


def held(root: Path) -> dict[Path, bytes]:
    """All files but the lock, which says since when it was last held."""
    return {path: path.read_bytes() for path in root.rglob("*") if path.is_file() and path.name != "LOCK"}


def test_a_damaged_one_is_not_rolled_back_to(grow: Grow) -> None:
    root = grow("a", "b")
    break_(root, "a")
    assert "checkpoint a is damaged: weights.safetensors" in refused(lambda: rollback(root))
    assert checkpoint.current(root) == "b"


@pytest.mark.parametrize("content", [b"\xff\xfe", b"nothing\n", b""])
def test_a_current_that_names_nothing_is_mended_by_naming_one(grow: Grow, content: bytes) -> None:
    root = grow("a", "b")
    (root / "CURRENT").write_bytes(content)
    assert rollback(root, "a").now == "a"
    assert checkpoint.current(root) == "a"


def test_pinned_ones_stay_until_they_are_let_go(grow: Grow) -> None:
    root = grow("a", "b", "c", "d")
    pin(root, "a")
    pin(root, "a")
    assert (root / "PINNED").read_text() == "a\n"
    assert prune(root, keep=2) == ["b"]
    assert refused(lambda: remove(root, "a")) == "a is pinned; `dann pin a --off` lets it go, then remove it"
    unpin(root, "a")
    assert prune(root, keep=2) == ["a"]
    assert checkpoint.ids(root) == ["c", "d"]
    assert "is not pinned" in refused(lambda: unpin(root, "c"))


def test_removing_refuses_what_serves_and_takes_what_is_damaged(grow: Grow) -> None:
    root = grow("a", "b")
    assert refused(lambda: remove(root, "b")).startswith("b serves; let another serve first")
    (root / "a" / "manifest.json").unlink()
    remove(root, "a")
    assert checkpoint.ids(root) == ["b"]
    assert sorted(path.name for path in root.iterdir()) == ["CURRENT", "LOCK", "SERVED", "b"]


@pytest.mark.parametrize("keep", [1, 2, 3, 10])
def test_the_last_that_served_stay(grow: Grow, keep: int) -> None:
    root = grow("a", "b", "c", "d")
    assert prune(root, keep) == ["a", "b", "c", "d"][:-keep]
    assert checkpoint.ids(root) == ["a", "b", "c", "d"][-keep:]


def test_refused_ones_go_with_the_next_publish_and_take_nobodys_place(grow: Grow) -> None:
    root = grow("a", "b")
    grow("c", "d", "e", publish=False)
    grow("f")
    assert prune(root, keep=2) == ["a", "c", "d", "e"]
    assert checkpoint.ids(root) == ["b", "f"]


def test_what_is_newer_than_what_serves_stays(grow: Grow) -> None:
    """Somebody rolled back between the publish and this: what was published is not lost."""
    root = grow("a", "b", "c")
    rollback(root, "a")
    assert prune(root, keep=1) == []
    assert checkpoint.ids(root) == ["a", "b", "c"]


def test_what_served_last_stays_although_a_newer_one_was_rolled_back_from(grow: Grow) -> None:
    root = grow("a", "b", "c")
    rollback(root)
    grow("d")
    assert prune(root, keep=2) == ["a", "c"]
    assert rollback(root) == RollbackResult("b", "d")


def test_retired_ones_go_pinned_or_not_but_never_what_serves(grow: Grow) -> None:
    root = grow("a", "b", "c")
    pin(root, "a")
    assert retire(root, ["a", "c", "gone"]) == ["a", "c"]
    assert (root / "PINNED").read_text() == ""
    assert "it was trained on posts that were forgotten" in refused(lambda: pin(root, "a"))
    assert prune(root, keep=10) == ["a"]
    assert (root / "RETIRED").read_text() == "c\n"
    grow("d")
    assert prune(root, keep=10) == ["c"]
    assert (root / "RETIRED").read_text() == ""
    assert checkpoint.ids(root) == ["b", "d"]


def test_one_that_is_removed_by_hand_no_longer_waits_to_go(grow: Grow) -> None:
    """Or a checkpoint that comes to have its id would go with the next publish."""
    root = grow("a", "b", "c")
    retire(root, ["a", "b"])
    remove(root, "a")
    assert retired(root) == ["b"]


def test_what_is_retired_is_not_rolled_back_to_by_itself(grow: Grow) -> None:
    root = grow("a", "b", "c")
    retire(root, ["b"])
    assert rollback(root) == RollbackResult("a", "c")


@pytest.mark.parametrize("name", ["PINNED", "RETIRED", "SERVED", "CURRENT"])
@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"a\n../b\n", b"a\n\x00\n"])
def test_a_damaged_record_is_one_line_and_nothing_is_removed(
    grow: Grow, caplog: pytest.LogCaptureFixture, name: str, content: bytes
) -> None:
    root = grow("a", "b", "c")
    (root / name).write_bytes(content)
    with caplog.at_level(logging.WARNING):
        assert prune(root, keep=1) == []
    assert len(caplog.records) == 1
    assert checkpoint.ids(root) == ["a", "b", "c"]
    if name in {"PINNED", "RETIRED"}:
        assert name in refused(lambda: list_checkpoints(root))
        assert name in refused(lambda: pin(root, "a"))


@pytest.mark.parametrize("content", [b"\xff\xfe\n", b"../b\n"])
def test_publishing_mends_a_damaged_record_of_what_served(grow: Grow, content: bytes) -> None:
    root = grow("a", "b")
    (root / "SERVED").write_bytes(content)
    grow("c")
    assert served_before(root, checkpoint.current(root)) == ["a", "b"]


@pytest.mark.parametrize("content", [b"", b"gone\n", None])
def test_where_current_names_none_nothing_is_removed(
    grow: Grow, caplog: pytest.LogCaptureFixture, content: bytes | None
) -> None:
    root = grow("a", "b", "c")
    (root / "CURRENT").unlink()
    if content is not None:
        (root / "CURRENT").write_bytes(content)
    assert prune(root, keep=1) == []
    assert "CURRENT names no checkpoint that exists" in caplog.text
    assert checkpoint.ids(root) == ["a", "b", "c"]


def test_what_comes_to_serve_meanwhile_is_not_removed(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rolling back to one that is just about to go: whoever holds the lock first wins, and it serves or is gone."""
    root, original = grow("a", "b", "c", "d"), retention._to_remove
    rolled = subprocess.Popen(
        [sys.executable, "-c", "import sys; from pathlib import Path; from model.checkpoints.rollback import rollback\n"
         "print(1, flush=True); sys.stdin.readline(); rollback(Path(sys.argv[1]), 'a')", str(root)],
        cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert rolled.stdout
    rolled.stdout.readline()

    def to_remove(root: Path, keep: int) -> list[str]:
        found = original(root, keep)
        assert rolled.stdin
        rolled.stdin.write("\n")
        rolled.stdin.flush()
        time.sleep(0.2)  # it waits for the lock by now, or it does not and the test has nothing to say
        return found

    monkeypatch.setattr(retention, "_to_remove", to_remove)
    assert prune(root, keep=1) == ["a", "b", "c"]
    _, stderr = rolled.communicate(timeout=60)
    assert "there is no checkpoint" in stderr or "is damaged" in stderr
    assert checkpoint.current(root) == "d"
    checkpoint.verify(root / "d")


def test_a_lock_that_is_held_is_said_after_a_while(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> None:
    root = grow("a", "b")
    monkeypatch.setattr(folder, "LOCK_WAIT_SECONDS", 0.05)
    with (root / "LOCK").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert "another dann holds it" in refused(lambda: rollback(root))
        assert prune(root, keep=1) == []
    assert rollback(root).now == "a"


def test_what_cannot_be_removed_stays_whole(grow: Grow, monkeypatch: pytest.MonkeyPatch) -> None:
    root = grow("a", "b")

    def no(_self: Path, _target: Path) -> Path:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "rename", no)
    assert "could not be removed (Permission denied)" in refused(lambda: remove(root, "a"))
    checkpoint.verify(root / "a")


PUBLISH_FOREVER = """
import shutil, sys
from pathlib import Path
from model.checkpoints.folder import publish
from model.checkpoints.atomic_files import new_folder
from model.checkpoints.rollback import rollback
from model.checkpoints.retention import pin, prune, retire
root, made, first = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
for number in range(first, 10**6):
    with new_folder(root / f"n{number:06}") as folder:
        for file in made.iterdir():
            shutil.copy(file, folder)
    publish(root, f"n{number:06}")
    if number % 5 == 0:
        pin(root, f"n{number:06}")
    if number % 7 == 0:
        retire(root, [f"n{number - 1:06}"])
    if number % 3 == 0:
        rollback(root)
    prune(root, 2)
    print(number, flush=True)
"""


def test_a_kill_at_any_moment_leaves_only_what_is_whole(one_checkpoint: Path, tmp_path: Path) -> None:
    """And the next process goes on from there; what was half removed is out of sight, and goes with the next save."""
    rng, number = random.Random(5), 0
    for _ in range(8):
        child = subprocess.Popen(
            [sys.executable, "-c", PUBLISH_FOREVER, str(tmp_path), str(one_checkpoint), str(number + 1)],
            cwd=ROOT, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        assert child.stdout
        with child.stdout:
            for _ in range(rng.randrange(1, 9)):
                number = int(child.stdout.readline())
            time.sleep(rng.random() * 0.02)
            child.kill()
            child.wait()
        number = max(int(id_[1:]) for id_ in checkpoint.ids(tmp_path)) + 1
        current = checkpoint.current(tmp_path)
        assert current in checkpoint.ids(tmp_path)
        assert [one.damaged for one in list_checkpoints(tmp_path) if one.damaged] == []
        assert set(served_before(tmp_path, checkpoint.current(tmp_path))) <= set(checkpoint.ids(tmp_path))
    save(tmp_path, "z")
    assert not list(tmp_path.glob(".*"))


def test_only_the_owner_may_read_the_records(grow: Grow) -> None:
    root = grow("a", "b")
    assert (root / "LOCK").stat().st_mode & 0o077 == 0
    assert os.access(root / "SERVED", os.R_OK)
