"""The README is checked like code: its tree is the tree, its commands are there, its settings exist."""

import ast
import re
from pathlib import Path

import pytest

from bot.cli import main

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()


def tree() -> dict[str, str]:
    """Every package that the README's tree names, and what it says of it."""
    block = README.split("    config.toml  ")[1].split("\n\n")[0]
    return dict(re.findall(r"^ {4}((?:model|training|bot)\S*)/ +(.+)$", block, re.MULTILINE))


def test_the_tree_has_every_package_and_the_first_line_of_its_docstring() -> None:
    """If this fails: a folder came, went or moved, or says something else; write its line in README.md."""
    there = {
        path.parent.relative_to(ROOT).as_posix(): (ast.get_docstring(ast.parse(path.read_text())) or "").split("\n")[0]
        for folder in ("model", "training", "bot")
        for path in (ROOT / folder).rglob("__init__.py")
    }
    assert {"model", "training/exports/common", "bot/web/http"} <= set(there)
    assert tree() == there


def test_every_make_target_it_names_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"make (\w+)", README.replace("make is", "").replace("make and", "")):
        if target in {"demo", "quick", "test", "check", "bench", "soak", "playground", "clean", "lock"}:
            assert re.search(rf"^{target}:", makefile, re.MULTILINE)
    assert set(re.findall(r"^ {4}make (\w+)", README, re.MULTILINE)) == {
        "demo",
        "quick",
        "test",
        "check",
        "bench",
        "soak",
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
