"""The layers and districts, kept: imports point left only, nothing goes in circles, each third-party library has one door.

When this fails, it names the line and what is allowed. Move the import, or the code that needs it, to where the plan has
it. A new folder or door is a decision about the whole tree, made here in DISTRICTS or DOORS and told in
docs/contributing.md.
"""

import ast
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("model", "training", "bot")
DISTRICTS = {
    "model": "errors config privacy sampling tokenizer words architectures checkpoints base engine",
    "model/architectures": "parts gru lstm lstm_attention rnn mingru minlstm transformer looped halting cells __init__ check",
    "training": "config compilation_cache lock servers run_names demo_persona store exports data posts context_model loop "
    "evaluation runs base lab inspect retrain cli __main__",
    "training/exports": "common discord generic telegram whatsapp x foreign detect",
    "bot": "cron config process replies retraining serving platform web discord_bot telegram_bot platforms chat app doctor "
    "demo cli",
    "bot/web": "http state docs models metrics sampling_request openai page routes checks server",
}
"""What a folder holds, in order: each imports only what stands to its left."""
ALONE = {
    ("bot/web/openai", "bot/web/page"),
    ("bot/discord_bot", "bot/telegram_bot"),
    ("bot/web", "bot/discord_bot"),
    ("bot/web", "bot/telegram_bot"),
    *((f"training/exports/{one}", f"training/exports/{other}")
      for one, other in itertools.combinations(("discord", "generic", "telegram", "whatsapp", "x"), 2)),
}  # fmt: skip
"""Pairs that know nothing of each other, whatever their order."""
MOST_FILES = 18
"""Python files side by side in one folder, tests too: as many as a reader takes in at a glance."""
MOST_LINES = 300
"""Lines of one file of the product; a longer one has a second responsibility."""
DOORS = {
    "matplotlib": "training/lab/plot.py",
    "optax": "training/loop/optimizer",  # optimizer.py and optimizers/
    "phonenumbers": "model/privacy/phone.py",
    "tokenizers": "model/tokenizer.py",
    "filelock": "model/checkpoints/file_lock.py",
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
    "onnxruntime": "tests/bench/",
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


def unknown_rooms(root: Path) -> list[str]:
    """Files and folders that DISTRICTS does not place, and places where nothing stands."""
    found = []
    for folder, order in DISTRICTS.items():
        names = {
            path.stem for path in (root / folder).iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()
        }
        listed = set(order.split())
        names.discard("__init__" if "__init__" not in listed else "")
        found += [f"{folder}/{name} is not in DISTRICTS" for name in sorted(names - listed)]
        found += [f"{folder}/{name} stands in DISTRICTS and nowhere else" for name in sorted(listed - names)]
    return found


def upward(root: Path) -> list[str]:
    """Imports that point right within a folder of DISTRICTS, or between districts that must not know each other."""
    found = []
    for tie in imports(root):
        target = module_file(root, tie.module)
        if target is None:
            continue
        for folder, order in DISTRICTS.items():
            here, there = room(folder, tie.file), room(folder, target)
            places = order.split()
            if here in places and there in places and places.index(here) < places.index(there):
                found.append(f"{tie}, but in {folder}/ {here} stands left of {there}")
        for one, other in ALONE:
            if any(within(tie.file, a) and within(target, b) for a, b in ((one, other), (other, one))):
                found.append(f"{tie}, but {one} and {other} know nothing of each other")
    return found


def room(folder: str, file: str) -> str:
    """The part of `folder` that a file belongs to; "" for a file elsewhere."""
    return Path(file).relative_to(folder).with_suffix("").parts[0] if within(file, folder) else ""


def within(file: str, folder: str) -> bool:
    return file.startswith(f"{folder}/")


def crowded(root: Path) -> list[str]:
    counts: dict[str, int] = {}
    for path in root.rglob("*.py"):
        folder = path.relative_to(root).parent.as_posix()
        if folder.split("/")[0] in (*LAYERS, "tests"):
            counts[folder] = counts.get(folder, 0) + 1
    found = sorted((folder, count) for folder, count in counts.items() if count > MOST_FILES)
    return [f"{folder}/ has {count} Python files; {MOST_FILES} are allowed" for folder, count in found]


def long_files(root: Path) -> list[str]:
    lengths = {path.relative_to(root): len(path.read_text(encoding="utf-8").splitlines()) for path in sources(root)}
    found = {path: count for path, count in lengths.items() if count > MOST_LINES}
    return [f"{path} has {count} lines; {MOST_LINES} are allowed" for path, count in found.items()]


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


def test_every_file_and_folder_has_its_place() -> None:
    assert unknown_rooms(ROOT) == []


def test_imports_within_a_folder_point_to_districts_on_the_left() -> None:
    assert upward(ROOT) == []


def test_no_folder_is_crowded_and_no_file_is_long() -> None:
    assert crowded(ROOT) == []
    assert long_files(ROOT) == []


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


def test_the_walk_catches_an_import_against_the_order(tmp_path: Path) -> None:
    root = plant(tmp_path, model__config="", model__engine__slots="from model import config\n")
    assert upward(root) == []
    plant(root, model__config="\nfrom model.engine import slots\n")
    assert upward(root) == ["model/config.py:2: imports model.engine.slots, but in model/ config stands left of engine"]


def test_the_walk_catches_a_tie_between_strangers(tmp_path: Path) -> None:
    root = plant(tmp_path, bot__discord_bot__run="", bot__telegram_bot__run="import bot.discord_bot.run\n")
    (found,) = upward(root)
    assert found.startswith("bot/telegram_bot/run.py:1: imports bot.discord_bot.run, but ")
    assert found.endswith("bot/discord_bot and bot/telegram_bot know nothing of each other")


def test_the_walk_catches_what_has_no_place(tmp_path: Path) -> None:
    for folder, order in DISTRICTS.items():
        for name in order.split():
            nested = f"{folder}/{name}" in DISTRICTS or name in {"parts", "common"}
            path = tmp_path / folder / (f"{name}/__init__.py" if nested else f"{name}.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("")
    assert unknown_rooms(tmp_path) == []
    (tmp_path / "model" / "misc.py").write_text("")
    (tmp_path / "model" / "errors.py").unlink()
    assert unknown_rooms(tmp_path) == [
        "model/misc is not in DISTRICTS",
        "model/errors stands in DISTRICTS and nowhere else",
    ]


def test_the_walk_catches_a_crowd_and_a_long_file(tmp_path: Path) -> None:
    root = plant(tmp_path, **{f"tests__bot__test_{number}": "" for number in range(MOST_FILES)})
    plant(root, model__long="x = 1\n" * MOST_LINES)
    assert (crowded(root), long_files(root)) == ([], [])
    plant(root, tests__bot__one_more="", model__long="x = 1\n" * (MOST_LINES + 1))
    assert crowded(root) == ["tests/bot/ has 19 Python files; 18 are allowed"]
    assert long_files(root) == ["model/long.py has 301 lines; 300 are allowed"]
