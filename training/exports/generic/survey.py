"""The first reading of a person's own table or JSON lines: what is known only at its end. Knows no file format.

A first page of messages does not tell: all may be received, without an author, or on days up to the twelfth.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from training.exports.common.local_time import MonthVotes
from training.exports.generic.column_names import FLAGS, SENDERS, TIMES, Fields

_SAMPLES = 20
_MOST_KEYS = 1_000
_MOST_VALUES = 50


@dataclass
class ColumnSurvey:
    """What all records of a file have: their keys, the values of flags, two names of each column with senders.

    `month_first` is how its dates of numbers are read, `formerly_month_first` how versions before read them.
    """

    samples: list[Fields] = field(default_factory=list)
    keys: dict[str, None] = field(default_factory=dict)
    flags: dict[str, set[str]] = field(default_factory=dict)
    named: dict[str, set[str]] = field(default_factory=dict)
    formerly_month_first: bool = False
    _times: set[str] = field(default_factory=set)
    _order: MonthVotes = field(default_factory=MonthVotes)

    @property
    def month_first(self) -> bool:
        """Whether dates of numbers have the month first."""
        return self._order.month_first

    def read(self, records: Iterable[Fields]) -> "ColumnSurvey":
        """Take in all records, whose keys are plain; return this survey."""
        for fields in records:
            if len(self.samples) < _SAMPLES:
                self.samples.append(fields)
            if not fields.keys() <= self.keys.keys():
                self._add_keys(fields)
            for key, values in self.flags.items():
                if len(values) < _MOST_VALUES and (value := fields.get(key)) not in (None, ""):
                    values.add(str(value).strip().lower())
            for key, names in self.named.items():
                if len(names) < 2 and (name := _named(fields.get(key))):
                    names.add(name)
            for key in self._times:
                self._order.add(fields.get(key))
        return self

    def _add_keys(self, fields: Fields) -> None:
        for key in fields:
            if key in self.keys or len(self.keys) >= _MOST_KEYS:
                continue
            self.keys[key] = None
            if key in FLAGS:
                self.flags[key] = set()
            if key in SENDERS:
                self.named[key] = set()
            if key in TIMES:
                self._times.add(key)


def _named(value: object) -> str:
    if isinstance(value, Mapping):
        return repr(value) if any(value.values()) else ""
    return "" if value is None else str(value).strip()
