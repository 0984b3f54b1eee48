"""`dann base train | list | info | eval`."""

import argparse
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console

from model.errors import DannError
from training.cli.shared import (
    add_command,
    add_setting,
    interruptible,
    print_json,
    print_line,
    print_table,
    setting_overrides,
)
from training.config.load import load_settings
from training.config.tables import Settings
from training.run_names import unused_name

TEXT_HELP = "JSONL with channel, author and text in each line, or plain text (.txt); also .xz"
RECIPE = Path(__file__).parents[1] / "base" / "recipe.toml"


def add_base(commands: Any) -> None:
    """Add `base` and its commands to a parser's subparsers."""
    about = "learn a base from many people's conversations, for voices to start from"
    nested = commands.add_parser("base", help=about, description=about)
    named = nested.add_subparsers(metavar="COMMAND", required=True)
    training = add_command(named, "train", run_base_train, "learn a base")
    training.add_argument("texts", metavar="TEXT", nargs="*", type=Path, help=TEXT_HELP)
    training.add_argument("--name", metavar="NAME", help="what the base is called (default: the time)")
    training.add_argument("--sources", metavar="FILE", type=Path, help="a TOML file of weights, licences and origins")
    training.add_argument(
        "--from", dest="began_from", metavar="BASE", default="", help="begin with the weights of this base"
    )
    training.add_argument("--resume", action="store_true", help="resume the last unfinished base")
    add_setting(training, "minutes", "train.minutes", "M", "how long")
    add_setting(training, "steps", "train.steps", "N", "how many steps instead")
    add_setting(training, "seed", "train.seed", "S", "random seed")
    add_command(named, "list", run_base_list, "list the bases there are")
    showing = add_command(named, "info", run_base_info, "print a base's datasheet")
    measuring = add_command(named, "eval", run_base_eval, "measure a base on texts")
    for one in (showing, measuring):
        one.add_argument("name", metavar="NAME", help="a base, or the path of one's folder")
    measuring.add_argument("texts", metavar="TEXT", nargs="+", type=Path, help=TEXT_HELP)


def run_base_train(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 (loaded again, under the recipe)
    """`dann base train`."""
    if args.resume == bool(args.texts):
        raise DannError("give texts to learn from, or --resume, which goes on with those of its run")
    chosen = load_settings(Settings, args.config, setting_overrides(args), overlay=RECIPE)
    from training.loop import devices  # noqa: PLC0415 (JAX takes seconds to import)

    devices.prepare(chosen.train)
    from model.base.datasheet import lines  # noqa: PLC0415
    from training.base.run import BasePlan, resume_base, train_base  # noqa: PLC0415
    from training.runs.terminal import TrainingConsole  # noqa: PLC0415

    with interruptible() as stopping:
        console = TrainingConsole(Console(stderr=True, quiet=args.quiet))
        if args.resume:
            sheet = resume_base(chosen, chosen.train.minutes if args.minutes else None, console, stopping)
        else:
            plan = BasePlan(
                texts=[str(path.absolute()) for path in args.texts],
                sources=str(args.sources.absolute()) if args.sources else "",
                began_from=args.began_from,
                command=_command(args, setting_overrides(args)),
            )
            sheet = train_base(chosen, args.name or unused_name(chosen.data.bases), plan, console, stopping)
    if args.json:
        print_json(sheet.model_dump())
    else:
        print_line("\n".join(lines(sheet, _size(chosen.data.bases / sheet.name))))
    return 0


def _command(args: argparse.Namespace, sets: Sequence[str]) -> str:
    """The command as others can repeat it: files without the folders of this machine."""
    words = ["dann", "base", "train", *(path.name for path in args.texts)]
    options = {
        "--name": args.name,
        "--sources": args.sources and args.sources.name,
        "--from": Path(args.began_from).name,
    }
    words += [word for option, value in options.items() if value for word in (option, value)]
    return shlex.join([*words, *(word for one in sets if not one.startswith("data.") for word in ("--set", one))])


def run_base_eval(args: argparse.Namespace, settings: Settings) -> int:
    """`dann base eval`."""
    from model.base.load import load_base  # noqa: PLC0415 (JAX takes seconds to import)
    from training.base.measure import measure  # noqa: PLC0415

    snapshot, _ = load_base(settings.data.bases, args.name)
    console = Console(stderr=True, quiet=args.quiet)
    with console.status("measuring") as status:
        measures = measure(snapshot, args.texts, status.update)
        found = dict(zip((path.name for path in args.texts), measures, strict=True))
    if args.json:
        print_json({"base": args.name, "texts": {name: asdict(measures) for name, measures in found.items()}})
        return 0
    for name, measures in found.items():
        heard = measures.listening
        share = f"{heard.share:.0%} ({heard.low:.0%} to {heard.high:.0%})" if heard else "-"
        print_table(
            [
                (name, ""),
                ("  bits per byte, held out", f"{measures.val_bpb:.3f}"),
                ("  finds its own context among 10", share),
                ("  longest copy in 100 replies", f"{measures.copies.longest_words} words"),
                ("  replies with 8 words copied", f"{measures.copies.copied:.0%}"),
                ("  replies with a rare word", f"{measures.rare:.0%}"),
            ]
        )
    return 0


def run_base_list(args: argparse.Namespace, settings: Settings) -> int:
    """`dann base list`."""
    from model.base.datasheet import read_datasheet  # noqa: PLC0415 (no other command needs bases)
    from model.base.find import base_folders  # noqa: PLC0415

    folders = base_folders(settings.data.bases)
    sheets = {name: (read_datasheet(folder), _size(folder)) for name, folder in folders.items()}
    if args.json:
        bases = [
            {"name": n, "size": size, **sheet.model_dump(exclude={"name", "sources"})}
            for n, (sheet, size) in sheets.items()
        ]
        print_json({"bases": bases})
        return 0
    rows = [
        (name, f"{sheet.architecture}, {sheet.val_bpb:.3f} bits per byte, {size / 1e6:.1f} MB")
        for name, (sheet, size) in sheets.items()
    ]
    print_table(rows or [("none; learn one with `dann base train TEXT`", "")])
    return 0


def run_base_info(args: argparse.Namespace, settings: Settings) -> int:
    """`dann base info`."""
    from model.base.datasheet import lines, read_datasheet  # noqa: PLC0415 (no other command needs bases)
    from model.base.find import find_base  # noqa: PLC0415

    folder = find_base(settings.data.bases, args.name)
    sheet, size = read_datasheet(folder), _size(folder)
    if args.json:
        print_json({**sheet.model_dump(), "size": size})
    else:
        print_line("\n".join(lines(sheet, size)))
    return 0


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
