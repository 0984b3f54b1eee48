"""The README is checked like code: its tree is the tree, its commands are there, its settings exist."""

import re
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def tree() -> set[str]:
    """Every Python file that the README's tree names."""
    folder, found = "", set()
    block = README.split("    config.toml  ")[1].split("\n\n")[0]
    for line in block.splitlines():
        if match := re.match(r" {4}(\w+)/", line):
            folder = match[1]
        elif match := re.match(r" {6}((?:\w+\.py(?:, )?)+)", line):
            found |= {f"{folder}/{name}" for name in match[1].split(", ")}
    return found


def test_the_tree_names_every_file_and_no_other() -> None:
    """If this fails: a file came, went or moved; say in README.md what it is there for."""
    there = {
        f"{folder}/{path.name}"
        for folder in ("model", "training", "bot")
        for path in (ROOT / folder).glob("*.py")
        if not path.name.startswith("__")
    }
    assert tree() == there


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README.replace("make is", "").replace("make and", "")):
        if target in {"demo", "test", "check", "bench", "playground", "clean", "lock"}:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert set(re.findall(r"^ {4}make (\w+)", README, re.MULTILINE)) == {
        "demo",
        "test",
        "check",
        "bench",
        "playground",
        "clean",
        "lock",
    }


@pytest.mark.parametrize(
    "command",
    [
        "import", "posts", "forget", "train", "experiment", "eval", "checkpoints", "rollback", "pin", "rm", "say", "chat",
        "demo", "serve", "doctor", "retrain", "runs",
    ],
)  # fmt: skip
def test_every_command_has_help(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"dann {command}" in capsys.readouterr().out
    assert f"dann {command}" in README or command == "demo"
