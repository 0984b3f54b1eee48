"""What every reader yields, whatever the format: one Record a message, in file order, read as a stream.

A Record still says who wrote it, because that decides what is "mine"; the store it ends in does not.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from training.exports.common.files import ExportFile

Reason = Literal["service", "retweet", "forward", "via_bot", "bot", "command", "link", "attachment", "empty"]
"""Why a message is not somebody's own words, as the import report counts it."""

OWNER = ""
"""The author of a record in a format that knows whose export it is (a data package, an archive, an account)."""


@dataclass(frozen=True, slots=True)
class Record:
    """One message of an export.

    `id` is unique over all exports of its platform ("discord:901", "telegram:77:12") or "" where the format has none.
    `author` is the format's stable id for a person (or their name where there is no id), or OWNER; `names` is what else
    `--me` may match. `channel` is an opaque id, never a name that could be a person's. `time` and `edited` are Unix
    seconds, None where unknown. `text` is cleaned by `message_text.clean`; `dropped` says why there is none to keep, and is
    None for words.
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


@dataclass(frozen=True, slots=True)
class ExportReader:
    """A format: its name in reports, a cheap look at the beginning of a file, and the reading itself.

    `claims(file, head)` gets the first 64 KiB and must not raise; `read` raises DannError naming file and offset for a
    file that breaks off or breaks the format's promise.
    """

    name: str
    claims: Callable[[ExportFile, bytes], bool]
    read: Callable[[ExportFile], Iterator[Record]]
