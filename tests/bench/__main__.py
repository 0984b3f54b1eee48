"""`python -m tests.bench [--help] [NAME...]`: run the benchmarks and print what they found as Markdown.

A benchmark is a module with a function `(quick) -> Report`, or one line, imported when its turn comes: this process starts
the ones that compete, and stays small and quiet itself.
"""

import argparse
import importlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, is_dataclass
from pathlib import Path
from typing import Any

from tests.bench.options import EPOCHS, GIVEN, MINUTES, TEXT
from tests.bench.report import Report, heading, machine

BENCHES = {
    "same-work": "compute.same_work",
    "train": "compute.training_speed",
    "cores": "compute.core_growth",
    "sizes": "compute.size_growth",
    "decode": "compute.decode",
    "guided": "compute.guided",
    "guarded": "compute.guarded",
    "reload": "chat.reload",
    "retraining": "chat.retraining",
    "importing": "chat.importing",
    "startup": "compute.startup",
    "gpu-scan": "compute.gpu_scan",
    "store-speed": "store_speed",
    "import-memory": "import_memory",
    "import-growth": "import_growth",
    "import-speed": "import_speed",
    "chat": "chat.answering",
    "web": "web.streams",
    "page": "web.page",
    "soak": "chat.soak",
    "guard": "guard",
    "growing-corpus": "compute.growing_corpus",
    "nearness": "quality.nearness",
    "char-rnn": "quality.char_rnn",
}
APART = {"soak", "nearness", "char-rnn"}
"""Run only where they are named: they take very long, a checkpoint that learned from somebody, or a text."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Speed and memory on this machine.")
    parser.add_argument(
        "names",
        metavar="NAME",
        nargs="*",
        help=f"of {', '.join(BENCHES)}; if none is given, all but {', '.join(sorted(APART))}",
    )
    parser.add_argument("--quick", action="store_true", help="a tenth of the time and fewer rows, for a first look")
    parser.add_argument("--json", metavar="FILE", type=Path, help="also write the figures there")
    parser.add_argument(
        "--checkpoint-dir", metavar="DIR", help="`chat`, `soak` and `nearness` take the one in use there"
    )
    parser.add_argument("--minutes", metavar="N", type=float, help="how long `soak` lasts")
    parser.add_argument("--text", metavar="FILE", help="what `char-rnn` learns: Tiny Shakespeare")
    parser.add_argument("--epochs", metavar="N", type=int, help="how often `char-rnn` reads it (50)")
    args = parser.parse_args()
    os.environ |= {GIVEN: args.checkpoint_dir} if args.checkpoint_dir else {}
    os.environ |= {MINUTES: str(args.minutes)} if args.minutes else {}
    os.environ |= {TEXT: args.text} if args.text else {}
    os.environ |= {EPOCHS: str(args.epochs)} if args.epochs else {}
    if unknown := set(args.names) - set(BENCHES):
        parser.error(f"no benchmark {', '.join(sorted(unknown))}; there are {', '.join(BENCHES)}")
    found = machine()
    print(heading(found) + (" (--quick)" if args.quick else ""), flush=True)
    figures: dict[str, Any] = {"machine": found, "quick": args.quick}
    for name in args.names or [name for name in BENCHES if name not in APART]:
        began = time.perf_counter()
        report = bench(name)(args.quick)
        print(f"\n## {name}\n\n{report.text}\n\n({time.perf_counter() - began:,.0f} s)", flush=True)
        figures[name] = report.figures
        if args.json:
            args.json.write_text(json.dumps(figures, default=plain, indent=1) + "\n", encoding="utf-8")


def bench(name: str) -> Callable[[bool], Report]:
    """The benchmark of that name, imported now."""
    run: Callable[[bool], Report | str] = importlib.import_module(f"tests.bench.{BENCHES[name]}").run

    def reported(quick: bool) -> Report:
        found = run(quick)
        return found if isinstance(found, Report) else Report(found, found)

    return reported


def plain(value: Any) -> Any:
    """A dataclass as JSON knows it."""
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


if __name__ == "__main__":
    main()
