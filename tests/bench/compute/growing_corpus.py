"""A corpus that grows: a retraining a period, from each of `retrain.start`'s three beginnings, on the same posts.

`python -m tests.bench.compute.growing_corpus --export persona.jsonl --me dann --periods 12 --minutes 3` measures with an
export of one's own, in JSON lines with times, cut into periods of equal length. Among the other benchmarks a made-up person
stands in.

What is held out in a period depends on the posts alone, so the beginnings compare period by period. The gate lets everything
pass: it is not what is measured. Each training is a process of its own, as it is in use.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.bench.report import Report, table
from training.demo_persona import NAME, write_export

STARTS = ("scratch", "warm", "shrink_perturb")
OPEN_GATE = {"tolerance": 1, "longest_copy": 1_000_000, "copied": 1, "variety": 0, "same": 1, "samples": 20}
GOALS = ("1.01", "0.98")
"""What a retraining's bits per byte must stay below, and are to, of those of learning anew."""
NOTE = (
    "A minute is enough to learn the made-up person nearly to their entropy: a beginning can show harm here, and hardly any "
    "good. `python -m tests.bench.compute.growing_corpus --export FILE --me NAME` measures with an export of one's own."
)
MADE_UP = 6000
"""Exchanges of the made-up person: about as many posts of their own."""


def run(quick: bool) -> Report:
    """Four periods of a minute each; quickly, three of a few seconds with a network that is small."""
    with tempfile.TemporaryDirectory() as folder:
        export = Path(folder, "made-up.jsonl")
        with export.open("w", encoding="utf-8") as file:
            write_export(file, MADE_UP // 10 if quick else MADE_UP, seed=1)
        small = ["model.hidden_dim=32", "train.steps=40"] if quick else []
        report = measure(export, NAME, 3 if quick else 4, 1.0, small)
    return Report(f"{report.text}\n\n{NOTE}", report.figures)


def measure(
    export: Path, me: str, periods: int, minutes: float, sets: Sequence[str] = (), starts: Sequence[str] = STARTS
) -> Report:
    """A row a period: posts of one's own, bits per byte of what is held out, and each beginning's against the first one's.

    In the first period there is nothing to begin from: it is learned once, for all of them.
    """
    with tempfile.TemporaryDirectory() as folder:
        parts = list(cut(export, periods, Path(folder)))
        common = Path(folder, "common")
        begun = list(grown(parts[:1], me, common, starts[0], minutes, sets))
        found = {}
        for start in starts:
            data = Path(shutil.copytree(common, Path(folder, start)))
            found[start] = [*begun, *grown(parts[1:], me, data, start, minutes, sets)]
    return Report(text(found, starts), found)


def text(found: dict[str, list[dict[str, Any]]], starts: Sequence[str]) -> str:
    """A table of the periods, and one of what is asked for."""
    first, *others = starts
    ratios = {
        start: [it["bpb"] / base["bpb"] for it, base in zip(found[start], found[first], strict=True)]
        for start in others
    }
    heads = ["period", "posts", f"{first}, bits per byte", *(f"{start} / {first}" for start in others)]
    lines = [
        [
            str(number + 1),
            f"{base['posts']:,}",
            f"{base['bpb']:.3f}",
            *(f"{ratios[start][number]:.3f}" for start in others),
        ]
        for number, base in enumerate(found[first])
    ]
    goals = [
        [
            f"{start} / {first}, geometric mean (and range) of the periods from 2 on",
            *GOALS,
            _mean_and_range(ratios[start][1:]),
        ]
        for start in others
    ]
    return table(heads, lines) + "\n\n" + table(["bits per byte", "must", "goal", "reached"], goals)


def _mean_and_range(ratios: Sequence[float]) -> str:
    if not ratios:
        return "–"
    return f"{statistics.geometric_mean(ratios):.3f} ({min(ratios):.3f}–{max(ratios):.3f})"


def cut(export: Path, periods: int, folder: Path) -> Iterator[Path]:
    """The export's messages in periods of equal length, a file each; a message without a time goes to the first."""
    lines = [line for line in export.read_text(encoding="utf-8").splitlines() if line.strip()]
    times = [_seconds(json.loads(line).get("time")) for line in lines]
    known = [time for time in times if time is not None]
    begin, length = min(known), (max(known) - min(known)) / periods
    numbers = [0 if time is None else min(periods - 1, int((time - begin) / length)) for time in times]
    for number in range(periods):
        path = folder / f"period-{number}.jsonl"
        path.write_text("\n".join(line for line, at in zip(lines, numbers, strict=True) if at == number) + "\n")
        yield path


def grown(
    parts: Sequence[Path], me: str, data: Path, start: str, minutes: float, sets: Sequence[str]
) -> Iterator[dict[str, Any]]:
    """Import a part, retrain, and so on; yields the posts and the candidate's bits per byte on all that it held out."""
    options = [f"data.dir={data}", f"retrain.start={start}", f"retrain.minutes={minutes}", *sets]
    options += [f"retrain.{key}={value}" for key, value in OPEN_GATE.items()]
    for part in parts:
        command(options, "import", str(part), "--me", me)
        told = command(options, "retrain", "--force")
        assert told["verdict"] == "published", told["reason"]
        meta = json.loads((data / "checkpoints" / told["candidate"] / "meta.json").read_text())
        yield {"posts": meta["posts"], "bpb": meta["val_bpb"], "steps": meta["step"], "seconds": meta["seconds"]}


def command(sets: Sequence[str], *arguments: str) -> dict[str, Any]:
    """Run one of training's commands, whose settings are these alone, and return its JSON object."""
    options = [word for one in sets for word in ("--set", one)]
    config = ["--config", os.devnull]
    full = [sys.executable, "-m", "training", *config, *options, *arguments, "-q", "--json"]
    done = subprocess.run(full, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"`{' '.join(arguments)}` ended with {done.returncode}: {done.stdout}")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _seconds(time: str | None) -> float | None:
    return None if time is None else datetime.fromisoformat(time).timestamp()


def main() -> None:
    """Measure with somebody's own export."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.compute.growing_corpus")
    parser.add_argument("--export", type=Path, required=True, help="JSON lines with times")
    parser.add_argument("--me", required=True, help="whose voice it is")
    parser.add_argument("--periods", type=int, default=12)
    parser.add_argument("--minutes", type=float, default=3.0, help="of each training")
    parser.add_argument("--start", choices=STARTS, action="append", help="only these, the first to compare with")
    parser.add_argument("--set", dest="sets", action="append", default=[], help="a setting, such as train.steps=500")
    parser.add_argument("--json", type=Path, help="also write the figures there")
    args = parser.parse_args()
    found = measure(args.export, args.me, args.periods, args.minutes, args.sets, args.start or STARTS)
    print(found.text)
    if args.json:
        args.json.write_text(json.dumps(found.figures, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
