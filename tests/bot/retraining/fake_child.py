"""Stands in for `python -m training retrain --events`: a real process that behaves as its first argument says."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NoReturn


def say(**event: Any) -> None:
    print(json.dumps(event), flush=True)


def progress(part: str, share: float, val_bpb: float | None = None, run: int | None = None) -> None:
    say(event="progress", part=part, share=share, val_bpb=val_bpb, run=run)


def verdict(verdict: str, reason: str = "", **known: Any) -> None:
    say(event="verdict", verdict=verdict, reason=reason, **known)


def forever() -> NoReturn:
    while True:
        time.sleep(60)


def well() -> None:
    progress("reading", 0.5)
    progress("learning", 0.25, 2.5)
    told: dict[str, Any] = {"candidate": "two", "incumbent": "one", "candidate_bpb": 2.25, "incumbent_bpb": 2.5}
    verdict("published", **told, new_posts=1234, run=7)


def refused() -> None:
    told: dict[str, Any] = {"candidate": "two", "incumbent": "one", "candidate_bpb": 2.75, "incumbent_bpb": 2.5}
    verdict("refused", "2.750 is above 2.525", **told, new_posts=12, run=7)


def skipped() -> None:
    verdict("skipped", "3 new posts, of at least 50", new_posts=3, run=7)


def crash() -> None:
    progress("learning", 0.5)
    raise RuntimeError("the child has lost the plot")


def unwilling() -> None:
    sys.stderr.write("dann: no posts to learn from; import some\n")
    sys.exit(1)


def talks_and_fails() -> None:
    sys.stderr.writelines(f"line {number}\n" for number in range(1000))
    sys.exit(3)


def silent() -> None:
    pass


def abort() -> None:
    os.kill(os.getpid(), signal.SIGABRT)


def hang() -> None:
    progress("learning", 0.5, 2.5)
    forever()


def deaf() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    progress("learning", 0.5)
    forever()


def obedient() -> None:
    def stop(*_: object) -> NoReturn:
        verdict("failed", "asked to stop", run=7)
        sys.exit(0)

    signal.signal(signal.SIGTERM, stop)
    progress("learning", 0.5)
    forever()


def garbage() -> None:
    out = sys.stdout.buffer
    out.write(b'what a lovely secret\n\xff\xfe\x00\n[1, 2]\n{"event": "dance"}\n{"event": "progress"}\n"\n')
    out.write(b'{"event": "verdict", "verdict": "maybe"}\n' + b"[" * 100_000 + b"\n")
    out.write(b"x" * 1_000_000 + b"\n")
    out.flush()
    progress("learning", 7.0, float("nan"))
    well()


def hungry() -> None:
    held = []
    while True:
        held.append(bytearray(os.urandom(1 << 20) * 16))
        time.sleep(0.01)


def parent_of_another() -> None:
    """What it starts holds its pipes open and would outlive it."""
    another = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    verdict("skipped", str(another.pid))


def tells_of_itself() -> None:
    from training.config.load import load_settings
    from training.config.tables import Settings

    settings = load_settings(Settings, Path(os.devnull), [])
    secrets = [name for name in os.environ if name.endswith(("_TOKEN", "_KEY", "_PASSWORD"))]
    about: dict[str, Any] = {
        "nice": os.nice(0),
        "cores": len(os.sched_getaffinity(0)),
        "group": os.getpgrp() == os.getpid(),
    }
    about |= {
        "oom": Path("/proc/self/oom_score_adj").read_text().strip(),
        "arguments": sys.argv[2:],
        "secrets": secrets,
    }
    verdict("skipped", json.dumps(about | {"settings": settings.model_dump(mode="json")}))


def killed(*, tells: bool = True, note: str = "", finish: bool = False) -> None:
    """Begins a row in the store and says so, as training does, and is gone."""
    from training.config.load import load_settings
    from training.config.tables import Settings
    from training.store.runs import open_runs

    data = load_settings(Settings, Path(os.devnull), []).data
    with open_runs(data.store_url) as runs:
        row = runs.begin("scheduled")
        if tells:
            progress("reading", 0.0, run=row)
        if note:
            runs.update(row, candidate=note)
        if finish:
            runs.finish(row, "refused", "it is worse", 1.0, candidate="two", incumbent="one")
    os.kill(os.getpid(), signal.SIGKILL)


def killed_before_it_told() -> None:
    killed(tells=False)


def killed_after_publishing() -> None:
    killed(note="one")


def killed_after_its_verdict() -> None:
    killed(finish=True)


if __name__ == "__main__":
    globals()[sys.argv[1]]()
