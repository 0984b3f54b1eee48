"""WhatsApp's "Export chat": `_chat.txt` of an iPhone, `WhatsApp Chat with X.txt` of an Android phone.

The text names no format, zone, message id or reply: a message is a stamp, a name, a colon and lines up to the next
stamp. The file is read twice, first for the order of its dates and the names in it. Who "me" is, it does not know.
"""

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from model.errors import DannError
from training.exports.common.files import ExportFile, open_text, text_of
from training.exports.common.record import ExportReader, Record
from training.exports.whatsapp import notices
from training.exports.whatsapp.timestamps import MARKS, DateOrder, Order, Stamp, stamp

_NOBODY = "WhatsApp"
"""The author of notices that name none (OWNER would make them mine)."""
_SAME_START = 3
"""How many messages of "Re" must all begin with "Zero: " before the name is taken to be "Re: Zero"."""
_QUOTE = re.compile('["“”„«»]')
_MARK = re.compile(f"[{MARKS}]")


@dataclass(slots=True)
class _Sender:
    messages: int
    longer: str | None


class _Survey:
    """What only the whole file tells: the order of its dates, who writes in it, and which chat it is."""

    def __init__(self) -> None:
        self.dates = DateOrder()
        self._senders: dict[str, _Sender] = {}
        self._people: set[str] = set()
        self._first: Stamp | None = None

    def see(self, line: Stamp) -> None:
        self.dates.see(line.numbers)
        name, colon, text = line.rest.partition(": ")
        if not colon or _opens_quote(name):
            return
        second, again, _ = text.partition(": ")
        longer = f"{name}: {second}" if again else None
        sender = self._senders.setdefault(name, _Sender(0, longer))
        sender.messages += 1
        sender.longer = longer if sender.longer == longer else None
        if not text.startswith("\u200e"):  # notices of a group bear the group's name
            self._people.add(_plain(name))
            self._first = self._first or line

    def split(self, rest: str) -> tuple[str, str] | None:
        """Part a line into name and text, or None for a notice that is nobody's."""
        name, colon, text = rest.partition(": ")
        if colon and not _opens_quote(name):
            sender = self._senders[name]
            if sender.longer and sender.messages >= _SAME_START:
                return sender.longer, rest[len(sender.longer) + 2 :]
            return name, text
        name, colon, text = rest.partition(":")
        return (name, text) if colon and (name in self._senders or not text) and not _opens_quote(name) else None

    def channel(self, order: Order) -> str:
        """Name the chat so that a newer export of it gets the same name, whatever its file is called.

        Two people are known by their names, which outlast the 40,000 messages that an export reaches back. A group is
        known by its first message, because people come and go. Hashed, because either is somebody's.
        """
        key = "\n".join(sorted(name.casefold() for name in self._people))
        if len(self._people) > 2 and self._first:
            seconds = self._first.seconds(order) or 0.0
            key = f"{seconds // 60:.0f}\n{self._first.rest}"  # Android writes no seconds
        return "whatsapp:" + hashlib.sha256(key.encode("utf-8", "replace")).hexdigest()[:12]


def _opens_quote(name: str) -> bool:
    """Tell `Ann changed the subject to "tea` from a name: the colon found stands inside quotation marks."""
    return len(_QUOTE.findall(name)) % 2 == 1


def _plain(name: str) -> str:
    """Take off direction marks, and the "~ " before people who are not in the address book."""
    return _MARK.sub("", name).strip().removeprefix("~").strip()


def _survey(file: ExportFile) -> _Survey:
    survey = _Survey()
    with open_text(file) as lines:
        for line in lines:
            seen = stamp(line.rstrip("\n"))
            if seen:
                survey.see(seen)
    return survey


def _messages(file: ExportFile, order: Order) -> Iterator[tuple[float, list[str]]]:
    """Yield each message's time and its lines, the first with the name."""
    begun: float | None = None
    text: list[str] = []
    with open_text(file) as lines:
        for line in lines:
            bare = line.rstrip("\n")
            found = stamp(bare)
            time = found.seconds(order) if found else None
            if found and time is not None:
                if begun is not None:
                    yield begun, text
                begun, text = time, [found.rest]
            else:
                text.append(bare)
    if begun is not None:
        yield begun, text


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the messages of one chat, oldest first. Raises DannError for a file without any."""
    survey = _survey(file)
    order = survey.dates.settle(file.label)
    channel = survey.channel(order)
    empty = True
    for time, (first, *more) in _messages(file, order):
        empty = False
        parted = survey.split(first)
        if parted is None:
            yield Record("", _NOBODY, (), channel, time, "", dropped="service")
            continue
        name = _plain(parted[0])
        text, reason = notices.own_words("\n".join([parted[1], *more]))
        yield Record("", name, (name,), channel, time, text, dropped=reason)
    if empty:
        raise DannError(
            f'{file.label}: no line begins like a WhatsApp message ("[20.01.24, 11:23:45] name: " or '
            '"20/01/2024, 11:23 - name: "); export the chat again from WhatsApp\'s own menu'
        )


def claims(file: ExportFile, head: bytes) -> bool:  # noqa: ARG001 (every reader has this signature)
    """Claim text whose first line is a stamp and that has a name somewhere after one."""
    lines = [line for line in text_of(head).splitlines() if line.strip()]
    stamps = [stamp(line) for line in lines]
    return bool(stamps and stamps[0] and any(found and ":" in found.rest for found in stamps))


READER = ExportReader("whatsapp", claims, read)
