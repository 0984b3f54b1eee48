"""Import one export of the inbox, here or in a child process within limits. Knows nothing of folders and attempts.

`python -m training.posts.inbox_child` reads a request from standard input, imports, and prints the outcome, each one line of
JSON. It ends when its standard input does: whoever asked is gone. A file may be made to take all memory or time, and the bot
goes on beside it.
"""

import json
import logging
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from model.errors import DannError
from training.config.privacy import PrivacyConfig
from training.config.tables import DataConfig
from training.posts.importer import DEFAULT_PRIVACY
from training.posts.inbox import WAIT_SECONDS, ChildFailedError, ImportOutcome, import_export

MAX_BYTES = 1 << 30
"""Address space of the child. An import of a gigabyte of JSON holds 300 MB."""
LEAST_SECONDS, SECONDS_PER_MB = 300.0, 5.0
"""How long a child may take: the slowest export of 1 MB takes a second on the slowest machine."""
NICENESS = 10
"""Replies come first."""
POLL_SECONDS = 0.2
TAIL_CHARACTERS = 2_000

log = logging.getLogger("dann.inbox")


@dataclass(frozen=True)
class ImportChild:
    """Imports in a child process, with a table [privacy]; limits of 0 mean those of the file's size."""

    privacy: PrivacyConfig = DEFAULT_PRIVACY
    seconds: float = 0.0
    max_bytes: int = MAX_BYTES
    on_start: Callable[[int], None] = lambda _pid: None

    def __call__(self, data: DataConfig, path: Path, progress: Callable[[str, int], None]) -> ImportOutcome:
        """Import an export as `import_export` does. Raises ChildFailedError, and whatever `progress` raises."""
        command = [sys.executable, "-P", "-m", "training.posts.inbox_child"]
        tables = {"data": data.model_dump(mode="json"), "privacy": self.privacy.model_dump(mode="json")}
        request = {**tables, "path": str(path), "max_bytes": self.max_bytes}
        pipe = subprocess.PIPE
        deadline = time.monotonic() + (self.seconds or LEAST_SECONDS + SECONDS_PER_MB * _size(path) / 1e6)
        with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, process_group=0) as process:  # noqa: S603 (this module)
            self.on_start(process.pid)
            if process.stdin is None:
                raise ChildFailedError("it has no standard input")
            outputs = {name: _Reader(getattr(process, name)) for name in ("stdout", "stderr")}
            try:
                with suppress(BrokenPipeError):
                    process.stdin.write(json.dumps(request).encode() + b"\n")
                    process.stdin.flush()
                while process.poll() is None:
                    progress("importing", 0)
                    if time.monotonic() > deadline:
                        raise ChildFailedError("it took too long and was ended")
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(POLL_SECONDS)
            finally:
                process.kill()
                with suppress(OSError):
                    process.stdin.close()
                told, said = (output.text() for output in outputs.values())
        for line in said.splitlines():
            log.warning("%s", line)
        return _outcome(told, process.returncode)


def _outcome(told: str, code: int) -> ImportOutcome:
    try:
        found = json.loads(told)
        problem = found.pop("problem", None)
        outcome = None if problem else ImportOutcome(**found)
    except (ValueError, TypeError, AttributeError):
        reason = "it took too much memory" if code in (-9, -11, 70) else f"it ended with code {code}"
        raise ChildFailedError(reason) from None
    if outcome is None:
        raise DannError(problem)
    return outcome


class _Reader:
    """Reads a pipe in a thread, keeping no more than its end."""

    def __init__(self, pipe: object) -> None:
        self._pipe = pipe
        self._text = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def text(self) -> str:
        self._thread.join(WAIT_SECONDS)
        return self._text.decode("utf-8", "replace")

    def _read(self) -> None:
        while chunk := self._pipe.read1(1 << 16):  # type: ignore[attr-defined]
            self._text = (self._text + chunk)[-(1 << 16) :]


def _size(path: Path) -> int:
    files = path.rglob("*") if path.is_dir() else [path]
    return sum(file.stat().st_size for file in files if file.is_file())


def main() -> int:
    """Read one request, import, and print the outcome."""
    logging.basicConfig(format="%(message)s", stream=sys.stderr, level=logging.WARNING)
    request = json.loads(sys.stdin.buffer.readline())
    threading.Thread(target=_end_with_parent, daemon=True).start()
    with suppress(OSError):
        os.nice(NICENESS)
    with suppress(ValueError, OSError):  # some systems have no such limit
        resource.setrlimit(resource.RLIMIT_AS, (request["max_bytes"], request["max_bytes"]))
    data = DataConfig.model_validate(request["data"])
    privacy = PrivacyConfig.model_validate(request["privacy"])
    try:
        told = asdict(import_export(data, Path(request["path"]), lambda _stage, _read: None, privacy))
    except DannError as error:
        told = {"problem": str(error)}
    except MemoryError:
        return 70
    sys.stdout.write(json.dumps(told) + "\n")
    return 0


def _end_with_parent() -> None:
    sys.stdin.buffer.read()
    os._exit(1)


if __name__ == "__main__":
    sys.exit(main())
