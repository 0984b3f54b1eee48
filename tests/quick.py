"""Check a change within 90 seconds: lint, types, and the tests that the change touches, the nearest first.

Run as `make quick`, or `python -m tests.quick [SINCE]`. Changed is what differs from SINCE, a commit: by default from where
this branch left main; on main itself from the last commit, or by the last commit where nothing differs from it.

A test file is touched by what it imports, by what that imports, and by the modules and files that its strings name (code
for a process of its own, `config.toml`); the two that read the whole tree always are. Nearest first means: changed tests,
tests in the folder that mirrors the changed file's, then by the number of imports between. Tests are started while they are
expected to be done in time, by how long each took the last time; the others are skipped, and counted at the end. `make test`
leaves out nothing.
"""

import ast
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import UNTIL
from tests.test_layers import LAYERS, imported_from, module_file

ROOT = Path(__file__).parents[1]
SECONDS = 85.0
"""From the start to the end of the last test; the rest is for processes that end."""
ALWAYS = ("tests/test_layers.py", "tests/test_readme.py")
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
    def rank(self) -> tuple[int, str]:
        """The nearest first."""
        if len(self.way) == 1:
            return (-1 if self.file in ALWAYS else 0), self.file
        return (1 if self.mirrors else len(self.way)), self.file

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
    ways: dict[str, tuple[str, ...]] = {file: (file,) for file in (*ALWAYS, *sorted(changed))}
    waiting = list(ways)
    for file in waiting:
        for user in sorted(users.get(file, set()) - set(ways)):
            ways[user] = (*ways[file], user)
            waiting.append(user)
    found = [Touched(way) for file, way in ways.items() if file in known and Path(file).name.startswith("test_")]
    return sorted(found, key=lambda one: one.rank)


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


def tell(since: str, changed: list[str], chosen: list[Touched]) -> None:
    """Print which tests were chosen, and why."""
    print(f"{len(changed)} files differ from {since[:12]}; {len(chosen)} test files use them, the nearest first:")
    for one in chosen[:SHOWN]:
        print(f"  {one}")
    if len(chosen) > SHOWN:
        print(f"  and {len(chosen) - SHOWN} more, farther away")
    sys.stdout.flush()


def passes(*command: str) -> bool:
    """Whether a command of this environment ends well."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, check=False).returncode == 0


def main(words: list[str]) -> int:
    """Lint, check types, then test what changed; 0 where all is well."""
    until = time.time() + SECONDS
    since, changed = change(words[0] if words else None)
    chosen = touched(changed, ties(ROOT, [file for file in changed if not file.endswith(".py")]))
    tell(since, changed, chosen)
    if not (passes("ruff", "check", ".") and passes("ruff", "format", "--check", ".") and passes("mypy")):
        return 1
    os.environ[UNTIL] = str(until)
    files = [one.file for one in chosen]
    shape = ("--quiet", "--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder")
    return 0 if not files or passes("pytest", *shape, *files) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
