"""`dann import | posts | train | eval`, and the plumbing every command shares. Also `python -m training`.

A command is a function `(args, settings) -> exit code` and an entry in `add_commands`. With --json one object goes to
standard output; everything else, always, to standard error.
"""

import argparse
import json
import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from rich.console import Console
from rich.filesize import decimal
from rich.table import Table

from model.errors import DannError
from training.config import Settings
from training.settings import load_settings

if TYPE_CHECKING:
    from training.importer import Report
    from training.posts import Summary

Command = Callable[[argparse.Namespace, Any], int]
S = TypeVar("S", bound=Settings)
BUG = 70
INTERRUPTED = 130
SKIPPED_SHOWN = 5


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        """Print the line and exit with 2."""
        self.exit(2, f"dann: {message}; see {self.prog} --help\n")


def add_commands(commands: Any) -> None:
    """Add training's commands to a parser's subparsers."""
    reading = add_command(commands, "import", run_import, "read exports of your posts into the store")
    reading.add_argument("paths", metavar="PATH", nargs="+", type=Path, help="a file, folder or zip")
    reading.add_argument("--me", metavar="NAME|ID", help="who you are in the export")
    add_command(commands, "posts", run_posts, "show what the store holds")
    training = add_command(commands, "train", run_train, "learn from the posts and put the result in service")
    training.add_argument("--minutes", metavar="M", help="how long (train.minutes)")
    training.add_argument("--seed", metavar="S", help="where chance begins (train.seed)")
    training.add_argument("--resume", action="store_true", help="go on with the last run that did not finish")
    judging = add_command(commands, "eval", run_eval, "measure how well a checkpoint knows your voice, and how like it")
    judging.add_argument("--checkpoint", metavar="ID", help="instead of the one that serves")


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
    parser.add_argument("--config", metavar="FILE", type=Path, default=unset, help="instead of ./config.toml")
    sets = "more_sets" if nested else "sets"
    parser.add_argument("--set", dest=sets, metavar="table.key=value", action="append", default=[], help="one setting")
    parser.add_argument("-q", "--quiet", action="store_true", default=off, help="say nothing but errors and the result")
    parser.add_argument("-v", "--verbose", action="store_true", default=off, help="log what is done")


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m training`."""
    parser = root_parser("python -m training", "train without the bot")
    add_commands(parser.add_subparsers(metavar="COMMAND", required=True, parser_class=Parser))
    return run_command(parser, argv, Settings)


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
        return int(args.run(args, load_settings(kind, args.config, [*args.sets, *args.more_sets, *_shorthands(args)])))
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


def _shorthands(args: argparse.Namespace) -> Iterator[str]:
    """Options that are another way to write a setting, so that they are checked like one."""
    for option, key in SHORTHANDS.items():
        if getattr(args, option, None) is not None:
            yield f"{key}={getattr(args, option)}"


SHORTHANDS = {
    "minutes": "train.minutes",
    "seed": "train.seed",
}


def terminal(*, quiet: bool = False) -> Console:
    """Where people are told things: standard error."""
    return Console(stderr=True, quiet=quiet)


def print_json(value: dict[str, Any]) -> None:
    """Print the one object of --json."""
    sys.stdout.write(json.dumps(value, ensure_ascii=False) + "\n")
    sys.stdout.flush()  # a reader that has gone shows here, not while Python is shutting down


def run_import(args: argparse.Namespace, settings: Settings) -> int:
    """`dann import`."""
    from training.importer import look_through, store_exports  # noqa: PLC0415
    from training.posts import open_store  # noqa: PLC0415 (SQLAlchemy takes half a second to import)

    told = terminal(quiet=args.quiet)
    with told.status("reading") as status:

        def progress(doing: str, read: int) -> None:
            status.update(f"{doing}, {read:,} messages so far")

        # The store comes second: what is not worth importing makes no data folder.
        exports = look_through(args.paths, args.me or settings.data.me, progress)
        with open_store(settings.data.store_url) as store:
            report = store_exports(store, exports, progress)
    if args.json:
        keys = ("read", "kept", "updated", "duplicates", "mine", "context", "dropped", "formats")
        print_json({key: getattr(report, key) for key in keys})
    else:
        _print_report(report)
    if report.skipped:
        names = ", ".join(report.skipped[:SKIPPED_SHOWN]) + (", ..." if len(report.skipped) > SKIPPED_SHOWN else "")
        line = f"{len(report.skipped):,} not read, none of the formats: {names}"
        told.print(line, style="dim", markup=False, highlight=False, soft_wrap=True)
    return 0


def _print_report(report: "Report") -> None:
    rows = [
        ("read", report.read),
        ("kept", report.kept),
        ("  yours", report.mine),
        ("  others', as context", report.context),
    ]
    rows += [("updated", report.updated), ("already there", report.duplicates), ("left out", report.dropped.total())]
    rows += [(f"  {reason.replace('_', ' ')}", count) for reason, count in report.dropped.most_common()]
    rows += [(f"from {name}", count) for name, count in report.formats.most_common()]
    _print_table([(name, f"{count:,}") for name, count in rows])


def run_posts(args: argparse.Namespace, settings: Settings) -> int:
    """`dann posts`."""
    from training.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        summary = store.summary()
    if args.json:
        print_json(
            {
                "posts": summary.mine + summary.context,
                "mine": summary.mine,
                "context": summary.context,
                "sources": summary.sources,
                "first": _iso(summary.first),
                "last": _iso(summary.last),
                "bytes": summary.bytes,
                "lengths": summary.lengths,
            }
        )
    else:
        _print_summary(summary)
    return 0


def _print_summary(summary: "Summary") -> None:
    rows = [("yours", f"{summary.mine:,}"), ("others', as context", f"{summary.context:,}")]
    rows += [(f"from {name}", f"{count:,}") for name, count in sorted(summary.sources.items())]
    rows += [("first", (_iso(summary.first) or "-")[:10]), ("last", (_iso(summary.last) or "-")[:10])]
    rows += [("text", decimal(summary.bytes))]
    names = {"median": "median length of yours", "p90": "nine in ten are at most", "longest": "longest"}
    rows += [(names[key], f"{length:,} characters") for key, length in summary.lengths.items()]
    _print_table(rows)


def _print_table(rows: Sequence[tuple[str, str]]) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    for name, value in rows:
        table.add_row(name, value)
    Console().print(table)


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def run_train(args: argparse.Namespace, settings: Settings) -> int:
    """`dann train`."""
    from training.posts import open_store  # noqa: PLC0415
    from training.progress import TrainingConsole  # noqa: PLC0415 (JAX takes seconds to import)
    from training.run import resume_last, train  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        posts = list(store.posts())
    with interruptible() as stopping:
        console = TrainingConsole(terminal(quiet=args.quiet))
        if args.resume:
            minutes = settings.train.minutes if args.minutes else None
            trained = resume_last(settings, posts, console, stopping, minutes)
        else:
            trained = train(settings, posts, console, stopping)
    figures = {
        "checkpoint": trained.checkpoint,
        "val_bpb": trained.score.bpb,
        "val_loss": trained.score.loss,
        "val_accuracy": trained.score.accuracy,
        "steps": trained.steps,
        "seconds": trained.seconds,
        "tokens_per_second": trained.tokens_per_second,
        "params": trained.params,
        "baselines": {"ppmd": trained.ppmd},
    }
    if args.json:
        print_json(figures)
    else:
        _print_trained(trained)
    if trained.ending == "diverged":
        raise DannError(
            f"the loss stopped being a finite number after step {trained.steps:,}; the best weights before that were "
            f"kept as {trained.checkpoint}; try a smaller train.learning_rate"
        )
    return 0


def _print_trained(trained: Any) -> None:
    _print_table(
        [
            ("checkpoint", trained.checkpoint),
            ("held-out posts", f"{trained.score.bpb:.3f} bits a byte"),
            ("  PPMd on the same", f"{trained.ppmd:.3f} bits a byte"),
            ("  next token right", f"{trained.score.accuracy:.1%}"),
            ("steps", f"{trained.steps:,} in {trained.seconds / 60:.1f} minutes"),
            ("speed", f"{trained.tokens_per_second:,} tokens/s"),
            ("weights", f"{trained.params:,}"),
        ]
    )
    if trained.ending == "stopped":
        Console().print("stopped early; `dann train --resume` goes on from here", highlight=False)


def run_eval(args: argparse.Namespace, settings: Settings) -> int:
    """`dann eval`."""
    from model import checkpoint  # noqa: PLC0415
    from training.evaluation import evaluate  # noqa: PLC0415 (scikit-learn takes seconds to import)
    from training.posts import open_store  # noqa: PLC0415
    from training.report import print_report  # noqa: PLC0415

    told = terminal(quiet=args.quiet)
    with told.status("loading") as status:

        def progress(doing: str) -> None:
            status.update(doing)
            logging.getLogger("dann.eval").debug(doing)

        snapshot = checkpoint.load(settings.data.checkpoints, args.checkpoint)
        with open_store(settings.data.store_url) as store:
            posts = list(store.posts())
        report = evaluate(snapshot, posts, settings, progress)
    if report.posts != report.posts_then:
        line = (
            f"the store held {report.posts_then:,} posts of yours when this checkpoint learned and holds {report.posts:,} "
            "now: some of what is held out now may have been learned"
        )
        told.print(line, markup=False, highlight=False, soft_wrap=True)
    if args.json:
        print_json(report.as_json())
    else:
        print_report(report, Console())
    return 0


@contextmanager
def interruptible() -> Iterator[Callable[[], bool]]:
    """Yield a question: has Ctrl-C or SIGTERM come? The first asks to finish and save; the second ends at once."""
    asked: list[int] = []

    def note(number: int, _frame: object) -> None:
        asked.append(number)
        signal.signal(number, signal.default_int_handler)
        sys.stderr.write("dann: finishing and saving; once more ends at once\n")

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield lambda: bool(asked)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
