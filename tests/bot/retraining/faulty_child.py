"""Retraining itself, but for a fault: what the file "fault" in the present folder asks for, and none where there is none.

kill PART N     ends as by kill -9, N file operations after it came to PART (in learning: N / 20 seconds after)
pause PART N    stops there instead, and makes the file "reached"
nan             its candidate's weights are none
worse           its candidate has learned for one step, from nothing
full            the disk is full while the candidate is saved
hang, hungry    does nothing at all; takes half a gigabyte
"""

import os
import resource
import signal
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FAULT, REACHED = Path("fault"), Path("reached")
OPERATIONS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.listdir", "os.scandir", "sqlite3.connect"}
"""Python's audit events for what concerns files; os.replace is one of os.rename's."""


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def paused() -> None:
    REACHED.touch()
    while True:
        time.sleep(60)


def come_to(part: str, act: Callable[[], None]) -> None:
    """Have `act` called when the run comes to a part, of which "saving" is one here."""
    from model.checkpoints import checkpoint
    from training.retrain.events import EventConsole

    tell, save = EventConsole.part, checkpoint.save

    def telling(self: EventConsole, now: Any, share: float) -> None:
        tell(self, now, share)
        if (now, share) == (part, 0.0):
            act()

    def saving(*what: Any, **more: Any) -> None:
        if part == "saving":
            act()
        save(*what, **more)

    EventConsole.part = telling  # type: ignore[method-assign, assignment]
    checkpoint.save = saving


def after(number: int, act: Callable[[], None]) -> None:
    """Call `act` in the middle of things, when so many operations were begun."""
    left = [number]

    def note(event: str, _: Any) -> None:
        if event in OPERATIONS:
            left[0] -= 1
            if left[0] == 0:
                act()

    sys.addaudithook(note)


def at_moment(part: str, number: str, act: Callable[[], None]) -> None:
    if part == "learning":  # few files are touched there
        come_to(part, threading.Timer(int(number) / 20, act).start)
    else:
        come_to(part, lambda: after(int(number), act))


def spoil(change: Callable[[Any], None]) -> None:
    """Have `change` done to a network that is to be saved."""
    from model.checkpoints import checkpoint

    save = checkpoint.save

    def saving(root: Path, id_: str, model: Any, *rest: Any, **more: Any) -> None:
        change(model)
        save(root, id_, model, *rest, **more)

    checkpoint.save = saving


def nan(model: Any) -> None:
    import numpy as np

    from model.checkpoints import checkpoint

    weights = checkpoint.weights_of(model)
    checkpoint.set_weights(model, {name: np.full_like(array, np.nan) for name, array in weights.items()})


def full() -> None:
    """While it saves, a limit on the size of files makes the system refuse what is larger, as a full disk does."""
    from model.checkpoints import checkpoint

    save, most = checkpoint.save, resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def saving(*what: Any, **more: Any) -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, most[1]))
        try:
            save(*what, **more)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, most)

    checkpoint.save = saving


def hungry() -> None:
    held = b"x" * (1 << 29)  # at once: a busy machine has only the seconds that one which hangs is given
    while held:
        time.sleep(60)


def main() -> int:
    """Train with the fault that is asked for."""
    fault, *rest = FAULT.read_text().split() if FAULT.exists() else ["none"]
    more: list[str] = []
    if fault in {"kill", "pause"}:
        part, number = rest
        at_moment(part, number, killed if fault == "kill" else paused)
    elif fault == "nan":
        spoil(nan)
    elif fault == "full":
        full()
    elif fault == "worse":
        more = ["--set=train.steps=1", "--set=train.output_bias=zero"]  # without knowing how often tokens come
    elif fault == "hang":
        time.sleep(600)
    elif fault == "hungry":
        hungry()
    from tests.model.one_width import set_one_width
    from training.cli.main import main as train

    set_one_width()
    return train([*sys.argv[1:], *more])


if __name__ == "__main__":
    sys.exit(main())
