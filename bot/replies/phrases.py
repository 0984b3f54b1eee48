"""Fixed lines that dann says without the network, in a chatting person's voice."""

NOTHING_TO_SAY = "hm"
"""Sent where sanitizing left nothing of any draw."""
FAILED = "sorry, i lost my train of thought. ask me again in a bit?"
PAUSED = "i'm taking a break, talk to you later"
NEUTRAL = "let's talk about something else"
"""Said instead of a reply that the guard ended, or whose checkpoint was withdrawn while it was drawn or sent."""
OWNERS_ONLY = "only my owners may do that"
PEOPLE_ONLY = "only people may ask that"
AS_YOURSELF = "write that as yourself: i can't tell who writes as a group or a channel"


def wait(seconds: int) -> str:
    """Refuse somebody within their cooldown."""
    return f"give me {_seconds(seconds)}, then ask again"


def busy(seconds: int) -> str:
    """Refuse because the queue is full."""
    return f"everybody is talking to me at once, ask again in {_seconds(seconds)}?"


def _seconds(seconds: int) -> str:
    return f"{seconds} second{'' if seconds == 1 else 's'}"
