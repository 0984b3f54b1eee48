"""`dann new cell`: what it writes, and what it refuses. That its cell keeps the contract: tests/model/architectures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from model.architectures import ARCHITECTURES
from model.architectures.cells import __path__ as cells_path
from model.errors import DannError
from tests.training.full_disk import full_disk
from training.cli import new
from training.cli.main import main
from training.lab.preset import load_preset


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A source tree with nothing in it, which dann takes for its own."""
    for folder in ("tests", new.CELLS, "experiments"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(new, "ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def files(tree: Path) -> list[str]:
    return sorted(path.relative_to(tree).as_posix() for path in (tree / "model").rglob("*") if path.is_file())


def test_it_writes_a_cell_that_is_found_and_its_experiment(
    tree: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "cell", "leaky_2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    cell, experiment = tree / new.CELLS / "leaky_2.py", tree / "experiments" / "leaky_2.toml"
    assert told == {"name": "leaky_2", "class": "Leaky2Cell", "file": str(cell), "experiment": str(experiment)}
    assert files(tree) == ["model/architectures/cells/leaky_2.py"]
    monkeypatch.setattr("model.architectures.cells.__path__", [*cells_path, str(cell.parent)])
    assert ARCHITECTURES["leaky_2"].__name__ == "Leaky2Cell"
    settings = load_preset("leaky_2", None, [])
    assert (settings.model.architecture, settings.train.steps) == ("leaky_2", 1000)


def test_its_experiment_differs_from_the_baseline_in_the_architecture_alone(tree: Path) -> None:
    _, experiment = new.write_cell(tree, "leaky")
    baseline = (Path(__file__).parents[3] / "experiments" / f"{new.BASELINE}.toml").read_text()
    theirs, ours = (text.split("[tokenizer]")[1] for text in (baseline, experiment.read_text()))
    assert ours == theirs.replace('architecture = "lstm"', 'architecture = "leaky"')


def test_what_it_writes_is_told_with_the_commands_that_follow(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["new", "cell", "leaky"]) == 0
    out = capsys.readouterr().out
    assert f"{tree / new.CELLS / 'leaky.py'}: your cell" in out
    assert "dann inspect leaky" in out
    assert f"dann experiment compare leaky {new.BASELINE}" in out


def test_the_cell_is_linted_and_formatted_as_the_tree_is() -> None:
    """With the longest name there may be."""
    name, root = "a" * 40, Path(__file__).parents[3]
    for command in (["check", "--no-cache"], ["format", "--check", "--no-cache"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(root / new.CELLS / f"{name}.py"), "-"],
            input=new.cell_source(name),
            cwd=root,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Leaky", "a cell's name is that of its Python file; use at most 40 small letters"),
        ("2fast", "use at most 40 small letters"),
        ("lambda", "use at most 40 small letters"),
        ("../lstm", "use at most 40 small letters"),
        ("a__b", "use at most 40 small letters"),
        ("", "use at most 40 small letters"),
        ("a" * 41, "use at most 40 small letters"),
        ("gru", "'gru': an architecture of this name is there already; choose another name"),
        ("slstm", "'slstm': an architecture of this name is there already; choose another name"),
    ],
)
def test_a_name_that_will_not_do_is_refused_and_nothing_written(
    tree: Path, capsys: pytest.CaptureFixture[str], name: str, said: str
) -> None:
    assert main(["new", "cell", name]) == 1
    err = capsys.readouterr().err
    assert said in err
    assert err.count("\n") == 1
    assert files(tree) == []
    assert list((tree / "experiments").iterdir()) == []


def test_nothing_is_overwritten(tree: Path) -> None:
    cell, experiment = new.write_cell(tree, "leaky_1")
    cell.write_text(cell.read_text() + "# mine\n")
    with pytest.raises(DannError, match=r"leaky_1\.py: is there already; choose another name, or remove it"):
        new.write_cell(tree, "leaky_1")
    with pytest.raises(DannError, match=r"its class Leaky1Cell is in .*leaky_1\.py already"):
        new.write_cell(tree, "leaky1")
    experiment.rename(experiment.with_name("other.toml"))
    with pytest.raises(DannError, match=r"other\.toml: is there already, and would be the experiment of 'other'"):
        new.write_cell(tree, "other")
    assert cell.read_text().endswith("# mine\n")
    assert files(tree) == ["model/architectures/cells/leaky_1.py"]


def test_a_full_disk_leaves_nothing_and_a_kill_between_its_files_is_made_good(tree: Path) -> None:
    with full_disk(most_bytes=1_000), pytest.raises(DannError, match="no room left to save it"):
        new.write_cell(tree, "leaky")  # there is room for the experiment, and not for the cell
    assert files(tree) == []
    new.write_cell(tree, "leaky")
    assert files(tree) == ["model/architectures/cells/leaky.py"]


def test_without_a_source_tree_one_line_says_so(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tree / "pyproject.toml").unlink()
    assert main(["new", "cell", "leaky"]) == 1
    assert capsys.readouterr().err == (
        f"dann: {tree}: dann is installed here, without its source tree, and a cell needs one; clone the repository and run "
        "`make test` in it, then try again there\n"
    )


def test_a_tree_that_may_not_be_written_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("training.cli.new.os.access", lambda *_: False)
    with pytest.raises(DannError, match="you may not write here; use a source tree of your own"):
        new.source_tree(tree)
