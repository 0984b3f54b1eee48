"""One vocabulary: each public name means one thing, and says it in the field's word (docs/contributing.md, "Words").

When this fails, it names the file and the name. Rename it to the word on the left of the table there; a word that is
right where it stands goes into MEANT, with the reason.
"""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LAYERS = ("model", "training", "bot")


@dataclass(frozen=True)
class Row:
    """A row of the table: what to say instead of these words, and in which folders they are wrong ("": everywhere)."""

    say: str
    words: str
    folders: tuple[str, ...] = ("",)


TABLE = (
    Row("token, token id", "word char", ("model/",)),
    Row("logits", "scores output outputs", ("model/",)),
    Row("carry", "state hidden", ("model/",)),
    Row("embed_dim, hidden_dim", "embd nembd nhid"),
    Row("bptt_length", "seqlen seq blocksize"),
    Row("step, epoch", "iter"),
    Row("loss, perplexity, bits per byte", "cost costs bpc ppl"),
    Row(
        "compute dtype, key, transposed, matmul", "numbers chance turned product products", ("model/", "training/loop/")
    ),
    Row("temperature, top_p, seed", "creativity"),
    Row("log-probabilities", "thought thoughts"),
    Row("prompt, completion", "context", ("model/",)),
    Row("checkpoint, CURRENT, Snapshot", "weights", ("bot/",)),
    Row("export, Post, store", "dump"),
    Row("export, Post, store", "row rows", ("training/store/", "training/posts/")),
    Row("message, mention, reply", "said heard asked"),
    Row("channel, permissions, history", "place places gate recent memory", ("bot/",)),
    Row("candidate, incumbent, train from scratch", "anew"),
    Row("base", "prior"),
    Row("run, baseline, seed", "trial"),
)
MEANT = {
    "bot/config.py:BotConfig.history_places": "a key of config.toml, which people's files have",
    "bot/config.py:ScheduleConfig.memory_mb": "the machine's memory, and a key of config.toml",
    "bot/doctor.py:MIN_MEMORY": "the machine's memory",
    "bot/doctor.py:available_memory": "the machine's memory",
    "bot/process/memory_tuning.py:memory_tuning": "the process's memory",
    "bot/retraining/child.py:ChildLimits.memory_bytes": "the child's memory",
    "bot/web/page/quiz.py:Quiz.asked": "a field of the HTTP API",
    "model/checkpoints/folder.py:Meta.highest_seq": "the store's column, and a key of meta.json",
    "training/data/corpus.py:Corpus.highest_seq": "the store's column",
    "training/data/split.py:UnlearnedPosts.highest_seq": "the store's column",
    "training/store/people.py:Person.lowest_seq": "the store's column",
    "training/store/post.py:Post.seq": "the store's column",
    "training/store/selector.py:SelectedPosts.lowest_seq": "the store's column",
    "model/config.py:ModelConfig.hidden_dim": "the field's own name, and a key of config.toml",
    "model/config.py:ModelConfig.hidden_dropout": "a key of config.toml",
    "model/config.py:SamplingParams.word_min_p": "words of a language, not tokens",
    "model/engine/spelling.py:Spelling.ends_in_word_V": "words of a language, not tokens",
    "model/engine/spelling.py:likely_in_words": "words of a language, not tokens",
    "model/sampling.py:SamplingArrays.word_min_p": "words of a language, not tokens",
    "model/words.py:WORD": "words of a language, not tokens",
    "model/words.py:WordSet": "words of a language, not tokens",
    "model/words.py:is_of_a_word": "words of a language, not tokens",
    "training/store/summary.py:ROWS_PER_FETCH": "rows of a database",
}


@dataclass(frozen=True)
class Name:
    file: str
    line: int
    name: str
    is_class: bool

    def __str__(self) -> str:
        return f"{self.file}:{self.name}"


def public_names(root: Path) -> list[Name]:
    """Modules, classes, functions, constants, methods and fields of the product that begin with no underscore."""
    found = []
    for path in sorted(path for layer in LAYERS for path in (root / layer).rglob("*.py")):
        file = path.relative_to(root).as_posix()
        if not path.stem.startswith("_"):
            found.append(Name(file, 0, path.stem, is_class=False))
        found += names_in(ast.parse(path.read_text(encoding="utf-8")).body, file, "")
    return found


def names_in(body: list[ast.stmt], file: str, owner: str) -> Iterator[Name]:
    for node in body:
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield Name(file, node.lineno, owner + node.name, is_class=True)
            yield from names_in(node.body, file, f"{owner}{node.name}.")
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and not node.name.startswith("_"):
            yield Name(file, node.lineno, owner + node.name, is_class=False)
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            for target in node.targets if isinstance(node, ast.Assign) else [node.target]:
                if isinstance(target, ast.Name) and not target.id.startswith("_"):
                    yield Name(file, node.lineno, owner + target.id, is_class=False)


def words_of(name: str) -> set[str]:
    """`WindowSize` and `window_size` are window and size."""
    last = name.rsplit(".", 1)[-1]
    return {word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", last)}


def twice(names: list[Name]) -> list[str]:
    """Classes that stand in two modules."""
    homes: dict[str, list[str]] = {}
    for name in names:
        if name.is_class and "." not in name.name:
            homes.setdefault(name.name, []).append(name.file)
    return [f"{name} stands in {' and '.join(files)}" for name, files in homes.items() if len(files) > 1]


def outside_the_vocabulary(names: list[Name]) -> list[str]:
    return [
        f"{name} (line {name.line}): say {row.say} instead of {word}"
        for name in names
        if str(name) not in MEANT
        for row in TABLE
        if name.file.startswith(row.folders)
        for word in sorted(words_of(name.name) & set(row.words.split()))
    ]


@pytest.fixture(scope="module")
def names() -> list[Name]:
    return public_names(ROOT)


def test_a_public_class_name_stands_in_one_module(names: list[Name]) -> None:
    assert len(names) > 1000
    assert twice(names) == []


def test_public_names_are_of_the_vocabulary(names: list[Name]) -> None:
    assert outside_the_vocabulary(names) == []


def test_every_exception_is_still_one(names: list[Name]) -> None:
    assert set(MEANT) <= {str(name) for name in names}


SPELLINGS = re.compile(r"\bbits? (?:an?|each) (?:utf-8 )?byte|\bbits?/bytes?\b|\bbpc\b", re.IGNORECASE)
TEXTS = ("*.md", "*.toml", "docs/*.md", "experiments/*", "bot/**/*", "model/**/*", "training/**/*")


def test_bits_per_byte_has_one_spelling() -> None:
    files = {
        path
        for pattern in TEXTS
        for path in ROOT.glob(pattern)
        if path.suffix in {".py", ".md", ".toml", ".js", ".html"}
    }
    assert len(files) > 200
    found = [
        f"{path.relative_to(ROOT)}:{number}: {match[0]!r}"
        for path in sorted(files)
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if (match := SPELLINGS.search(line))
    ]
    assert found == []


IMPORT = re.compile(r"from ((?:bot|model|training|tests)[\w.]*) import ([\w, ]+)")


def module_file(name: str) -> Path | None:
    path = ROOT.joinpath(*name.split("."))
    return next((file for file in (path.with_suffix(".py"), path / "__init__.py") if file.is_file()), None)


def missing_names(code: str) -> list[str]:
    """Names that code imports or takes from an imported module, and that are not there."""
    found = []
    for module, listed in IMPORT.findall(code):
        for name in (part.strip().split(" as ")[0] for part in listed.split(",")):
            if file := module_file(f"{module}.{name}"):
                defined = set(re.findall(r"\w+", file.read_text(encoding="utf-8")))
                found += [f"{name}.{used}" for used in re.findall(rf"\b{name}\.(\w+)", code) if used not in defined]
            elif (file := module_file(module)) is None or name not in re.findall(
                r"\w+", file.read_text(encoding="utf-8")
            ):
                found.append(f"{module}.{name}")
    return found


def test_code_in_strings_names_what_is_there() -> None:
    """A rename does not reach the code that tests run in a process of its own; a process that fails may look like a pass."""
    found, seen = [], 0
    for path in sorted((ROOT / "tests").rglob("*.py")):
        if path.name in {"test_layers.py", "test_quick.py", "test_vocabulary.py"}:
            continue  # they plant modules of their own
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and IMPORT.search(node.value):
                seen += 1
                found += [f"{path.relative_to(ROOT)}:{node.lineno}: {name}" for name in missing_names(node.value)]
    assert seen > 10
    assert found == []
    assert missing_names("from model import config\nconfig.NoSuch") == ["config.NoSuch"]
    assert missing_names("from model.config import NoSuch, ModelConfig") == ["model.config.NoSuch"]


def test_the_walk_sees_a_name_twice_and_a_word_of_the_right_column(tmp_path: Path) -> None:
    for layer in LAYERS:
        (tmp_path / layer).mkdir()
    (tmp_path / "bot" / "a.py").write_text("class Twice:\n    said: str\n\n    def heard_lately(self) -> None: ...\n")
    (tmp_path / "bot" / "b.py").write_text("class Twice: ...\n\n\ndef _said() -> None: ...\n\n\nIS_ASKED = True\n")
    (tmp_path / "training" / "a.py").write_text("MEMORY = 1\n")
    names = public_names(tmp_path)
    assert twice(names) == ["Twice stands in bot/a.py and bot/b.py"]
    assert outside_the_vocabulary(names) == [
        "bot/a.py:Twice.said (line 2): say message, mention, reply instead of said",
        "bot/a.py:Twice.heard_lately (line 4): say message, mention, reply instead of heard",
        "bot/b.py:IS_ASKED (line 7): say message, mention, reply instead of asked",
    ]
