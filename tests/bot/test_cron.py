"""What a cron expression may be: what is let through means the same to APScheduler, and what is not is told in one line."""

from datetime import UTC, datetime

import pytest
from apscheduler.triggers.cron import CronTrigger  # type: ignore[import-untyped]
from hypothesis import given
from hypothesis import strategies as st

from bot.cron import MONTHS, RANGES, WEEKDAYS, check_cron
from bot.platforms import settings_class
from model.errors import DannError
from training.config.load import load_settings

NOW = datetime(2026, 1, 15, 12, 30, tzinfo=UTC)


def item(least: int, most: int) -> st.SearchStrategy[str]:
    pair = st.tuples(st.integers(least, most), st.integers(least, most)).map(sorted)
    steps = st.integers(1, most - least)
    ranges = pair.map(lambda two: f"{two[0]}-{two[1]}")
    return st.one_of(st.just("*"), steps.map(lambda step: f"*/{step}"), st.integers(least, most).map(str), ranges)


def field(items: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.lists(items, min_size=1, max_size=3).map(",".join)


def named(names: tuple[str, ...]) -> st.SearchStrategy[str]:
    pair = st.tuples(st.integers(0, len(names) - 1), st.integers(0, len(names) - 1)).map(sorted)
    return st.one_of(st.just("*"), st.sampled_from(names), pair.map(lambda two: f"{names[two[0]]}-{names[two[1]]}"))


NUMBERS = [field(item(*bounds)) for bounds in RANGES]


@given(st.tuples(*NUMBERS[:3], st.one_of(NUMBERS[3], field(named(MONTHS))), field(named(WEEKDAYS))))
def test_what_is_let_through_has_a_next_time_for_apscheduler(fields: tuple[str, ...]) -> None:
    expression = " ".join(fields)
    try:
        check_cron(expression)
    except ValueError as error:
        assert "no such day" in str(error)  # noqa: PT017 (the 30th of February can be drawn)
        return
    assert CronTrigger.from_crontab(expression, timezone=UTC).get_next_fire_time(None, NOW) >= NOW


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("61 4 * * *", "minute '61' must be * or from 0 to 59, such as \"0-4/2\""),
        ("0 24 * * *", "hour '24' must be * or from 0 to 23"),
        ("0 4 0 * *", "day '0' must be * or from 1 to 31"),
        ("0 4 * 13 *", "month '13' must be * or from 1 to 12, or of jan, feb"),
        ("0 4 * * 1", "day of the week '1' must be * or of mon, tue, wed, thu, fri, sat, sun, such as"),
        ("0 4 * * fri-mon", "day of the week 'fri-mon' must be"),
        ("30-10 4 * * *", "minute '30-10' must be"),
        ("5/10 4 * * *", "minute '5/10' must be"),
        ("*/0 4 * * *", "minute '*/0' must be"),
        ("*/60 4 * * *", "minute '*/60' must be"),
        ("٤ 4 * * *", "minute '٤' must be"),
        ("1,,2 4 * * *", "minute '' must be"),
        ("0 4 * *", 'five fields, minute, hour, day, month, day of the week, as "0 4 * * *" has: it has 4'),
        ("@daily", "it has 1"),
        ("0 4 31 2,4 *", "there is no such day in those months"),
    ],
)
def test_a_wrong_one_is_one_line_with_where_and_what(written: str, told: str) -> None:
    with pytest.raises(DannError) as caught:
        load_settings(settings_class(), None, [f'bot.schedule.cron="{written}"'])
    assert str(caught.value).startswith(f"--set: bot.schedule.cron = {written!r} is not right: ")
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(("written", "read"), [("", ""), ("  ", ""), ("0  4 * JAN Mon-fri", "0 4 * jan mon-fri")])
def test_it_is_read_in_one_form(written: str, read: str) -> None:
    assert load_settings(settings_class(), None, [f'bot.schedule.cron="{written}"']).bot.schedule.cron == read
