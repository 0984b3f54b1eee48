"""The house's plan, kept: model ◄ training ◄ bot, no cycle within a folder, one door for each third-party library.

When this fails, it names the line. Move the import, or the code that needs it, to where the plan has it. A new door is
a decision about the whole house, made here in DOORS.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("model", "training", "bot")
DOORS = {
    "matplotlib": "training/lab/plot.py",
    "optax": "training/loop/optimizer.py",
    "tokenizers": "model/tokenizer.py",
    "sqlalchemy": "training/store/",
    "sklearn": "training/evaluation/style.py",
    "markovify": "training/evaluation/markov.py",
    "discord": "bot/discord_bot/",
    "telegram": "bot/telegram_bot/",
    "apscheduler": "bot/retraining/scheduler.py",
    "regex": "bot/replies/split.py",
    "fastapi": "bot/web/",
    "starlette": "bot/web/",
    "uvicorn": "bot/web/",
    "prometheus_client": "bot/web/",
    "torch": "tests/bench/",
}


@dataclass(frozen=True)
class Import:
    """One imported module, by its full name, and the line that imports it."""

    file: str
    line: int
    module: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: imports {self.module}"


def sources(root: Path) -> list[Path]:
    return sorted(path for layer in LAYERS for path in (root / layer).rglob("*.py"))


def imports(root: Path) -> Iterator[Import]:
    """Every import, those within functions and under TYPE_CHECKING too: they are ties as well."""
    for path in sources(root):
        file = path.relative_to(root).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), file)):
            if isinstance(node, ast.Import):
                yield from (Import(file, node.lineno, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from (Import(file, node.lineno, module) for module in imported_from(root, path, node))


def imported_from(root: Path, path: Path, node: ast.ImportFrom) -> Iterator[str]:
    """`from a import b` is a.b where that is a module, and a otherwise."""
    package = path.relative_to(root).parent.parts
    above = package[: len(package) - node.level + 1] if node.level else ()
    base = ".".join([*above, *([node.module] if node.module else [])])
    for alias in node.names:
        yield f"{base}.{alias.name}" if module_file(root, f"{base}.{alias.name}") else base


def module_file(root: Path, module: str) -> str | None:
    path = Path(*module.split("."))
    for candidate in (path.with_suffix(".py"), path / "__init__.py"):
        if (root / candidate).is_file():
            return candidate.as_posix()
    return None


def wrong_way(root: Path) -> list[str]:
    found = []
    for tie in imports(root):
        here, there = tie.file.split("/")[0], tie.module.split(".")[0]
        if there == "tests" or (there in LAYERS and LAYERS.index(there) > LAYERS.index(here)):
            found.append(f"{tie}, but {here} must not know {there}")
    return found


def other_doors(root: Path) -> list[str]:
    doors = ((tie, DOORS.get(tie.module.split(".")[0])) for tie in imports(root))
    return [f"{tie}, whose one door is {door}" for tie, door in doors if door and not tie.file.startswith(door)]


def cycles(root: Path) -> list[str]:
    """Each import that leads back to where it stands."""
    ties = [(tie, target) for tie in imports(root) if (target := module_file(root, tie.module))]
    next_files: dict[str, set[str]] = {}
    for tie, target in ties:
        next_files.setdefault(tie.file, set()).add(target)
    return [f"{tie}, which leads back here" for tie, target in ties if tie.file in reachable(target, next_files)]


def reachable(start: str, next_files: dict[str, set[str]]) -> set[str]:
    seen, waiting = {start}, [start]
    while waiting:
        new = next_files.get(waiting.pop(), set()) - seen
        seen |= new
        waiting += new
    return seen


def test_the_walk_sees_the_house() -> None:
    seen = {tie.file for tie in imports(ROOT)}
    assert {"training/cli/main.py", "training/store/posts.py", "bot/cli.py"} <= seen
    assert any(tie.module == "sqlalchemy" for tie in imports(ROOT))


def test_imports_point_from_the_bot_to_training_to_the_model() -> None:
    assert wrong_way(ROOT) == []


def test_no_module_imports_itself_in_a_circle() -> None:
    assert cycles(ROOT) == []


def test_every_library_has_one_door() -> None:
    assert other_doors(ROOT) == []


def plant(root: Path, **files: str) -> Path:
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return root


@pytest.mark.parametrize(
    "planted",
    [
        "import training.run",
        "from training import run",
        "def late():\n    import training.run",
        "from bot.cli import main",
    ],
)
def test_the_walk_catches_an_import_that_points_the_wrong_way(tmp_path: Path, planted: str) -> None:
    root = plant(
        tmp_path, model__lstm=f"import math\n{planted}\n", training__run="", bot__cli="from training import run\n"
    )
    (found,) = wrong_way(root)
    assert found.startswith(("model/lstm.py:2: imports ", "model/lstm.py:3: imports "))
    assert "model must not know" in found


@pytest.mark.parametrize(
    "planted", ["from training.a import x", "from training import a", "from . import a", "from .a import x"]
)
def test_the_walk_catches_a_cycle(tmp_path: Path, planted: str) -> None:
    root = plant(
        tmp_path, training__a="import training.b\n", training__b="import training.c\n", training__c=f"\n{planted}\n"
    )
    assert cycles(root) == [
        "training/a.py:1: imports training.b, which leads back here",
        "training/b.py:1: imports training.c, which leads back here",
        "training/c.py:2: imports training.a, which leads back here",
    ]


def test_the_walk_lets_a_plain_chain_be(tmp_path: Path) -> None:
    assert (
        cycles(
            plant(
                tmp_path,
                training__a="import training.b\nimport training.c\n",
                training__b="import training.c\n",
                training__c="",
            )
        )
        == []
    )


@pytest.mark.parametrize("library", DOORS)
def test_the_walk_catches_a_library_through_another_door(tmp_path: Path, library: str) -> None:
    door = DOORS[library] if DOORS[library].endswith(".py") else f"{DOORS[library]}page.py"
    root = plant(tmp_path, **{door.removesuffix(".py").replace("/", "__"): f"import {library}\n"})
    assert other_doors(root) == []
    plant(root, model__sneaky=f"from {library}.deep import thing\n")
    assert other_doors(root) == [f"model/sneaky.py:1: imports {library}.deep, whose one door is {DOORS[library]}"]
