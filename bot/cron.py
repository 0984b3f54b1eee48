"""Check cron expressions of five fields, such as "30 4 * * mon-fri".

Stricter than some crons, so that nothing is ambiguous: weekdays have names, as 0 is Sunday to one cron and Monday to another,
and a day that never comes is refused. Knows no scheduler.
"""

import re

FIELDS = ("minute", "hour", "day", "month", "day of the week")
RANGES = ((0, 59), (0, 23), (1, 31), (1, 12))
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
MONTH_DAYS = (31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NUMBERS = re.compile(r"(?:\*|(?P<first>\d{1,2})(?:-(?P<last>\d{1,2}))?)(?:/(?P<step>\d{1,2}))?", re.ASCII)
_NAMES = re.compile(r"(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?")


def check_cron(expression: str) -> None:
    """Raise ValueError for an invalid expression, naming the field and what it may be."""
    fields = expression.lower().split()
    if len(fields) != len(FIELDS):
        raise ValueError(f'it must have five fields, {", ".join(FIELDS)}, as "0 4 * * *" has: it has {len(fields)}')
    for number in (0, 1):
        _field_values(fields[number], number)
    days, months = _field_values(fields[2], 2), _field_values(fields[3], 3)
    for item in fields[4].split(","):
        if item != "*" and not _name_range(item, WEEKDAYS):
            raise ValueError(
                f'day of the week {item!r} must be * or of {", ".join(WEEKDAYS)}, such as "mon-fri" or "sat,sun"'
            )
    if min(days) > max(MONTH_DAYS[month - 1] for month in months):
        raise ValueError("there is no such day in those months")


def _field_values(field: str, number: int) -> set[int]:
    """Return the numbers that a field matches."""
    return {value for item in field.split(",") for value in _item_range(item, number)}


def _item_range(item: str, number: int) -> range:
    least, most = RANGES[number]
    if FIELDS[number] == "month" and (months := _name_range(item, MONTHS)):
        return range(months.start + 1, months.stop + 1)
    match = _NUMBERS.fullmatch(item)
    if match:
        step = int(match["step"] or 1)
        first = least if match["first"] is None else int(match["first"])
        single = match["first"] is not None and match["last"] is None
        last = first if single else int(match["last"] or most)
        if least <= first <= last <= most and 1 <= step <= max(1, last - first) and not (single and match["step"]):
            return range(first, last + 1, step)
    names = f", or of {', '.join(MONTHS)}" if FIELDS[number] == "month" else ""
    raise ValueError(
        f'{FIELDS[number]} {item!r} must be * or from {least} to {most}{names}, such as "{least}-{least + 4}/2"'
    )


def _name_range(item: str, names: tuple[str, ...]) -> range | None:
    """Return the positions of the names in `names`; None where unknown or in reverse."""
    match = _NAMES.fullmatch(item)
    if not match or match["first"] not in names or (match["last"] or match["first"]) not in names:
        return None
    first, last = names.index(match["first"]), names.index(match["last"] or match["first"])
    return range(first, last + 1) if first <= last else None
