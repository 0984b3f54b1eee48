"""Reader for WhatsApp's "Export chat": `_chat.txt` (iPhone), `WhatsApp Chat with X.txt`.

A message is a timestamp, a name, a colon and lines up to the next timestamp; there are no time zones, message ids or
replies, and the owner is not named. The file is read twice, first for the order of its dates and the senders' names.
"""

import re
from collections import Counter
from collections.abc import Iterator

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, open_text
from training.exports.common.record import ExportReader, Record, channel_hash
from training.exports.whatsapp import notices
from training.exports.whatsapp.timestamps import DIRECTION_MARKS, DateOrderDetector, Order, Timestamp, parse_timestamp

_NOBODY = "WhatsApp"
"""The author of notices without one (OWNER would make them the owner's)."""
_MIN_SAME_START = 3
"""Messages of "Re" that must all begin with "Zero: " before the name is read as "Re: Zero"."""
_QUOTE = re.compile('["“”„«»]')
_MARK = re.compile(f"[{DIRECTION_MARKS}]")


class _Survey:
    """Facts that need the whole file: the order of its dates, its senders, and its channel id."""

    def __init__(self, file: ExportFile) -> None:
        self.dates = DateOrderDetector()
        self._messages = Counter[str]()
        self._longer: dict[str, str] = {}  # a name with what follows up to a second ": ", "" unless always the same
        self._people: set[str] = set()
        self._first: Timestamp | None = None
        with open_text(file) as lines:
            for line in lines:
                if timestamp := parse_timestamp(line.rstrip("\n")):
                    self._add(timestamp)

    def _add(self, line: Timestamp) -> None:
        self.dates.add(line.numbers)
        name, colon, text = line.rest.partition(": ")
        if not colon or _opens_quote(name):
            return
        second, second_colon, _ = text.partition(": ")
        longer = f"{name}: {second}" if second_colon else ""
        self._messages[name] += 1
        if self._longer.setdefault(name, longer) != longer:
            self._longer[name] = ""
        if not text.startswith("\u200e"):  # notices of a group have the group's name
            self._people.add(_plain(name))
            self._first = self._first or line

    def split(self, rest: str) -> tuple[str, str] | None:
        """Split a line into name and text, or return None for a notice without a sender."""
        name, colon, text = rest.partition(": ")
        if colon and not _opens_quote(name):
            longer = self._longer[name]
            if longer and self._messages[name] >= _MIN_SAME_START:
                return longer, rest[len(longer) + 2 :]
            return name, text
        name, colon, text = rest.partition(":")
        return (name, text) if colon and (name in self._messages or not text) and not _opens_quote(name) else None

    def channel(self, order: Order) -> str:
        """Return a channel id that is the same in a newer export under another file name.

        A chat of two is identified by their names, because an export reaches back 40,000 messages at most. A group is
        identified by its first message, because people come and go. Either is hashed, as it names or quotes somebody.
        """
        key = "\n".join(sorted(name.casefold() for name in self._people))
        if len(self._people) > 2 and self._first:
            seconds = self._first.seconds(order) or 0.0
            key = f"{seconds // 60:.0f}\n{self._first.rest}"  # Android writes no seconds
        return f"whatsapp:{channel_hash(key)}"


def _opens_quote(name: str) -> bool:
    """Tell `Ann changed the subject to "tea` from a name: its colon is inside quotation marks."""
    return len(_QUOTE.findall(name)) % 2 == 1


def _plain(name: str) -> str:
    """Remove direction marks, and the "~ " before people who are not in the address book."""
    return _MARK.sub("", name).strip().removeprefix("~").strip()


def _messages(file: ExportFile, order: Order) -> Iterator[tuple[float, list[str]]]:
    """Yield each message's time and its lines, the first with the name."""
    started: float | None = None
    text: list[str] = []
    with open_text(file) as lines:
        for line in lines:
            bare = line.rstrip("\n")
            timestamp = parse_timestamp(bare)
            time = timestamp.seconds(order) if timestamp else None
            if timestamp and time is not None:
                if started is not None:
                    yield started, text
                started, text = time, [timestamp.rest]
            else:
                text.append(bare)
    if started is not None:
        yield started, text


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the messages of one chat, oldest first. Raises DannError for a file without any."""
    survey = _Survey(file)
    order = survey.dates.detect(file.label)
    channel = survey.channel(order)
    empty = True
    for time, (first, *more) in _messages(file, order):
        empty = False
        name_and_text = survey.split(first)
        if name_and_text is None:
            yield Record("", _NOBODY, (), channel, time, "", dropped="service")
            continue
        name = _plain(name_and_text[0])
        text, reason = notices.own_words("\n".join([name_and_text[1], *more]))
        yield Record("", name, (name,), channel, time, text, dropped=reason)
    if empty:
        raise DannError(
            f'{file.label}: no line begins like a WhatsApp message ("[20.01.24, 11:23:45] name: " or '
            '"20/01/2024, 11:23 - name: "); export the chat again from WhatsApp\'s own menu'
        )


def claims(head: bytes) -> bool:
    """Claim text that starts with a timestamp and has a name after some timestamp."""
    lines = [line for line in decode_head(head).splitlines() if line.strip()]
    timestamps = [parse_timestamp(line) for line in lines]
    return bool(timestamps and timestamps[0] and any(found and ":" in found.rest for found in timestamps))


READER = ExportReader("whatsapp", claims, read)
