"""Check a change within 90 seconds: lint, types, and the tests that the change touches, the nearest first.

Run as `make quick`, or `python -m tests.quick [SINCE]`. Changed is what differs from SINCE, a commit: by default from where
this branch left main; on main itself from the last commit, or by the last commit where nothing differs from it.

A test file is touched by what it imports, by what that imports, and by the modules and files that its strings name (code
for a process of its own, `config.toml`); the two that read the whole tree always are. Nearest first means: changed tests,
tests in the folder that mirrors the changed file's, then by the number of imports between. Of these are run, by how long
each took the last time, as many as are done in time, and no test that takes ten seconds; what is left out is counted.
`make test` leaves out nothing.
"""

import ast
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import LONGEST, OTHER_SECONDS, SECONDS
from tests.test_layers import LAYERS, imported_from, module_file

ROOT = Path(__file__).parents[1]
TEST_SECONDS = 30.0
"""For tests, on each core; as many are for lint, types and what all tests import."""
LONGEST_SECONDS = 10.0
TIMES = ROOT / ".pytest_cache" / "v" / SECONDS
"""Where pytest keeps what tests/conftest.py noted."""
ALWAYS = ("tests/test_docs.py", "tests/test_layers.py")
"""They read the tree instead of importing it."""
SHOWN = 25
MODULE = re.compile(rf"\b(?:{'|'.join((*LAYERS, 'tests'))})(?:\.\w+)+")

Ties = dict[str, set[str]]


@dataclass(frozen=True)
class Touched:
    """A test file and the way by which a change reaches it: from the changed file to itself."""

    way: tuple[str, ...]

    @property
    def file(self) -> str:
        """The test file."""
        return self.way[-1]

    @property
    def mirrors(self) -> bool:
        """Whether it stands where tests of the changed file belong."""
        folder = Path(self.way[0]).parent
        return Path(self.file).parent == (folder if folder.parts[:1] == ("tests",) else "tests" / folder)

    @property
    def rank(self) -> tuple[int, int, str]:
        """The nearest first."""
        if len(self.way) == 1:
            return (-1 if self.file in ALWAYS else 0), 0, self.file
        return (1 if self.mirrors else 2), len(self.way), self.file

    def __str__(self) -> str:
        if len(self.way) == 1:
            return f"{self.file}: reads the whole tree" if self.file in ALWAYS else f"{self.file}: changed"
        through = f" through {', '.join(reversed(self.way[1:-1]))}" if len(self.way) > 2 else ""
        return f"{self.file}: uses {self.way[0]}{through}"


def python_files(root: Path) -> list[Path]:
    """Every Python file of the product and of the tests."""
    return sorted(path for folder in (*LAYERS, "tests") for path in (root / folder).rglob("*.py"))


def ties(root: Path, others: Iterable[str] = ()) -> Ties:
    """What each file uses: modules it imports or names in strings, conftest files above it, and `others` it names."""
    by_name: dict[str, set[str]] = {}
    for other in others:
        for name in {Path(other).name, Path(other).parent.name} - {""}:
            by_name.setdefault(name, set()).add(other)
    return {path.relative_to(root).as_posix(): set(uses(root, path, by_name)) for path in python_files(root)}


def uses(root: Path, path: Path, by_name: Ties) -> Iterator[str]:
    """The files that one uses directly."""
    folder = path.relative_to(root).parent
    yield from (found for above in (folder, *folder.parents) if (found := (above / "conftest.py").as_posix()) and
                (root / found).is_file() and root / found != path)  # fmt: skip
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        for module in modules(root, path, node):
            parts = module.split(".")
            packages = (module_file(root, ".".join(parts[: end + 1])) for end in range(len(parts)))
            yield from (file for file in packages if file)
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            for word in re.findall(r"[\w.-]+", node.value) if by_name else ():
                yield from by_name.get(word, ())


def modules(root: Path, path: Path, node: ast.AST) -> Iterator[str]:
    """The modules that a node names, of the product, the tests or elsewhere."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names)
    elif isinstance(node, ast.ImportFrom):
        yield from imported_from(root, path, node)
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield from MODULE.findall(node.value)


def touched(changed: Iterable[str], known: Ties) -> list[Touched]:
    """The test files that use a changed file, nearest first, each by a shortest way."""
    users: Ties = {}
    for user, used in known.items():
        for file in used:
            users.setdefault(file, set()).add(user)
    ways: dict[str, tuple[str, ...]] = {file: (file,) for file in sorted(changed)}
    waiting = list(ways)
    for file in waiting:
        for user in sorted(users.get(file, set()) - set(ways)):
            ways[user] = (*ways[file], user)
            waiting.append(user)
    ways |= {file: (file,) for file in ALWAYS}
    found = [Touched(way) for file, way in ways.items() if file in known and Path(file).name.startswith("test_")]
    return sorted(found, key=lambda one: one.rank)


def planned(chosen: Iterable[Touched], seconds: dict[str, float], limit: float) -> list[Touched]:
    """The nearest that take no longer than the limit; where one would, smaller ones behind it may still come."""
    found, left = [], limit
    for one in chosen:
        needed = seconds.get(one.file, 0.0)
        if needed <= left:
            found.append(one)
            left -= needed
    return found


def file_seconds(files: Iterable[str], known: dict[str, float]) -> dict[str, float]:
    """How long each file takes: its tests but for the longest ones, and a guess where nothing is known."""
    took: dict[str, float] = {}
    for name, seconds in known.items():
        if seconds <= LONGEST_SECONDS:
            file = name.partition("::")[0]
            took[file] = took.get(file, 0.0) + seconds
    return {file: took[file] if file in took else guessed(ROOT / file) for file in files}


def guessed(file: Path) -> float:
    """By the number of tests."""
    return file.read_text(encoding="utf-8").count("def test_") * OTHER_SECONDS if file.exists() else 0.0


def git(*words: str) -> str:
    """What git says; "" where it refuses."""
    found = shutil.which("git") or "git"
    return subprocess.run([found, *words], cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()


def differing(commit: str) -> list[str]:
    """Files that differ from a commit, and those git does not know yet."""
    return sorted({*git("diff", "--name-only", "--no-renames", commit).splitlines(),
                   *git("ls-files", "--others", "--exclude-standard").splitlines()})  # fmt: skip


def change(since: str | None) -> tuple[str, list[str]]:
    """The commit to compare with, and the files that differ from it."""
    if since:
        return since, differing(since)
    head = git("rev-parse", "HEAD")
    left = next((base for name in ("origin/main", "main") if (base := git("merge-base", "HEAD", name))), head)
    return (left, found) if (found := differing(left)) else ("HEAD~1", differing("HEAD~1"))


def tell(since: str, changed: list[str], chosen: list[Touched], run: list[Touched]) -> None:
    """Print which tests were chosen, and why."""
    print(f"{len(changed)} files differ from {since[:12]}; {len(chosen)} test files use them. The nearest are run:")
    for one in run[:SHOWN]:
        print(f"  {one}")
    if len(run) > SHOWN:
        print(f"  and {len(run) - SHOWN} more, farther away")
    print(
        f"{len(chosen) - len(run)} files are left to `make test`, and tests of over {LONGEST_SECONDS:.0f} seconds",
        flush=True,
    )


def passes(*command: str, fine: tuple[int, ...] = (0,)) -> bool:
    """Whether a command of this environment ends well."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode in fine


def main(words: list[str]) -> int:
    """Lint, check types, then test what changed; 0 where all is well."""
    since, changed = change(words[0] if words else None)
    chosen = touched(changed, ties(ROOT, [file for file in changed if not file.endswith(".py")]))
    known = json.loads(TIMES.read_text()) if TIMES.exists() else {}
    run = planned(chosen, file_seconds([one.file for one in chosen], known), TEST_SECONDS * (os.cpu_count() or 1))
    tell(since, changed, chosen, run)
    if not (passes("ruff", "check", ".") and passes("ruff", "format", "--check", ".") and passes("mypy")):
        return 1
    os.environ[LONGEST] = str(LONGEST_SECONDS)
    shape = ("--quiet", "--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder")
    no_test_left = 5
    return 0 if passes("pytest", *shape, *(one.file for one in run), fine=(0, no_test_left)) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
