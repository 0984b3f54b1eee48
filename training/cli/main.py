"""`dann posts | train`, and all other commands of `python -m training`."""

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.filesize import decimal

from model.errors import DannError
from training.cli.base import add_base
from training.cli.checkpoints import add_checkpoints
from training.cli.eval import add_eval
from training.cli.experiment import add_experiment
from training.cli.forget import add_forget
from training.cli.import_exports import add_import
from training.cli.inspect import add_inspect
from training.cli.leaving import add_export_data
from training.cli.new import add_new
from training.cli.private import run_channels, run_private
from training.cli.retrain import add_retrain
from training.cli.shared import (
    add_command,
    add_setting,
    interruptible,
    iso,
    print_json,
    print_line,
    print_table,
    root_parser,
    run_command,
)
from training.config.tables import Settings
from training.exports.common.stream_errors import one_line

if TYPE_CHECKING:
    from training.runs.post_run import TrainResult
    from training.store.summary import Summary


def add_commands(commands: Any) -> None:
    """Add training's commands to a parser's subparsers."""
    add_import(commands)
    posts = add_command(commands, "posts", run_posts, "show what the store holds")
    posts.add_argument(
        "--private", action="store_true", help="list what is private in it, masked in part, and where it stands"
    )
    posts.add_argument("--channels", action="store_true", help="list its channels, for privacy.except_channels")
    add_forget(commands)
    add_export_data(commands)
    training = add_command(commands, "train", run_train, "learn from the posts, and put the result in service")
    add_setting(training, "minutes", "train.minutes", "M", "how long")
    add_setting(training, "seed", "train.seed", "S", "random seed")
    training.add_argument("--resume", action="store_true", help="resume the last unfinished run")
    add_retrain(commands)
    add_experiment(commands)
    add_eval(commands)
    add_base(commands)
    add_checkpoints(commands)
    add_inspect(commands)
    add_new(commands)


def main(argv: Sequence[str] | None = None) -> int:
    """Entry point of `python -m training`."""
    parser = root_parser("python -m training", "train without the bot")
    add_commands(parser.add_subparsers(metavar="COMMAND", required=True))
    return run_command(parser, argv, Settings)


def run_posts(args: argparse.Namespace, settings: Settings) -> int:
    """`dann posts`."""
    if args.private and args.channels:
        raise DannError("--private and --channels are two lists; ask for one of them")
    if args.private:
        return run_private(args, settings)
    if args.channels:
        return run_channels(args, settings)
    from training.store.posts import open_store  # noqa: PLC0415

    with open_store(settings.data.store_url) as store:
        summary, choices = store.summary(), store.choices()
    chats = {"only_chats": sorted(choices.only), "except_chats": sorted(choices.excepted)}
    chats = {key: patterns for key, patterns in chats.items() if patterns}
    if args.json:
        times = {"first": iso(summary.first), "last": iso(summary.last)}
        print_json({"posts": summary.mine + summary.context, **asdict(summary), **times, **chats})
    else:
        _print_summary(summary)
        for key, patterns in chats.items():
            option = f"--{key.removesuffix('_chats')}"
            print_line(f"imports {option} {', '.join(map(one_line, patterns))} (`--clear-chats` takes it back)")
    return 0


def _print_summary(summary: "Summary") -> None:
    rows = [("yours", f"{summary.mine:,}"), ("others', as context", f"{summary.context:,}")]
    rows += [(f"from {name}", f"{count:,}") for name, count in sorted(summary.sources.items())]
    rows += [("first", (iso(summary.first) or "-")[:10]), ("last", (iso(summary.last) or "-")[:10])]
    rows += [("text", decimal(summary.bytes))]
    names = {"median": "median length of yours", "p90": "nine in ten are at most", "longest": "longest"}
    rows += [(names[key], f"{length:,} characters") for key, length in summary.lengths.items()]
    print_table(rows)


def run_train(args: argparse.Namespace, settings: Settings) -> int:
    """`dann train`."""
    from training.loop import devices, multihost  # noqa: PLC0415
    from training.posts.learnable import learnable_posts  # noqa: PLC0415

    devices.prepare(settings.train)
    from training.runs.learning import Diverged  # noqa: PLC0415 (JAX takes seconds to import)
    from training.runs.terminal import TrainingConsole  # noqa: PLC0415
    from training.runs.train import resume_last, train  # noqa: PLC0415

    posts = learnable_posts(settings)
    with multihost.join_hosts(settings) as here, interruptible() as stopping:
        console = TrainingConsole(Console(stderr=True, quiet=args.quiet or not multihost.is_first()))
        if args.resume:
            minutes = settings.train.minutes if args.minutes else None
            trained = resume_last(here, posts, console, stopping, minutes)
        else:
            trained = train(here, posts, console, stopping)
    if multihost.is_first():
        _print_result(args, trained)
    if trained.ending == "diverged":
        consequence = f"the best weights before that are saved as {trained.checkpoint}"
        raise Diverged(trained.steps, trained.learning_rate, consequence)
    return 0


def _print_result(args: argparse.Namespace, trained: "TrainResult") -> None:
    score = trained.score
    if args.json:
        scores = {"val_bpb": score.bpb, "val_loss": score.loss, "val_accuracy": score.accuracy}
        figures = {key: getattr(trained, key) for key in ("steps", "seconds", "tokens_per_second", "params")}
        print_json(
            {
                "checkpoint": trained.checkpoint,
                **scores,
                **figures,
                "baselines": {"ppmd": trained.ppmd},
                "listening": trained.listening,
                "base": trained.base,
            }
        )
        return
    heard = "" if trained.listening is None else f"{trained.listening:.2f} of the time (guessing: 0.10)"
    print_table(
        [
            ("checkpoint", trained.checkpoint),
            ("started from", "random weights" if trained.base == "off" else trained.base),
            ("held-out posts", f"{score.bpb:.3f} bits per byte"),
            ("  PPMd on the same", f"{trained.ppmd:.3f} bits per byte"),
            ("  next token right", f"{score.accuracy:.1%}"),
            *([("  finds what it answers, among 10", heard)] if heard else []),
            ("steps", f"{trained.steps:,} in {trained.seconds / 60:.1f} minutes"),
            ("speed", f"{trained.tokens_per_second:,} tokens/s"),
            ("weights", f"{trained.params:,}"),
        ]
    )
    if trained.ending == "stopped":
        print_line("stopped early; `dann train --resume` continues it")
