"""Shared by all commands: parsers, options, exit codes, output streams. Knows no command.

A command is a function `(args, settings) -> exit code`, added with `add_command`. With --json one object goes to standard
output; everything else goes to standard error.
"""

import argparse
import errno
import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from math import isfinite
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from rich.console import Console
from rich.table import Table

from model.errors import DannError
from training.compilation_cache import use_compilation_cache
from training.config.load import load_settings
from training.config.private import remove_private
from training.config.tables import Settings

Command = Callable[[argparse.Namespace, Any], int]
S = TypeVar("S", bound=Settings)
EXIT_BUG = 70
EXIT_INTERRUPTED = 130
RESEND_SECONDS = 0.05
"""Delay before a dropped Ctrl-C is sent again: longer than the callback that dropped it runs."""


class Parser(argparse.ArgumentParser):
    """An ArgumentParser with one-line errors; subcommands get one of the same class."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with 2."""
        self.exit(2, f"dann: {message}; see {self.prog} --help\n")


def add_command(commands: Any, name: str, run: Command, about: str) -> argparse.ArgumentParser:
    """Add a command with the shared options."""
    parser: argparse.ArgumentParser = commands.add_parser(name, help=about, description=about)
    parser.set_defaults(run=run)
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    add_shared_options(parser, nested=True)
    return parser


def add_shared_options(parser: argparse.ArgumentParser, *, nested: bool = False) -> None:
    """Add the options allowed before and after the command, where they add to those before."""
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
    """Add an option for one setting; see `setting_overrides`."""
    flag = f"--{option.replace('_', '-')}"
    parser.add_argument(flag, dest=option, metavar=metavar, help=f"{about} ({key})")
    parser.set_defaults(setting_of={**(parser.get_default("setting_of") or {}), option: key})


def root_parser(prog: str, about: str) -> Parser:
    """Return the parser that commands are added to."""
    parser = Parser(prog=prog, description=about)
    parser.add_argument("--version", action="version", version=f"dann {version('dann')}")
    add_shared_options(parser)
    return parser


def run_command(parser: Parser, argv: Sequence[str] | None, kind: type[S]) -> int:
    """Parse arguments, load settings and run the command; return its exit code."""
    args = parser.parse_args(argv)
    level = logging.DEBUG if args.verbose else logging.ERROR if args.quiet else logging.WARNING
    logging.basicConfig(format="dann: %(message)s", stream=sys.stderr)
    logging.getLogger("dann").setLevel(level)
    try:
        settings = load_settings(kind, args.config, setting_overrides(args))
        remove_private(settings.data)
        use_compilation_cache(settings.data.dir / "compiled")
        with resend_dropped_interrupts():
            return int(args.run(args, settings))
    except DannError as error:
        sys.stderr.write(f"dann: {error}\n")
        return error.exit_code
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # so that closing stdout does not fail again
        return 1
    except Exception as error:
        if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
            where = f"{error.filename}: " if error.filename else ""
            sys.stderr.write(f"dann: {where}no room left on the disk; free some space and try again\n")
            return 1
        logging.getLogger("dann").exception("this is a bug in dann; please report it with these lines")
        return EXIT_BUG


def setting_overrides(args: argparse.Namespace) -> list[str]:
    """Return each `table.key=value` of the command line, including options of `add_setting`."""
    given = ((key, getattr(args, option)) for option, key in getattr(args, "setting_of", {}).items())
    return [*args.sets, *args.more_sets, *(f"{key}={value}" for key, value in given if value is not None)]


def print_line(line: str, console: Console | None = None, style: str = "") -> None:
    """Print a line exactly as it is, to standard output or another console."""
    (console or Console()).print(line, style=style, markup=False, highlight=False, soft_wrap=True)


def print_json(value: dict[str, Any]) -> None:
    """Print the one object of --json; JSON has no number for what is not finite, so null stands there."""
    sys.stdout.write(json.dumps(_finite(value), ensure_ascii=False, allow_nan=False) + "\n")
    sys.stdout.flush()  # raises BrokenPipeError here, not while Python shuts down


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(part) for key, part in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(part) for part in value]
    return None if isinstance(value, float) and not isfinite(value) else value


def print_table(rows: Sequence[tuple[str, str]]) -> None:
    """Print names and values in two columns to standard output."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def iso(seconds: float | None) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC; None for those of no date, which stores of earlier versions may have."""
    try:
        return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()
    except (ValueError, OverflowError, OSError):
        return None


@contextmanager
def interruptible(then: str = "finishing and saving") -> Iterator[Callable[[], bool]]:
    """Yield a check for Ctrl-C or SIGTERM; the first prints `then`, what comes next, a second ends at once."""
    received: list[int] = []

    def handle(number: int, _frame: object) -> None:
        received.append(number)
        signal.signal(number, signal.default_int_handler)
        line = f"dann: {then}; once more to quit at once\n"
        try:
            sys.stderr.write(line)
        except RuntimeError:  # the signal came while this thread was writing there
            os.write(2, line.encode())

    before = {number: signal.signal(number, handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(received)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def resend_dropped_interrupts() -> Iterator[None]:
    """Send SIGINT again when Python dropped the KeyboardInterrupt of a Ctrl-C.

    Python drops exceptions raised where no code can catch them, such as in a callback of its garbage collector; JAX has one.
    """
    before = sys.unraisablehook
    timers: list[threading.Timer] = []

    def resend(dropped: "sys.UnraisableHookArgs") -> None:
        if issubclass(dropped.exc_type, KeyboardInterrupt):
            timers.append(threading.Timer(RESEND_SECONDS, signal.pthread_kill, (main_thread, signal.SIGINT)))
            timers[-1].start()  # later: an exception raised here would be dropped too
        else:
            before(dropped)

    main_thread = threading.main_thread().ident
    sys.unraisablehook = resend
    try:
        yield
    finally:
        sys.unraisablehook = before
        for timer in timers:
            timer.cancel()
