"""Start Python programs by forking a process that has imported their libraries, instead of importing them again each time.

    pytestmark = pytest.mark.usefixtures("forked")

For tests of what a program does once it runs; where its start is what is tested (what is imported when, options of the
interpreter), it is executed. Both give a child of the process that asked, with the arguments, environment, folder, streams,
process group and session that `subprocess.Popen` was given, and with its own exit status; limits, niceness and cores are
those that the helper was started with. What cannot be forked is executed.

The helper never starts JAX, so it has no thread that a fork would lose. It forks twice: its child ends at once, and Linux
gives the grandchild to the nearest ancestor that takes orphans (PR_SET_CHILD_SUBREAPER), which the asking process is for that
moment. A program that may start others, as `dann serve` starts a retraining, gets a helper of its own before it runs.
"""

import ctypes
import gc
import importlib
import inspect
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = str(Path(__file__).parents[1])
LIBRARIES = (
    "bot/app", "bot/discord_bot/run", "bot/telegram_bot/run", "model/engine/engine", "training/cli/main",
    "training/runs/train", "training/retrain/run",
)  # fmt: skip
"""What `dann serve`, `dann train` and `dann retrain` import, with all that these do.

As paths, because `make quick` would take names of modules for what every test uses.
"""
HELPER = "fork-helper"
"""The name of helpers, and of forks before they are the program, in /proc/ID/stat."""
PR_SET_NAME, PR_SET_CHILD_SUBREAPER = 15, 36
"""From Linux's prctl.h."""
DEVICES = "JAX_NUM_CPU_DEVICES"
START = f"import sys; sys.path.insert(0, {ROOT!r}); from tests.forked import help_from; help_from(int(sys.argv[1]))"
PIPES = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
INTERRUPT: list[Any] = []
"""In the helper: what Python does at Ctrl-C, which is nothing where it was started by a shell's `&`."""
FLAGS = {"-P"}
"""Options of the interpreter that a forked program can have."""


@dataclass(frozen=True, slots=True)
class Program:
    """What to run and as what; its three standard streams are sent beside it."""

    flags: Sequence[str]
    kind: str
    """ "-c" or "-m"."""
    name: str
    arguments: Sequence[str]
    environment: dict[str, str]
    folder: str
    session: bool
    group: int
    """-1: the group of the one that asks."""


class Helper:
    """The asking side: a process that forks what it is told to."""

    def __init__(self, asking: socket.socket) -> None:
        self._asking = asking
        self._lock = threading.Lock()
        self._prctl = ctypes.CDLL(None, use_errno=True).prctl

    @classmethod
    @contextmanager
    def start(cls) -> Iterator["Helper"]:
        """Start one with the libraries for the block; it ends too when this process does."""
        asking, asked = socket.socketpair()
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        command = [sys.executable, "-P", "-c", START, str(asked.fileno())]
        with subprocess.Popen(command, env=environment, pass_fds=[asked.fileno()], stdin=subprocess.DEVNULL), asking:
            asked.close()
            yield cls(asking)

    def fork(self, program: Program, streams: Sequence[int]) -> int:
        """Start a program; returns its process id, a child's of this process."""
        with self._lock:
            self._prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
            try:
                request = json.dumps(asdict(program)).encode()
                socket.send_fds(self._asking, [len(request).to_bytes(4, "big")], streams)
                self._asking.sendall(request)
                return int.from_bytes(_read(self._asking, 4), "big")
            finally:
                self._prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)


def _read(connection: socket.socket, count: int) -> bytes:
    got = b""
    while len(got) < count:
        more = connection.recv(count - len(got))
        if not more:
            raise EOFError
        got += more
    return got


def program_of(given: dict[str, Any]) -> Program | None:
    """What `Popen._execute_child` was given, if it can be forked here."""
    words = [os.fsdecode(word) for word in given["args"]] if isinstance(given["args"], (list, tuple)) else []
    flags = []
    while words[1:] and words[1] in FLAGS:
        flags.append(words.pop(1))
    if len(words) < 3 or words[0] != sys.executable or words[1] not in {"-c", "-m"}:
        return None
    if given["preexec_fn"] or given["pass_fds"] or given["shell"] or given["executable"] not in {None, words[0]}:
        return None
    if not (given["gid"] is given["gids"] is given["uid"] is None and given["umask"] < 0 and given["close_fds"]):
        return None
    environment = dict(os.environ if given["env"] is None else given["env"])
    folder = os.fsdecode(given["cwd"] or Path.cwd())
    if not Path(folder).is_dir() or settled(environment) != settled(dict(os.environ)):
        return None
    session, group = given["start_new_session"], given["process_group"]
    return Program(flags, words[1], words[2], words[3:], environment, folder, session, group)


def settled(environment: dict[str, str]) -> dict[str, str]:
    """The variables that Python and JAX read when they are started or imported, which is over where one forks."""
    return {
        name: value
        for name, value in environment.items()
        if name.startswith(("JAX_", "PYTHON")) and name not in {DEVICES, "PYTHONPATH"}
    }


def install(helper: Helper) -> Callable[..., None]:
    """Have `subprocess.Popen`, and with it asyncio, fork what can be forked; returns how it started programs before."""
    executed: Callable[..., None] = subprocess.Popen._execute_child  # type: ignore[attr-defined]
    signature = inspect.signature(executed)

    def execute(self: Any, *arguments: Any) -> None:
        given = signature.bind(self, *arguments).arguments
        program = program_of(given)
        if program is None:
            executed(self, *arguments)
            return
        mine = [given["p2cread"], given["c2pwrite"], given["errwrite"]]
        self.pid = helper.fork(program, [own if own >= 0 else number for number, own in enumerate(mine)])
        self._child_created = True
        self._close_pipe_fds(*(given[name] for name in PIPES))

    subprocess.Popen._execute_child = execute  # type: ignore[attr-defined]
    return executed


@contextmanager
def forking(helper: Helper) -> Iterator[None]:
    """The same, for a while."""
    executed = install(helper)
    try:
        yield
    finally:
        subprocess.Popen._execute_child = executed  # type: ignore[attr-defined]


def help_from(descriptor: int) -> None:
    """Be the helper of the process at the other end, and later, in each fork, the program."""
    asked = socket.socket(fileno=descriptor)
    asked.set_inheritable(False)
    INTERRUPT.append(signal.signal(signal.SIGINT, signal.SIG_IGN))  # Ctrl-C is for whoever asks
    sys.path.remove(ROOT)
    for library in LIBRARIES:
        sys.path.insert(0, ROOT)
        importlib.import_module(library.replace("/", "."))
        sys.path.remove(ROOT)
    ctypes.CDLL(None).prctl(PR_SET_NAME, HELPER.encode())
    gc.collect()
    gc.freeze()  # or the first collection in each fork would copy all of it
    serve(asked)


def serve(asked: socket.socket) -> None:
    """Fork what is asked for; returns where the asking process has ended, and in the fork, when the program has run."""
    while True:
        head, streams, _, _ = socket.recv_fds(asked, 4, 3)
        if not head:
            return
        program = Program(**json.loads(_read(asked, int.from_bytes(head, "big"))))
        if (go := forked(asked)) is None:
            for stream in streams:
                os.close(stream)
            continue
        asked.close()
        become(program, streams, go)
        return


def forked(asked: socket.socket) -> int | None:
    """Fork twice and send the process id; in the fork, return a pipe that ends when its parent is the right one."""
    told, tell = os.pipe()
    wait, go = os.pipe()
    between = os.fork()
    if between == 0:
        program = os.fork()
        if program:
            os.write(tell, program.to_bytes(4, "big"))
            os._exit(0)
        for end in (told, tell, go):
            os.close(end)
        return wait
    process_id = os.read(told, 4)
    os.waitpid(between, 0)  # from now on the asking process is the program's parent
    for end in (told, tell, wait, go):
        os.close(end)
    asked.sendall(process_id)
    return None


def become(program: Program, streams: Sequence[int], wait: int) -> None:
    """Make this process what `exec` would make of it, and run the program to its end."""
    os.read(wait, 1)
    os.close(wait)
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in set(streams) - {0, 1, 2}:
        os.close(stream)
    if program.session:
        os.setsid()
    if program.group >= 0:
        os.setpgid(0, program.group)
    os.chdir(program.folder)
    os.environ.clear()
    os.environ.update(program.environment)
    if "serve" in program.arguments:
        if (helper := own_helper()) is None:
            return
        install(helper)
    ctypes.CDLL(None).prctl(PR_SET_NAME, Path(sys.executable).name.encode())
    signal.signal(signal.SIGINT, *INTERRUPT)
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", encoding="utf-8", errors="backslashreplace", buffering=1, closefd=False)  # noqa: SIM115
    sys.path[:0] = [path for path in program.environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    if not program.flags:
        sys.path.insert(0, "" if program.kind == "-c" else program.folder)
    sys.argv[:] = ["-c", *program.arguments]
    if (jax := sys.modules.get("jax")) is not None:
        jax.config.update(DEVICES.lower(), int(program.environment.get(DEVICES, "-1")))
    if program.kind == "-m":
        runpy._run_module_as_main(program.name)  # type: ignore[attr-defined]
    else:
        exec(compile(program.name, "<string>", "exec"), sys.modules["__main__"].__dict__)


def own_helper() -> Helper | None:
    """Fork a helper for what this program starts; returns None in the helper, when it is needed no more."""
    asking, asked = socket.socketpair()
    if os.fork():
        asked.close()
        return Helper(asking)
    asking.close()
    nothing = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(nothing, number)
    os.close(nothing)
    serve(asked)
    return None
