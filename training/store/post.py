"""Post: one message, as every part of training knows it. Knows no store, no export format and no network.

Nobody's name is in here: a post is one's own or somebody else's.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Post:
    """One message of the owner's (`mine`) or, kept as context, of somebody else's.

    `id` is unique over all sources, `channel` opaque; `time` and `edited` are Unix seconds, None where unknown;
    `reply_to` is the id of the message it answers; `source` the format it came in.
    """

    id: str
    channel: str
    mine: bool
    time: float | None
    text: str
    reply_to: str | None = None
    edited: float | None = None
    source: str = ""
