"""`dann base train | list | info | eval`."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from model.base.datasheet import lines, read_datasheet
from model.base.load import base_folders, find_base
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

RECIPE = Path(__file__).parents[1] / "base" / "recipe.toml"


def add_base(commands: Any) -> None:
    """Add `base` and its commands to a parser's subparsers."""
    about = "learn a base from many people's conversations, for voices to start from"
    nested = commands.add_parser("base", help=about, description=about)
    named = nested.add_subparsers(metavar="COMMAND", required=True)
    training = add_command(named, "train", run_base_train, "learn a base")
    training.add_argument(
        "texts", metavar="TEXT", nargs="*", type=Path, help="JSONL with channel, author and text, or .txt; plain or .xz"
    )
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
    showing.add_argument("name", metavar="NAME", help="a base, or the path of one's folder")


def run_base_train(args: argparse.Namespace, settings: Settings) -> int:  # noqa: ARG001 (loaded again, under the recipe)
    """`dann base train`."""
    if args.resume == bool(args.texts):
        raise DannError("dann base train: give texts to learn from, or --resume, which goes on with those of its run")
    chosen = load_settings(Settings, args.config, setting_overrides(args), overlay=RECIPE)
    from training.loop import devices  # noqa: PLC0415 (JAX takes seconds to import)

    devices.prepare(chosen.train)
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
                command=_command(args.texts, args, setting_overrides(args)),
            )
            sheet = train_base(chosen, args.name or unused_name(chosen.data.bases), plan, console, stopping)
    if args.json:
        print_json(sheet.model_dump())
    else:
        print_line("\n".join(lines(sheet, _size(chosen.data.bases / sheet.name))))
    return 0


def _command(texts: Sequence[Path], args: argparse.Namespace, sets: Sequence[str]) -> str:
    """The command as others can repeat it: names of files without the folders of this machine."""
    words = ["dann", "base", "train", *(path.name for path in texts)]
    for option, value in (
        ("--name", args.name),
        ("--sources", args.sources and args.sources.name),
        ("--from", args.began_from),
    ):
        words += [option, value] if value else []
    return shlex.join([*words, *(word for one in sets for word in ("--set", one) if not one.startswith("data."))])


def run_base_list(args: argparse.Namespace, settings: Settings) -> int:
    """`dann base list`."""
    sheets = [
        (name, read_datasheet(folder), _size(folder)) for name, folder in base_folders(settings.data.bases).items()
    ]
    if args.json:
        print_json(
            {
                "bases": [
                    {"name": name, "size": size, **sheet.model_dump(exclude={"sources"})}
                    for name, sheet, size in sheets
                ]
            }
        )
    else:
        rows = [
            (name, f"{sheet.architecture}, {sheet.val_bpb:.3f} bits per byte, {size / 1e6:.1f} MB")
            for name, sheet, size in sheets
        ]
        print_table(rows or [("none; learn one with `dann base train TEXT`", "")])
    return 0


def run_base_info(args: argparse.Namespace, settings: Settings) -> int:
    """`dann base info`."""
    folder = find_base(settings.data.bases, args.name)
    sheet = read_datasheet(folder)
    if args.json:
        print_json({**sheet.model_dump(), "size": _size(folder)})
    else:
        print_line("\n".join(lines(sheet, _size(folder))))
    return 0


def _size(folder: Path) -> int:
    return sum(file.stat().st_size for file in folder.iterdir())
