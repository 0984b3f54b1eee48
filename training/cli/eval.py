"""`dann eval`: evaluate a checkpoint on held-out posts."""

import argparse
import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from rich.console import Console

from training.cli.canaries import add_canaries, refuse_without_canaries, run_canaries
from training.cli.shared import add_command, add_setting, print_json, print_line
from training.config.tables import Settings

if TYPE_CHECKING:
    from training.evaluation.evaluate import EvaluationReport


def add_eval(commands: Any) -> None:
    """Add `eval` to a parser's subparsers."""
    about = "measure how well a checkpoint knows your posts, and how much like you it writes"
    parser = add_command(commands, "eval", run_eval, about)
    parser.add_argument("--checkpoint", metavar="ID", help="default: the one that serves")
    add_setting(parser, "seed", "eval.seed", "S", "random seed")
    add_canaries(parser)


def run_eval(args: argparse.Namespace, settings: Settings) -> int:
    """`dann eval`."""
    if args.canaries:
        return run_canaries(args, settings)
    refuse_without_canaries(args)
    from model.checkpoints import checkpoint  # noqa: PLC0415
    from training.evaluation.evaluate import evaluate  # noqa: PLC0415 (scikit-learn takes seconds to import)
    from training.evaluation.table import print_report  # noqa: PLC0415
    from training.posts.learnable import learnable_posts  # noqa: PLC0415

    console = Console(stderr=True, quiet=args.quiet)
    with console.status("loading") as status:

        def progress(stage: str) -> None:
            status.update(stage)
            logging.getLogger("dann.eval").debug(stage)

        snapshot = checkpoint.load(settings.data.checkpoints, args.checkpoint)
        report = evaluate(snapshot, list(learnable_posts(settings)), settings, progress)
    for line in remarks(report):
        print_line(line, console)
    if args.json:
        print_json(report.as_json())
    else:
        print_report(report, Console())
    return 0


def remarks(report: "EvaluationReport") -> Iterator[str]:
    """What to know of the posts that were scored; --json has the figures."""
    if report.may_be_learned:
        then, now = f"{report.posts_when_trained:,} posts of yours then", f"{report.posts:,} now"
        counted = f" (the store held {then}, and holds {now})" if report.posts != report.posts_when_trained else ""
        yield (
            "this checkpoint is of an earlier version and has no record of the posts it held out: some of those held out now "
            f"may have been learned{counted}"
        )
    elif report.learned:
        yield (
            f"{report.learned:,} of the newest tenth of your posts may have been learned by this checkpoint, and are not "
            "scored: older posts were imported since, or newer ones deleted"
        )
