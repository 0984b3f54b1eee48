"""What dann says of itself, where the network has no say: one line each, in the voice of somebody who is chatting."""

NOTHING_TO_SAY = "hm"
"""When everything that was drawn had to be taken out."""
FAILED = "sorry, i lost my train of thought. ask me again in a bit?"
PAUSED = "i'm taking a break, talk to you later"
OWNERS_ONLY = "only my owners may do that"


def wait(seconds: int) -> str:
    """Somebody is over their cooldown."""
    return f"give me {_seconds(seconds)}, then ask again"


def busy(seconds: int) -> str:
    """The queue is full."""
    return f"everybody is talking to me at once, ask again in {_seconds(seconds)}?"


def _seconds(seconds: int) -> str:
    return f"{seconds} second{'' if seconds == 1 else 's'}"
