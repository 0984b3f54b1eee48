"""Which key of people's own tables and JSON lines is the author, the time, or says "this is mine". Knows no file format.

Keys are compared in lower case, with "_" for spaces. `author` and `time` are what the documentation names; the others are
what programs call them.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from model.errors import DannError
from training.exports.generic.column_names import FLAGS, SENDERS, TIMES, Fields
from training.exports.generic.survey import ColumnSurvey

_DOUBTFUL = ("out", "sent", "mine", "type")
"""Flags that say something else in many tables: that a message was delivered, or what it is."""
_MAY_BE_SENDER = re.compile(r"(?:is_)?(?:from|sender|user|author|nick|handle|speaker|poster)(?:_|$|name|id)")
_NO_SENDER = re.compile(r"user_?agent|.*_(?:url|color|colour|avatar|image|lang|count|type)$")
_OUTGOING = "1 true yes y t outgoing outbound out sent send me ausgehend gesendet enviado envoyé inviato verzonden"
_INCOMING = (
    "0 false no n f incoming inbound in received receive inbox eingehend empfangen recibido reçu ricevuto ontvangen"
)
_MINE, _THEIRS = frozenset(_OUTGOING.split()), frozenset(_INCOMING.split())
_NO_DIRECTION = frozenset(("1", "0", "true", "false", "yes", "no", "y", "n", "t", "f"))
"""Values that are no `type` of the owner's messages, or of others'."""
_SMS = frozenset(("address", "date", "type"))
_SMS_TYPES = frozenset("123456")
"""`type` in tables of Android's messages, beside the other's number in `address`: 1 was received, the others are mine."""
_RUINED = re.compile(r"\d(?:[.,]\d+)?[eE]\+?\d{1,2}")
"""A long id that a spreadsheet has rounded: 4.58305E+17."""


def is_ruined(value: object) -> bool:
    """Return whether a value is an id that a spreadsheet has rounded, so that several people may have it."""
    return bool(_RUINED.fullmatch(str(value).strip()))


def plain_key(key: str) -> str:
    """Return a key in lower case, with "_" for what is between its words."""
    return re.sub(r"[\s.-]+", "_", key.strip().lower())


@dataclass(frozen=True, slots=True)
class Columns:
    """The keys that say who wrote (`sender`), whether it was the owner (`flag`), and when (`times`, tried in order).

    `names_people` is whether the file says who wrote, so that a message without a name is nobody's. A flag that
    `yields` counts only where no sender is named.
    """

    sender: str = ""
    flag: str = ""
    times: tuple[str, ...] = ()
    names_people: bool = False
    yields: bool = False


def find_columns(survey: ColumnSurvey, label: str) -> Columns:
    """Return the columns of a file by all of its records, whose keys are plain.

    Raises DannError for a key that may say who wrote and cannot be read: what nobody understands must not become the owner's.
    """
    keys, samples = survey.keys, survey.samples
    times = tuple(key for key in TIMES if key in keys)
    if "author" in keys:
        _refuse_ruined(samples, label, "author")
        return Columns("author", "", times, names_people=bool(survey.named["author"]))
    flag = next((key for key in FLAGS if key in keys and _is_flag(survey, key, label)), "")
    senders = [key for key in SENDERS if key in keys]
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
    yields = bool(flag and sender) and _yields(survey, flag, sender)
    return Columns(sender, flag, times, names_people=bool(flag or sender), yields=yields)


def is_mine(value: object, key: str, label: str) -> bool:
    """Return whether a flag says that the owner wrote. Raises DannError for a value that says neither."""
    written = str(value).strip().lower()
    if key == "type" and written in _SMS_TYPES:
        return written != "1"
    if written in _MINE:
        return True
    if written in _THEIRS or value is None:
        return False
    raise DannError(
        f"{label}: the column {key!r} says who wrote, and has {written[:40]!r}; allowed are true and false, or incoming and "
        "outgoing: change it, or rename the column with the names to author"
    )


def _is_flag(survey: ColumnSurvey, key: str, label: str) -> bool:
    values = survey.flags[key]
    if key == "type":
        return bool(values) and (values <= (_MINE | _THEIRS) - _NO_DIRECTION or _is_sms(survey.keys, values))
    if key in _DOUBTFUL:
        return bool(values) and values <= _MINE | _THEIRS
    for value in values:
        is_mine(value, key, label)
    return bool(values)


def _is_sms(keys: Collection[str], values: Collection[str]) -> bool:
    return _SMS.issubset(keys) and _SMS_TYPES.issuperset(values)


def _yields(survey: ColumnSurvey, flag: str, sender: str) -> bool:
    """Return whether a flag with one value alone says less than the names: several people are not all the owner."""
    values = survey.flags[flag]
    if flag == "type" and _is_sms(survey.keys, values):
        return False
    return not values & _THEIRS and (flag in _DOUBTFUL or len(survey.named[sender]) > 1)


def _refuse_ruined(samples: Sequence[Fields], label: str, key: str) -> None:
    ruined = next((str(fields[key]) for fields in samples if is_ruined(fields.get(key, ""))), "")
    if ruined:
        raise DannError(
            f"{label}: the column {key!r} has ids that a spreadsheet rounded ({ruined[:20]}), so people cannot be "
            "told apart; import the file as it was exported, or give names instead"
        )
