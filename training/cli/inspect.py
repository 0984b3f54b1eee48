"""`dann inspect`: an architecture or a checkpoint through the project's own loop, and what is wrong with it."""

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from model.checkpoints.atomic_files import private_folder, replace_file
from model.errors import DannError
from training.cli.shared import add_command, print_json
from training.config.tables import Settings

if TYPE_CHECKING:
    from model.checkpoints.checkpoint import Snapshot


def add_inspect(commands: Any) -> None:
    """Add `inspect` to a parser's subparsers."""
    about = "look for bugs in an architecture and its training, in a minute and without data"
    parser = add_command(commands, "inspect", run_inspect, about)
    parser.add_argument("name", metavar="NAME", help="an architecture, or the id or folder of a checkpoint")


def run_inspect(args: argparse.Namespace, settings: Settings) -> int:
    """`dann inspect`; 1 where something is found."""
    from training.loop import devices  # noqa: PLC0415 (JAX takes seconds to import)

    one_device = settings.train.model_copy(update={"devices": 1})
    devices.prepare(one_device)
    from model.checkpoints.folder import ids  # noqa: PLC0415
    from training.inspect.inspector import inspect_architecture  # noqa: PLC0415
    from training.inspect.page import html_page  # noqa: PLC0415
    from training.inspect.terminal_view import print_report  # noqa: PLC0415

    root = settings.data.checkpoints
    snapshot = _snapshot(args.name, root, ids(root))
    if snapshot is None:
        network = settings.model.model_copy(update={"architecture": args.name})
        settings = settings.model_copy(update={"model": network})
    console = Console(stderr=True, quiet=args.quiet)
    with console.status("loading") as status:

        def progress(stage: str) -> None:
            status.update(f"looking at: {stage}")
            logging.getLogger("dann.inspect").debug(stage)

        report = inspect_architecture(settings, snapshot=snapshot, figures=True, progress=progress)
    if not report.checked:
        broken = report.findings[0]
        where = "" if broken.evidence.startswith(broken.look) else f"; look at {broken.look}"
        raise DannError(f"{args.name}: {broken.evidence}{where}")
    folder = settings.data.dir / "inspect"
    private_folder(folder)
    page = folder / f"{Path(args.name).name}.html"
    replace_file(page, html_page(report).encode())
    if args.json:
        print_json({**report.as_json(), "page": str(page)})
    else:
        print_report(report, Console(), str(page))
    return 1 if report.findings else 0


def _snapshot(name: str, root: Path, known: list[str]) -> "Snapshot | None":
    """The checkpoint of this id or folder; None where the name is an architecture's. Raises DannError for neither."""
    from model.architectures import ARCHITECTURES  # noqa: PLC0415
    from model.checkpoints import checkpoint  # noqa: PLC0415

    if name in known:
        return checkpoint.load(root, name)
    if (Path(name) / "manifest.json").is_file():
        return checkpoint.load(Path(name).resolve().parent, Path(name).resolve().name)
    if name in ARCHITECTURES:
        return None
    if "/" in name or Path(name).is_dir():
        raise DannError(
            f"{name}: is no checkpoint's folder; give one that has a manifest.json, or an architecture's name"
        )
    names, checkpoints = ", ".join(sorted(ARCHITECTURES)), ", ".join(known[-3:]) or "none yet"
    raise DannError(
        f"{name}: is neither an architecture nor a checkpoint; architectures: {names}; newest checkpoints: {checkpoints}"
    )
