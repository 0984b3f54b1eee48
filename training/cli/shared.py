"""The plumbing every command shares: parsers, shared options, exit codes, and what goes to which stream. Knows no command.

A command is a function `(args, settings) -> exit code`, added with `add_command`. With --json one object goes to standard
output; everything else, always, to standard error.
"""

import argparse
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from rich.console import Console
from rich.table import Table

from model.errors import DannError
from training.compiled import use_compilation_cache
from training.config.load import load_settings
from training.config.tables import Settings

Command = Callable[[argparse.Namespace, Any], int]
S = TypeVar("S", bound=Settings)
BUG = 70
INTERRUPTED = 130
AGAIN_SECONDS = 0.05
"""After which a Ctrl-C that was dropped comes again: longer than what dropped it still takes."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with 2."""
        self.exit(2, f"dann: {message}; see {self.prog} --help\n")


def add_command(commands: Any, name: str, run: Command, about: str) -> argparse.ArgumentParser:
    """Add one command with the options that all have."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_shared_options(parser, nested=True)
    return parser


def add_shared_options(parser: argparse.ArgumentParser, *, nested: bool = False) -> None:
    """Add the options that may stand before or after the command. After it, they keep what stood before."""
    unset: Any = argparse.SUPPRESS if nested else None
    off: Any = argparse.SUPPRESS if nested else False
    parser.add_argument(
        "--config", metavar="FILE", type=Path, default=unset, help="settings file (default: ./config.toml)"
    )
    sets = "more_sets" if nested else "sets"
    parser.add_argument(
        "--set", dest=sets, metavar="table.key=value", action="append", default=[], help="change one setting"
    )
    parser.add_argument("-q", "--quiet", action="store_true", default=off, help="show only errors and the result")
    parser.add_argument("-v", "--verbose", action="store_true", default=off, help="log each step")


def add_setting(parser: argparse.ArgumentParser, option: str, key: str, metavar: str, about: str) -> None:
    """Add an option that is another way to write one setting; see `given_sets`."""
    flag = f"--{option.replace('_', '-')}"
    parser.add_argument(flag, dest=option, metavar=metavar, help=f"{about} ({key})")
    parser.set_defaults(setting_of={**(parser.get_default("setting_of") or {}), option: key})


def root_parser(prog: str, about: str) -> Parser:
    """Make the parser that commands are added to."""
    parser = Parser(prog=prog, description=about)
    parser.add_argument("--version", action="version", version=f"dann {version('dann')}")
    add_shared_options(parser)
    return parser


def run_command(parser: Parser, argv: Sequence[str] | None, kind: type[S]) -> int:
    """Parse, load settings, run; turn every ending into an exit code."""
    args = parser.parse_args(argv)
    level = logging.DEBUG if args.verbose else logging.ERROR if args.quiet else logging.WARNING
    logging.basicConfig(format="dann: %(message)s", stream=sys.stderr)
    logging.getLogger("dann").setLevel(level)
    try:
        settings = load_settings(kind, args.config, given_sets(args))
        use_compilation_cache(settings.data.dir / "compiled")
        with dropped_interrupts_again():
            return int(args.run(args, settings))
    except DannError as error:
        sys.stderr.write(f"dann: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing it does not fail again
        return 1
    except Exception:
        logging.getLogger("dann").exception("this is a bug in dann; please report it with these lines")
        return BUG


def given_sets(args: argparse.Namespace) -> list[str]:
    """Every `table.key=value` of the command line, and the options that are another way to write one."""
    given = ((key, getattr(args, option)) for option, key in getattr(args, "setting_of", {}).items())
    return [*args.sets, *args.more_sets, *(f"{key}={value}" for key, value in given if value is not None)]


def terminal(*, quiet: bool = False) -> Console:
    """Where people are told things: standard error."""
    return Console(stderr=True, quiet=quiet)


def print_json(value: dict[str, Any]) -> None:
    """Print the one object of --json."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()  # a reader that has gone shows here, not while Python is shutting down


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns, to standard output."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


@contextmanager
def interruptible(then: str = "finishing and saving") -> Iterator[Callable[[], bool]]:
    """Yield a question: has Ctrl-C or SIGTERM come? The first asks to do what `then` says; the second ends at once."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, signal.default_int_handler)
        sys.stderr.write(f"dann: {then}; once more ends at once\n")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def dropped_interrupts_again() -> Iterator[None]:
    """Ctrl-C once more where Python dropped its KeyboardInterrupt, so that it ends what runs.

    Python drops what is raised where nobody can catch it, as within a callback of its collector, and JAX has one.
    """
    before = sys.unraisablehook
    again: list[threading.Timer] = []

    def hear(dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            again.append(threading.Timer(AGAIN_SECONDS, signal.pthread_kill, (main_thread, signal.SIGINT)))
            again[-1].start()  # later: what is raised from here would be dropped too
        else:
            before(dropped)

    main_thread = threading.main_thread().ident
    sys.unraisablehook = hear
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in again:
            timer.cancel()
