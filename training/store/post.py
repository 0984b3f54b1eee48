"""Post, one stored message. Knows no store, no export format and no network.

It has no author's name: a post is the owner's or somebody else's.
"""

from dataclasses import dataclass, field

FIRST_SECOND, END_OF_DATES = -62_135_596_800, 253_402_300_800
"""The first second of the year 1, and the end of the year 9999, in Unix seconds: times outside are those of no date."""


@dataclass(frozen=True, slots=True)
class FoundBy:
    """What an import finds a post by that is stored under another id or in another place; nothing of it is stored.

    `aliases` are ids it may be stored or forgotten under instead. `doubtful_ids` are ids that another message may have: it is
    this one where time or text are the same, or both if `all_must_match`. Where the post's own id is such an id, it gets
    `other_id` if another message has it. A post that is stored in `former_channel` is moved from there, and so is one in an
    `outdated` channel with its time, which it has by mistake.
    """

    aliases: tuple[str, ...] = ()
    doubtful_ids: tuple[str, ...] = ()
    all_must_match: bool = False
    other_id: str = ""
    former_channel: str = ""
    outdated: tuple[tuple[str, float | None], ...] = ()


BY_ITS_ID = FoundBy()


@dataclass(frozen=True, slots=True)
class Post:
    """One message by the owner (`mine`) or, kept as context, by somebody else.

    `id` is unique over all sources, `channel` opaque; `time` and `edited` are Unix seconds, None if unknown; `reply_to` is
    the id of the message it replies to; `source` is the export format. `seq` is its number in the store, which grows with
    each import; 0 for one that is not read from there. `author` is the keyed digest of who wrote it, None if unknown, and
    `known_as` digests by which they are found (posts/author_key.py). `known_as` and `found_by` are of a post that is
    imported: they are not stored with it.
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
    author: str | None = None
    known_as: tuple[str, ...] = ()
    found_by: FoundBy = BY_ITS_ID
