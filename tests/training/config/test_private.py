"""Private settings stand in no checkpoint and no run, also not in those of earlier versions, whatever ends the rewriting."""

import contextlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest

from model.checkpoints import checkpoint, rewriting
from model.checkpoints.folder import ids, read_meta, verify
from model.errors import DannError
from tests.model.small_networks import META, snapshot
from tests.training.full_disk import full_disk
from training.config.private import PRIVATE, remove_private, without_private
from training.config.tables import DataConfig, Settings

SECRETS = ("pass-word-of-mine", "sam the owner", "Zoë")
OLD = {"data": {"url": "postgresql://dann:pass-word-of-mine@host/dann", "me": "sam the owner", "except_chats": ["Zoë"],
                "context_turns": 3}, "train": {"seed": 5}}  # fmt: skip


@pytest.fixture
def data(tmp_path: Path) -> DataConfig:
    """A checkpoint and runs as an earlier version wrote them."""
    data = DataConfig(dir=tmp_path)
    held = snapshot()
    meta = META.model_copy(update={"settings": OLD})
    checkpoint.save(data.checkpoints, "a", held.model, held.tokenizer, meta)
    checkpoint.publish(data.checkpoints, "a")
    for run in ("one", "base/mine"):
        (data.runs / run).mkdir(parents=True)
        (data.runs / run / "settings.json").write_text(json.dumps(OLD, indent=2))
    return data


def stored(data: DataConfig) -> str:
    files = (path for path in data.dir.rglob("*") if path.suffix == ".json" and path.name != "tokenizer.json")
    return "".join(path.read_text("utf-8") for path in files)


def test_nothing_private_is_saved() -> None:
    settings = Settings(data=DataConfig.model_validate(OLD["data"]))
    saved = without_private(settings).model_dump_json()
    assert not any(secret in saved for secret in SECRETS)
    assert json.loads(saved)["data"]["context_turns"] == 3
    assert json.loads(saved)["data"].keys() >= PRIVATE.keys(), "who reads an old run finds its keys"


def test_what_an_earlier_version_saved_is_removed_and_all_else_stays(data: DataConfig) -> None:
    before = {path.name: path.stat().st_size for path in (data.checkpoints / "a").iterdir()}
    remove_private(data)
    assert not any(secret in stored(data) for secret in SECRETS)
    meta = read_meta(data.checkpoints / "a")
    assert meta is not None
    assert meta.settings == {**OLD, "data": {"url": "", "me": "", "except_chats": [], "context_turns": 3}}
    verify(data.checkpoints / "a")
    assert {path.name: path.stat().st_size for path in (data.checkpoints / "a").iterdir()} == before
    assert [path.name for path in data.checkpoints.iterdir() if path.name.startswith(".")] == []
    again = {path: path.stat().st_mtime_ns for path in data.dir.rglob("*.json")}
    remove_private(data)
    assert {path: path.stat().st_mtime_ns for path in data.dir.rglob("*.json")} == again


def test_a_damaged_checkpoint_stays_damaged_and_keeps_no_secret(data: DataConfig) -> None:
    for name, harm in (("config.json", b"{}"), ("meta.json", json.dumps({"settings": OLD}).encode())):
        (data.checkpoints / "a" / name).write_bytes(harm)
        remove_private(data)
        with pytest.raises(DannError, match="is damaged"):
            verify(data.checkpoints / "a")
        assert not any(secret in stored(data) for secret in SECRETS)


class Killed(BaseException):
    """Stands for kill -9: nothing handles it."""


def die(*_: object) -> bool:
    raise Killed


def in_two_steps(*_: object) -> bool:
    return False


@pytest.mark.parametrize(
    ("patches", "there"),
    [
        ({"_exchanged": die}, ["a"]),
        ({"flush_folder": die}, ["a"]),
        ({"_exchanged": in_two_steps}, ["a"]),
        ({"_exchanged": in_two_steps, "renamed": die}, []),
    ],
)
def test_killed_at_any_moment_it_is_finished_at_the_next_start(
    data: DataConfig, patches: dict[str, Callable[..., bool]], there: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        for name, patch in patches.items():
            if name == "renamed":  # between the two renames, where folders cannot change places in one step
                rename = Path.rename

                def once(path: Path, target: Path, rename: Callable[[Path, Path], Path] = rename) -> Path:
                    if path.name.startswith(rewriting.REWRITTEN):
                        raise Killed
                    return rename(path, target)

                patched.setattr(Path, "rename", once)
            else:
                patched.setattr(rewriting, name, patch)
        with contextlib.suppress(Killed):
            remove_private(data)
    assert ids(data.checkpoints) == there
    remove_private(data)
    assert ids(data.checkpoints) == ["a"]
    verify(data.checkpoints / "a")
    assert not any(secret in stored(data) for secret in SECRETS)


def test_a_full_disk_leaves_all_as_it_was_and_says_so(data: DataConfig, caplog: pytest.LogCaptureFixture) -> None:
    before = stored(data)
    with full_disk(100):
        remove_private(data)
    assert "private settings of an earlier version stay where they are for now: " in caplog.text
    assert stored(data) == before
    verify(data.checkpoints / "a")
    remove_private(data)
    assert not any(secret in stored(data) for secret in SECRETS)
