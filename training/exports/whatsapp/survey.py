"""What only the whole of a WhatsApp chat tells: its style, the order of its dates, its senders, its channel."""

import re
from collections import Counter
from functools import lru_cache

from model.errors import DannError
from training.exports.common.encodings import DIRECTION_MARKS
from training.exports.common.files import ExportFile, read_lines
from training.exports.common.record import ChatNames, channel_hash
from training.exports.whatsapp.calendars import DateDetector, Numbers, day_of, midnight
from training.exports.whatsapp.file_name import file_names
from training.exports.whatsapp.timestamps import StampParser, Style, clock_of, date_of, settle_style

_MIN_SAME_START = 3
"""Messages of "Re" that must all begin with "Zero: " before the name is read as "Re: Zero"."""
_FIRST_STAMPS = 20
"""Stamps by which the ends of lines are settled."""
_LONGEST_PASTED = 50
"""Messages pasted into one; more stamps after LF alone mean that the file was put together, and LF ends messages too."""
_MOST_IN_PAIR = 2
_MOST_MARKED = 10_000
"""Different texts with U+200E whose writers are remembered."""
TAG_AT_END = re.compile(r"\s<(?=[^<>]*(?:\s|[^\x00-\x7f]))([^<>\n=\"/]{4,100})>\Z")
"""Words in `<…>` behind a message. One word of English letters is rather a person's, such as "<grin>"."""
_QUOTE = re.compile('["“”„«»]')
_TAG_ENDS = (">", ">\r")
_LONGEST_TAG = 120
_MARK = re.compile(f"[{DIRECTION_MARKS}]")


class Survey:
    """Facts that need the whole file."""

    def __init__(self, file: ExportFile, style: Style, *, crlf: bool) -> None:
        self.parser, self.crlf = StampParser(style), crlf
        self.longest_pasted = 0
        self._messages = Counter[str]()
        self._longer: dict[str, str] = {}  # a name with what follows up to a second ": ", "" unless always the same
        self._people: set[str] = set()
        self.simple_names: dict[str, str] = {}
        """Names that no second ": " may belong to, and what they are without marks."""
        self._first: tuple[Numbers, int, str] | None = None
        self._writer_of: dict[str, str] = {}  # of texts with U+200E; "" for several
        self._tags: dict[str, str] = {}  # those at the end of a message, with what stands before; "" for several
        self._unknown: dict[str, int] = {}
        self._read(file)

    def _read(self, file: ExportFile) -> None:
        dates = DateDetector()
        plain, match, crlf = self.parser.plain, self.parser.match, self.crlf
        pasted, after_message, date, tagged = 0, True, "", ""
        for line in read_lines(file, keep_returns=True):
            stamp = plain(line) or match(line)
            if stamp is not None:
                if after_message:
                    pasted = 0
                    self._add_tag(tagged)
                    if stamp[1] != date:
                        date = stamp[1]
                        dates.add(date_of(date))
                    self._add(stamp, line[stamp.end() :])
                else:
                    pasted += 1
                    self.longest_pasted = max(self.longest_pasted, pasted)
            after_message = not crlf or line.endswith("\r")
            tagged = line[stamp.end() if stamp else 0 :] if line.endswith(_TAG_ENDS) else ""
        self._add_tag(tagged)
        for word, hour in self._unknown.items():
            if 0 < hour <= 12:
                raise DannError(
                    f"{file.label}: {word!r} beside the time may say which half of the day it is, and dann does not "
                    "know it; set the phone to 24 hours and export the chat again"
                )
        self.dates = dates.detect(file)
        self.simple_names = {name: plain_name(name) for name in self._messages if not self._longer.get(name)}

    def _add(self, stamp: re.Match[str], rest: str) -> None:
        clock = clock_of(stamp[2])
        if clock is None:
            return
        if clock[1]:
            hour = clock[0] // 3600
            self._unknown[clock[1]] = max(hour or 24, self._unknown.get(clock[1], 0))
        name, colon, text = rest.partition(": ")
        if not colon or (name not in self._messages and _opens_quote(name)):
            return
        self._messages[name] += 1
        longer = self._longer.get(name)
        if longer != "":
            second, second_colon, _ = text.partition(": ")
            now = f"{name}: {second}" if second_colon else ""
            self._longer[name] = now if longer is None or longer == now else ""
        if name not in self._people and not text.startswith("\u200e"):  # notices of a group have the group's name
            self._people.add(name)
            self._first = self._first or (date_of(stamp[1]), clock[0], rest.removesuffix("\r"))
        if "\u200e" in text and len(self._writer_of) < _MOST_MARKED:
            text = text.removesuffix("\r")
            if self._writer_of.setdefault(text, name) != name:
                self._writer_of[text] = ""

    def _add_tag(self, line: str) -> None:
        """Note a tag at the end of a message's last line."""
        tag = TAG_AT_END.search(_MARK.sub("", line).rstrip()[-_LONGEST_TAG:]) if line else None
        if tag and (tag[1] in self._tags or len(self._tags) < _MOST_MARKED):
            before = line.partition("<")[0]
            if self._tags.setdefault(tag[1], before) != before:
                self._tags[tag[1]] = ""

    def ends_several(self, tag: str) -> bool:
        """Return whether several messages end with this tag."""
        return self._tags.get(tag) == ""

    def is_of_several(self, text: str) -> bool:
        """Return whether several people have this text, which has U+200E in it."""
        return self._writer_of.get(text) == ""

    def split(self, rest: str) -> tuple[str, str] | None:
        """Split a line into name and text, or return None for a notice without a sender."""
        name, colon, text = rest.partition(": ")
        if colon and not _opens_quote(name):
            longer = self._longer.get(name)
            if longer and self._messages[name] >= _MIN_SAME_START:
                return longer, rest[len(longer) + 2 :]
            return name, text
        name, colon, text = rest.partition(":")
        return (name, text) if colon and (name in self._messages or not text) and not _opens_quote(name) else None

    def chat(self, label: str) -> ChatNames:
        """Return the chat by the names that its file and the two who write in it give it."""
        people = tuple(sorted(self._plain_people()))
        people = people if len(people) <= _MOST_IN_PAIR else ()
        return ChatNames(self.channel(), file_names(label) or ((" and ".join(people),) if people else ()), people)

    def channel(self) -> str:
        """Return a channel id that is the same in most newer exports under another file name.

        A chat of two is identified by their names, because an export reaches back 40,000 messages at most. A group is
        identified by its first message, because people come and go. Either is hashed, as it names or quotes somebody.
        """
        people = self._plain_people()
        if len(people) > _MOST_IN_PAIR and self._first:
            day = day_of(self._first[0], self.dates.order, self.dates.calendar)
            return self._group_channel(midnight(day) if day else None)
        names = "\n".join(sorted(name.casefold() for name in people))
        return f"whatsapp:{channel_hash(names)}"

    def other_channels(self) -> tuple[str, ...]:
        """Return the ids that earlier exports of the chat may have, if its dates were read in another order."""
        if self._first is None or len(self._plain_people()) <= _MOST_IN_PAIR:
            return ()
        return tuple(map(self._group_channel, self.dates.others.get(self._first[0], ())))

    def _plain_people(self) -> set[str]:
        return {plain_name(name) for name in self._people}

    def _group_channel(self, start: float | None) -> str:
        """Return a group's channel by the first second of its first message's day, None if unknown."""
        _, seconds, rest = self._first or ((), 0, "")
        minute = (0.0 if start is None else start + seconds) // 60  # Android writes no seconds
        key = f"{minute:.0f}\n{rest}"
        return f"whatsapp:{channel_hash(key)}"


def survey_chat(file: ExportFile) -> Survey | None:
    """Read a chat once; return None where no line begins with a timestamp."""
    style = settle_style(read_lines(file))
    if style is None:
        return None
    survey = Survey(file, style, crlf=_ends_with_crlf(file, style))
    return survey if survey.longest_pasted <= _LONGEST_PASTED else Survey(file, style, crlf=False)


def _ends_with_crlf(file: ExportFile, style: Style) -> bool:
    """Return whether CRLF ends messages, as on iPhones, where LF ends the lines within."""
    parser, with_return, stamps, previous = StampParser(style), 0, 0, ""
    for line in read_lines(file, keep_returns=True):
        if parser.parse(line) and previous:
            stamps += 1
            with_return += previous.endswith("\r")
            if stamps == _FIRST_STAMPS:
                break
        previous = line
    return 2 * with_return > stamps


@lru_cache(maxsize=4096)
def _opens_quote(name: str) -> bool:
    """Tell `Ann changed the subject to "tea` from a name: its colon is inside quotation marks."""
    return len(_QUOTE.findall(name)) % 2 == 1


@lru_cache(maxsize=4096)
def plain_name(name: str) -> str:
    """Remove direction marks, and the "~ " before people who are not in the address book."""
    return _MARK.sub("", name).strip().removeprefix("~").strip()
