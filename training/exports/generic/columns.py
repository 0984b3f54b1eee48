"""Which key of people's own tables and JSON lines is the author, the time, or says "this is mine". Knows no file format.

Keys are compared in lower case, with "_" for spaces. `author` and `time` are what the documentation names; the others are
what programs call them.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from model.errors import DannError

_SENDERS = (
    "author author_name authorname sender_name sendername from_name fromname sender from from_user user username"
    " user_name nick nickname handle screen_name display_name displayname name speaker who member participant poster"
    " sender_id senderid from_id fromid author_id authorid user_id userid handle_id contact phone_number address"
)
_FLAGS = (
    "is_from_me isfromme from_me fromme is_mine mine outgoing is_outgoing isoutgoing out is_sender issender sent_by_me"
    " direction type"
)
_TIMES = (
    "time timestamp datetime date_time date message_date messagedate sent_at sentat sent date_sent datesent created_at"
    " createdat created created_utc posted_at posted published published_at ts epoch unix_time unixtime when timestamp_ms"
)
_MAY_BE_SENDER = re.compile(r"(?:is_)?(?:from|sender|user|author|nick|handle|speaker|poster)(?:_|$|name|id)")
_NO_SENDER = re.compile(r"user_?agent|.*_(?:url|color|colour|avatar|image|lang|count|type)$")
_OUTGOING = "1 true yes y t outgoing outbound out sent send me ausgehend gesendet enviado envoyé inviato verzonden"
_INCOMING = (
    "0 false no n f incoming inbound in received receive inbox eingehend empfangen recibido reçu ricevuto ontvangen"
)
_MINE, _THEIRS = frozenset(_OUTGOING.split()), frozenset(_INCOMING.split())
_RUINED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d{1,2}")
"""A long id that a spreadsheet has rounded: 4.58305E+17."""

Fields = Mapping[str, object]


def is_ruined(value: object) -> bool:
    """Return whether a value is an id that a spreadsheet has rounded, so that several people may have it."""
    return bool(_RUINED.fullmatch(str(value).strip()))


def plain_key(key: str) -> str:
    """Return a key in lower case, with "_" for what is between its words."""
    return re.sub(r"[\s.-]+", "_", key.strip().lower())


@dataclass(frozen=True, slots=True)
class Columns:
    """The keys that say who wrote (`sender`), whether it was the owner (`flag`), and when (`times`, tried in order)."""

    sender: str = ""
    flag: str = ""
    times: tuple[str, ...] = ()

    @property
    def names_people(self) -> bool:
        """Whether the file says who wrote, under another key than `author`."""
        return bool(self.flag or (self.sender and self.sender != "author"))


def find_columns(samples: Sequence[Fields], label: str) -> Columns:
    """Return the columns of a file from its first records, whose keys are plain.

    Raises DannError for a key that may say who wrote and cannot be read: what nobody understands must not become the owner's.
    """
    keys = list(dict.fromkeys(key for fields in samples for key in fields))
    times = [key for key in _TIMES.split() if key in keys]
    if "author" in keys:
        _refuse_ruined(samples, label, "author")
        return Columns("author", "", tuple(times))
    flag = next((key for key in _FLAGS.split() if key in keys and _is_flag(samples, key, label)), "")
    senders = [key for key in _SENDERS.split() if key in keys]
    believed = [key for key in senders if not any(is_ruined(fields.get(key, "")) for fields in samples)]
    if senders and not believed and not flag:
        _refuse_ruined(samples, label, senders[0])
    sender = believed[0] if believed else ""
    unknown = [key for key in keys if _MAY_BE_SENDER.match(key) and not _NO_SENDER.match(key)]
    if unknown and not sender and not flag:
        raise DannError(
            f"{label}: the column {unknown[0]!r} may say who wrote, and dann does not know how; rename it to author (a "
            "name or id), or remove it if every line is your own"
        )
    return Columns(sender, flag, tuple(times))


def is_mine(value: object, key: str, label: str) -> bool:
    """Return whether a flag says that the owner wrote. Raises DannError for a value that says neither."""
    written = str(value).strip().lower()
    if written in _MINE:
        return True
    if written in _THEIRS or value is None:
        return False
    raise DannError(
        f"{label}: the column {key!r} says who wrote, and has {written[:40]!r}; allowed are true and false, or incoming and "
        "outgoing: change it, or rename the column with the names to author"
    )


def _is_flag(samples: Sequence[Fields], key: str, label: str) -> bool:
    values = {str(fields[key]).strip().lower() for fields in samples if fields.get(key) not in (None, "")}
    if key in ("type", "out", "sent", "mine"):
        return bool(values) and values <= _MINE | _THEIRS - {"1", "0"} if key == "type" else values <= _MINE | _THEIRS
    for value in values:
        is_mine(value, key, label)
    return bool(values)


def _refuse_ruined(samples: Sequence[Fields], label: str, key: str) -> None:
    ruined = next((str(fields[key]) for fields in samples if is_ruined(fields.get(key, ""))), "")
    if ruined:
        raise DannError(
            f"{label}: the column {key!r} has ids that a spreadsheet rounded ({ruined[:20]}), so people cannot be "
            "told apart; import the file as it was exported, or give names instead"
        )
