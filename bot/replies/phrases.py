"""What dann says of itself, where the network has no say: one line each, in the voice of somebody who is chatting."""

from bot.retraining.outcome import Ending, Progress

NOTHING_TO_SAY = "hm"
"""When everything that was drawn had to be taken out."""
FAILED = "sorry, i lost my train of thought. ask me again in a bit?"
PAUSED = "i'm taking a break, talk to you later"
OWNERS_ONLY = "only my owners may do that"
RETRAINING = "i'm learning; i'll tell you how it went"


def wait(seconds: int) -> str:
    """Somebody is over their cooldown."""
    return f"give me {_seconds(seconds)}, then ask again"


def busy(seconds: int) -> str:
    """The queue is full."""
    return f"everybody is talking to me at once, ask again in {_seconds(seconds)}?"


def _seconds(seconds: int) -> str:
    return f"{seconds} second{'' if seconds == 1 else 's'}"


def retraining(progress: Progress, seconds: float) -> str:
    """How far a retraining is that has taken so many seconds."""
    figure = f", {progress.val_bpb:.3f} bits per byte" if progress.val_bpb is not None else ""
    return f"{progress.part}, {progress.share:.0%}{figure}, for {span(seconds)}"


def verdict(ending: Ending) -> str:
    """How a retraining ended, with its figures."""
    new = f" with {ending.new_posts:,} new posts" if ending.new_posts is not None else ""
    figures = f", {ending.candidate_bpb:.3f} bits per byte" if ending.candidate_bpb is not None else ""
    if figures and ending.incumbent_bpb is not None:
        figures += f" where {ending.incumbent or 'the one before'} has {ending.incumbent_bpb:.3f}"
    why = f": {ending.reason}" if ending.reason else ""
    told = {
        "published": f"published {ending.candidate or 'a new checkpoint'}{new}{figures}{why}",
        "refused": f"refused, {ending.incumbent or 'what served'} stays{new}{figures}{why}",
        "skipped": f"nothing learned{why}",
        "failed": f"failed, what served stays{why}",
    }
    return told[ending.verdict]


def span(seconds: float) -> str:
    """A length of time in its two largest units."""
    minutes = int(max(0.0, seconds) // 60)
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min" if minutes < 48 * 60 else f"{minutes // 1440} days"
