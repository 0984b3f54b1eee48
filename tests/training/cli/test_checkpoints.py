"""`dann checkpoints | rollback | pin | rm` at the command line."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from model.checkpoints import checkpoint
from tests.model.small_networks import save
from training.cli.main import main
from training.store.runs import open_runs

ROOT = Path(__file__).parents[3]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default data folder with three checkpoints that served in turn."""
    monkeypatch.chdir(tmp_path)
    save(tmp_path / "data" / "checkpoints", "a", "b", "c", posts=4)
    return tmp_path / "data" / "checkpoints"


def run_dann(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> str:
    assert main(arguments) == code
    out, err = capsys.readouterr()
    assert (out == "", err.count("\n")) == ((False, 0) if code == 0 else (True, 1))
    return out or err


def test_the_list_is_a_line_each(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    (root / "a" / "config.json").unlink()
    main(["pin", "b"])
    capsys.readouterr()
    lines = run_dann(capsys, "checkpoints").splitlines()
    assert lines[0].split() == ["checkpoint", "made", "posts", "bits", "per", "byte", "size"]
    assert lines[1].startswith("a  ")
    assert "config.json is missing" in " ".join(lines[1:-2])
    assert lines[-2].split()[:5] == ["b", "2026-01-01", "00:00", "4", "2.346"]
    assert lines[-2].rstrip().endswith("pinned")
    assert lines[-1].rstrip().endswith("serves")


def test_the_list_as_json(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = json.loads(run_dann(capsys, "checkpoints", "--json"))["checkpoints"]
    assert [checkpoint["id"] for checkpoint in found] == ["a", "b", "c"]
    assert found[2] == {
        "id": "c", "created": "2026-01-01T00:00:00+00:00", "posts": 4, "val_bpb": 2.3456,
        "bytes": sum(file.stat().st_size for file in (root / "c").iterdir()), "current": True, "pinned": False,
        "retired": False, "withdrawn": False, "damaged": "", "refused": "",
    }  # fmt: skip


def test_the_list_says_why_a_candidate_was_refused(
    root: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    store = root.parent / "posts.db"
    with open_runs(f"sqlite:///{store}") as runs:
        runs.finish(runs.begin("by hand"), "refused", "it is worse", 1.0, candidate="b")
        runs.finish(runs.begin("by hand"), "failed", "stopped", 1.0, candidate="c")
    assert run_dann(capsys, "checkpoints").splitlines()[-2].rstrip().endswith("refused: it is worse")
    found = json.loads(run_dann(capsys, "checkpoints", "--json"))["checkpoints"]
    assert [checkpoint["refused"] for checkpoint in found] == ["", "it is worse", ""]
    store.write_bytes(b"something else " * 1000)
    assert main(["checkpoints", "--json"]) == 0
    out, err = capsys.readouterr()
    assert [checkpoint["id"] for checkpoint in json.loads(out)["checkpoints"]] == ["a", "b", "c"]
    assert err.startswith("the reasons for refusals are not known: ")
    assert "not a database" in err


def test_before_the_first_there_is_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert "dann train" in run_dann(capsys, "checkpoints")
    assert json.loads(run_dann(capsys, "checkpoints", "--json")) == {"checkpoints": []}
    assert run_dann(capsys, "rollback", code=1) == "dann: there is no checkpoint before the one that serves\n"
    for arguments in (["pin", "a"], ["rm", "a"], ["rollback", "a"]):
        assert run_dann(capsys, *arguments, code=1) == "dann: there is no such checkpoint; the newest are none\n"
    assert not list(tmp_path.rglob("LOCK"))
    assert not list(tmp_path.rglob("posts.db"))


def test_rolling_back(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_dann(capsys, "rollback") == "b serves now, instead of c\n"
    assert json.loads(run_dann(capsys, "rollback", "a", "--json")) == {"current": "a", "before": "b"}
    assert run_dann(capsys, "rollback", "a") == "a serves already\n"
    assert checkpoint.current(root) == "a"
    (root / "c" / "weights.safetensors").write_bytes(b"")
    assert "checkpoint c is damaged" in run_dann(capsys, "rollback", "c", code=1)
    assert checkpoint.current(root) == "a"


def test_pinning_and_removing(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_dann(capsys, "pin", "a") == "a is pinned: it stays, however old it is\n"
    assert "a is pinned" in run_dann(capsys, "rm", "a", code=1)
    assert run_dann(capsys, "pin", "a", "--off") == "a is no longer pinned\n"
    assert json.loads(run_dann(capsys, "rm", "a", "--json")) == {"removed": "a"}
    assert "c serves; let another" in run_dann(capsys, "rm", "c", code=1)
    assert checkpoint.ids(root) == ["b", "c"]


def test_they_start_without_jax(root: Path) -> None:
    """Rolling back is for when something is wrong: it must not take seconds."""
    script = (
        "import sys; from training.cli.main import main\n"
        "for words in (['checkpoints'], ['pin', 'a'], ['rollback'], ['rm', 'c']): assert main(words) == 0\n"
        "assert 'jax' not in sys.modules and 'sqlalchemy' not in sys.modules"
    )
    cwd = root.parents[1]
    subprocess.run([sys.executable, "-c", script], check=True, cwd=cwd, env={"PYTHONPATH": str(ROOT)}, timeout=120)
