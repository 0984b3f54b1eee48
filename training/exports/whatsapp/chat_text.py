"""Reader for WhatsApp's "Export chat": `_chat.txt` (iPhone), `WhatsApp Chat with X.txt`.

A message is a timestamp, a name, a colon and lines up to the next timestamp of the file's style; there are no time zones,
message ids or replies, and the owner is not named. The file is read twice, first for what needs all of it (survey.py).
"""

from collections.abc import Iterator
from itertools import islice

from model.errors import DannError
from training.exports.common.encodings import decode_head
from training.exports.common.files import ExportFile, read_lines
from training.exports.common.record import ExportReader, Former, Record
from training.exports.whatsapp import notices
from training.exports.whatsapp.calendars import DAY_SECONDS, Numbers, day_of, former_seconds, midnight
from training.exports.whatsapp.survey import Survey, plain_name, survey_chat
from training.exports.whatsapp.timestamps import StampParser, clock_of, date_of, settle_style, style_of

_NOBODY = "WhatsApp"
"""The author of notices without one (OWNER would make them the owner's)."""
_LEAST_INSIDE = 3
"""Messages in the head of a file that begins within one."""
_HEAD_LINES = 2_000


def read(file: ExportFile) -> Iterator[Record]:
    """Yield the messages of one chat, oldest first. Raises DannError for a file without any, and for dates not known."""
    survey = survey_chat(file)
    if survey is None:
        raise DannError(
            f'{file.label}: no line begins like a WhatsApp message ("[20.01.24, 11:23:45] name: " or '
            '"20/01/2024, 11:23 - name: "); export the chat again from WhatsApp\'s own menu'
        )
    channel, chat, converted = survey.channel(), survey.chat(file.label), survey.dates.calendar != "gregorian"
    other_days, other_channels, moves = survey.dates.others, survey.other_channels(), survey.dates.is_known
    simple, own_words = survey.simple_names, notices.own_words
    for numbers, time, first, more in _messages(file, survey):
        written, colon, words = first.partition(": ")
        name = simple.get(written) if colon else None
        if name is None:
            name_and_text = survey.split(first)
            if name_and_text is None:
                yield Record("", _NOBODY, (), channel, time, "", None, None, "service", "", None, chat)
                continue
            name, words = plain_name(name_and_text[0]), name_and_text[1]
        text, reason, former_text = own_words(words, more, survey)
        if reason is None and (converted or former_text != text or numbers in other_days):
            former_time = former_seconds(numbers, survey.dates.order, time) if converted else time
            other_times = tuple(start + time % DAY_SECONDS for start in other_days.get(numbers, ()))
            former = Former(former_text, former_time, (), other_times, other_channels if other_times else (), moves)
            yield Record("", name, (name,), channel, time, text, former=former, chat=chat)
        else:
            yield Record("", name, (name,), channel, time, text, None, None, reason, "", None, chat)


def _messages(file: ExportFile, survey: Survey) -> Iterator[tuple[Numbers, float, str, list[str]]]:
    """Yield each message's date, its time in Unix seconds, its first line with the name, and its other lines."""
    plain, match, crlf = survey.parser.plain, survey.parser.match, survey.crlf
    days: dict[str, tuple[Numbers, float] | None] = {}  # the numbers of a date, and its first second
    numbers: Numbers = (0, 0, 0)
    time, first, more = 0.0, None, list[str]()
    after_message = True
    for line in read_lines(file, keep_returns=True):
        stamp = (plain(line) or match(line)) if after_message else None
        after_message = not crlf or line.endswith("\r")
        if stamp is not None:
            date, written = stamp.groups()
            if date not in days:
                day = day_of(date_of(date), survey.dates.order, survey.dates.calendar)
                days[date] = None if day is None else (date_of(date), midnight(day))
            known, clock = days[date], clock_of(written)
            if known is not None and clock is not None:
                if first is not None:
                    yield numbers, time, first, more
                (numbers, start), first, more = known, line[stamp.end() :].removesuffix("\r"), []
                time = start + clock[0]
                continue
        if first is not None:
            more.append(line.removesuffix("\r"))
    if first is not None:
        yield numbers, time, first, more


def claims(head: bytes) -> bool:
    """Claim text that starts with a timestamp and has a name after some, or text that such a chat's messages follow in."""
    lines = [line for line in islice(decode_head(head).replace("\r", "\n").split("\n"), _HEAD_LINES) if line.strip()]
    style = settle_style(lines)
    if style is None:
        return False
    parser = StampParser(style)
    named = sum(found is not None and ":" in found.rest for found in map(parser.parse, lines))
    if style_of(lines[0]):
        return named > 0
    never_whatsapps = style.close not in "]:" and style.seconds
    return named >= _LEAST_INSIDE and 5 * named >= len(lines) and not never_whatsapps


READER = ExportReader("whatsapp", claims, read)
