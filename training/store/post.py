"""Post, one stored message. Knows no store, no export format and no network.

It has no author's name: a post is the owner's or somebody else's.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Post:
    """One message by the owner (`mine`) or, kept as context, by somebody else.

    `id` is unique over all sources, `channel` opaque; `time` and `edited` are Unix seconds, None if unknown; `reply_to` is
    the id of the message it replies to; `source` is the export format. `seq` is its number in the store, which grows with
    each import; 0 for one that is not read from there. `aliases` are ids it may be stored or forgotten under
    instead, and `outdated` are channels with times that a stored one has by mistake: it gets the right ones. Neither is
    stored. `author` is the keyed digest of who wrote it, None if unknown, and `known_as` digests by which they are found
    (posts/author_key.py).
    """

    id: str
    channel: str
    mine: bool
    time: float | None
    text: str
    reply_to: str | None = None
    edited: float | None = None
    source: str = ""
    seq: int = field(default=0, compare=False)
    aliases: tuple[str, ...] = ()
    outdated: tuple[tuple[str, float | None], ...] = ()
    author: str | None = None
    known_as: tuple[str, ...] = ()
