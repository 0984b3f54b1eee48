"""`make quick` chooses the tests that a change touches, the nearest first, and says why."""

import os
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests import conftest, quick
from tests.test_layers import plant

TREE = {
    "model__engine__slots": "import numpy\n",
    "model__engine__batch": "from model.engine.slots import x\n",
    "bot__app": "from model.engine import batch\n",
    "bot__idle": "TEXT = 'config.toml'\n",
    "tests__conftest": "",
    "tests__model__engine__test_slots": "from model.engine import slots\n",
    "tests__model__engine__test_batch": "from model.engine.batch import x\n",
    "tests__bot__harness": "MAIN = 'from bot.app import main; main()'\n",
    "tests__bot__test_app": "from tests.bot.harness import MAIN\n",
    "tests__bot__test_idle": "import bot.idle\n",
    "tests__test_layers": "",
    "tests__test_docs": "",
}


def chosen(root: Path, *changed: str, others: tuple[str, ...] = ()) -> list[str]:
    """What would run, but for what always does, each with the reason."""
    found = [str(one) for one in quick.touched(changed, quick.ties(root, others))]
    always = [f"{file}: reads the whole tree" for file in quick.ALWAYS]
    assert found[: len(always)] == always
    return found[len(always) :]


def test_what_mirrors_a_change_comes_first_and_then_what_is_nearest(tmp_path: Path) -> None:
    assert chosen(plant(tmp_path, **TREE), "model/engine/slots.py") == [
        "tests/model/engine/test_slots.py: uses model/engine/slots.py",
        "tests/model/engine/test_batch.py: uses model/engine/slots.py through model/engine/batch.py",
        "tests/bot/test_app.py: uses model/engine/slots.py through tests/bot/harness.py, bot/app.py, model/engine/batch.py",
    ]


def test_what_a_change_cannot_reach_is_left_out(tmp_path: Path) -> None:
    root = plant(tmp_path, **TREE)
    assert chosen(root, "bot/idle.py") == ["tests/bot/test_idle.py: uses bot/idle.py"]
    assert chosen(root, "docs/using.md") == []


def test_files_that_are_not_python_are_followed_by_their_names(tmp_path: Path) -> None:
    found = chosen(plant(tmp_path, **TREE), "config.toml", others=("config.toml",))
    assert found == ["tests/bot/test_idle.py: uses config.toml through bot/idle.py"]


def test_a_changed_test_runs_and_a_conftest_reaches_all_below(tmp_path: Path) -> None:
    root = plant(tmp_path, **TREE)
    assert chosen(root, "tests/bot/test_idle.py") == ["tests/bot/test_idle.py: changed"]
    assert len(chosen(root, "tests/conftest.py")) == 4


def test_in_this_tree_a_change_reaches_the_tests_of_its_district_first() -> None:
    found = quick.touched(["bot/replies/split.py"], quick.ties(quick.ROOT))
    assert found[len(quick.ALWAYS)].file == "tests/bot/replies/test_split.py"
    assert "tests/bot/test_app.py" in {one.file for one in found}  # by the code of a process, which is a string
    assert "tests/model/test_sampling.py" not in {one.file for one in found}


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One with a commit on main, which quick takes for this tree."""
    if not shutil.which("git"):
        pytest.skip("needs git")
    monkeypatch.setattr(quick, "ROOT", tmp_path)
    (tmp_path / "old.py").write_text("")
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path)
    return tmp_path


def git(folder: Path, *words: str) -> None:
    own = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_SYSTEM": os.devnull}
    who = ("-c", "user.name=someone", "-c", "user.email=someone@example.org")
    subprocess.run(["git", *who, *words], cwd=folder, env={**os.environ, **own}, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=change")


def test_a_branch_is_compared_with_where_it_left_main(repository: Path) -> None:
    git(repository, "switch", "--quiet", "--create=branch")
    (repository / "committed.py").write_text("")
    commit(repository)
    (repository / "old.py").rename(repository / "moved.py")
    (repository / "unknown.py").write_text("")
    _, found = quick.change(None)
    assert found == ["committed.py", "moved.py", "old.py", "unknown.py"]


def test_main_is_compared_with_its_last_commit_or_the_one_before(repository: Path) -> None:
    (repository / "second.py").write_text("")
    commit(repository)
    assert quick.change(None) == ("HEAD~1", ["second.py"])
    (repository / "third.py").write_text("")
    assert quick.change(None)[1] == ["third.py"]
    assert quick.change("HEAD~1") == ("HEAD~1", ["second.py", "third.py"])


def test_lint_that_fails_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []

    def fails(*command: str) -> bool:
        ran.append(command)
        return False

    monkeypatch.setattr(quick, "passes", fails)
    assert quick.main(["HEAD"]) == 1
    assert ran == [("ruff", "check", ".")]


def test_the_nearest_are_run_as_many_as_are_done_in_time(tmp_path: Path) -> None:
    chosen = quick.touched(["model/engine/slots.py"], quick.ties(plant(tmp_path, **TREE)))[len(quick.ALWAYS) :]
    batch, slots, app = (one.file for one in chosen)
    took = {batch: 50.0, slots: 60.0, app: 10.0}
    assert [one.file for one in quick.planned(chosen, took, 110.0)] == [batch, slots]
    assert [one.file for one in quick.planned(chosen, took, 70.0)] == [batch, app]


def test_a_file_takes_as_long_as_its_tests_took_but_for_the_longest() -> None:
    known = {"tests/test_quick.py::one": 1.5, "tests/test_quick.py::two[x]": 2.0, "tests/test_quick.py::three": 10.5}
    found = quick.file_seconds(["tests/test_quick.py", "tests/test_layers.py", "tests/gone.py"], known)
    assert found["tests/test_quick.py"] == 3.5
    assert 0 < found["tests/test_layers.py"] < 60
    assert found["tests/gone.py"] == 0


def items(*names: str) -> Any:
    return [SimpleNamespace(path=Path(name[0]), nodeid=name, get_closest_marker=lambda _: None) for name in names]


def test_long_tests_are_left_out_of_a_quick_run(monkeypatch: pytest.MonkeyPatch) -> None:
    left_out: list[Any] = []

    def deselected(items: list[Any]) -> None:
        left_out.extend(items)

    config: Any = SimpleNamespace(hook=SimpleNamespace(pytest_deselected=deselected))
    monkeypatch.setattr(conftest, "known_seconds", lambda _: {"b::1": 1.0, "a::1": 5.0, "a::2": 5.1})
    monkeypatch.setenv(conftest.LONGEST, "5")
    given = items("b::1", "a::1", "a::2")
    conftest.pytest_collection_modifyitems(config, given)
    assert [item.nodeid for item in given] == ["b::1", "a::1"]
    assert [item.nodeid for item in left_out] == ["a::2"]


def test_the_longest_files_come_first_and_keep_their_order(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(conftest.LONGEST, raising=False)
    monkeypatch.setattr(conftest, "known_seconds", lambda _: {"a::1": 1.0, "b::1": 0.1, "b::2": 5.0})
    given = items("a::1", "b::1", "b::2")
    conftest.pytest_collection_modifyitems(request.config, given)
    assert [item.nodeid for item in given] == ["b::1", "b::2", "a::1"]
