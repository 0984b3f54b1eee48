"""Record, a message as every reader yields it, and the reader contract. Knows no format.

A Record still names its author, which decides what is "mine"; the store does not keep the name.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

from training.exports.common.files import ExportFile

Reason = Literal[
    "service",
    "retweet",
    "forward",
    "via_bot",
    "bot",
    "command",
    "link",
    "attachment",
    "empty",
    "unknown",
    "broken",
    "superseded",
    "quote",
]
"""Why a message is dropped, as counted in the import report. "unknown" is a kind of message that its reader does not
know, and "broken" a record or line that is not of its format's form,
and "superseded" an older version of an edited message; `Record.note` says which. A "quote" has no words besides those of
somebody else."""

OWNER = ""
"""The author of a record in formats that know whose export it is (a data package, an archive, an account)."""


DATE = "date"
"""The note of a message that has a date which cannot be read."""


@dataclass(frozen=True, slots=True)
class Former:
    """How version 0eb29d7 read a message, where that differs: frozen, so that its identity outlives better reading.

    A message without an id is identified by `text` (and by its own channel and time). `ids` are full ids it had, `time` is
    the time that version took it to have and `times` what later ones did, or an earlier export of the chat gave it; it may be
    in `channels`. All of these still find it in older stores. Where `moves`, a post that is stored with one of these channels
    and times gets those of its record.
    """

    text: str
    time: float | None
    ids: tuple[str, ...] = ()
    times: tuple[float | None, ...] = ()
    channels: tuple[str, ...] = ()
    moves: bool = False

    def other_times(self, time: float | None) -> tuple[float | None, ...]:
        """Return the times that it was taken to have and does not."""
        return tuple(other for other in dict.fromkeys((self.time, *self.times)) if other != time)


@dataclass(frozen=True, slots=True)
class ChatNames:
    """A chat as people know it, by which it is chosen; never stored.

    `id` is the same in every export of the chat where its platform has one; else it hangs on names. `names` are what the
    export and its file call it, the one to show first; `people` are the two who write, where the export has no other name.
    Of a chat `by_file` nothing but the file's name is known: its channel, and the ids within it, are those of one file. The
    stores of versions before have it in `former_channel`, with the format's other chats.
    """

    id: str
    names: tuple[str, ...] = ()
    people: tuple[str, ...] = ()
    by_file: bool = False
    former_channel: str = ""


NO_CHAT = ChatNames("")
"""The chat of a record whose reader knows none: its channel stands for it."""


class Record(NamedTuple):
    """One message of an export; a tuple, as making a frozen dataclass of eleven fields takes a tenth of an import.

    `id` is unique over all exports of its platform ("discord:901", "telegram:77:12"), or "" where the format has none; in a
    chat `by_file` it begins with the channel, within which it is unique.
    `author` is the format's stable id for a person (their name where there is no id), or OWNER; `names` are the other
    names `--me` may match. `channel` is an opaque id, never a name that could be a person's. `time` and `edited` are Unix
    seconds, None if unknown. `text` is cleaned by `message_text.clean` and empty if `dropped` gives a reason. `note` names
    what could not be read, for the report: the kind or place of a dropped message, or DATE for a kept one without its time.
    `former` is needed only where this reading differs from that of 0eb29d7. `chat` is the one it was written in: a topic or
    thread is a channel of its chat.
    """

    id: str
    author: str
    names: tuple[str, ...]
    channel: str
    time: float | None
    text: str
    reply_to: str | None = None
    edited: float | None = None
    dropped: Reason | None = None
    note: str = ""
    former: Former | None = None
    chat: ChatNames = NO_CHAT


@dataclass(frozen=True, slots=True)
class ExportReader:
    """A format's reader: its name in reports, a cheap test of a file's head, and the parser.

    `claims(head)` returns whether a file is in this format, judging by its first 64 KiB, and must not raise. `read`
    yields Records in file order, as a stream, and raises DannError naming file and offset where a file breaks off or
    violates the format.
    """

    name: str
    claims: Callable[[bytes], bool]
    read: Callable[[ExportFile], Iterator[Record]]


def channel_hash(name: str) -> str:
    """Hash a chat's name, which may be a person's, for use in an opaque channel id."""
    return hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()[:12]
