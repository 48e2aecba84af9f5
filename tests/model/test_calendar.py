"""Windows begin and end by the civil calendar of China, UTC+8."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import CST
from hub.model.calendar import UNITS, window_end, window_start

SECOND = timedelta(seconds=1)
INSTANTS = st.datetimes(
    datetime(1970, 1, 2),
    datetime(2200, 1, 1),
    timezones=st.sampled_from([UTC, CST, timezone(timedelta(hours=-5))]),
)


def cst(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=CST)


BOUNDARIES = {
    "an hour begins on the hour": ("HOUR", cst(2026, 3, 5, 9)),
    "a day begins at midnight in China": ("DAY", cst(2026, 3, 5)),
    "a leap day is a day": ("DAY", cst(2028, 2, 29)),
    "the day after a leap day": ("DAY", cst(2028, 3, 1)),
    "a month begins after one of 31 days": ("MONTH", cst(2026, 2, 1)),
    "a month begins after February": ("MONTH", cst(2026, 3, 1)),
    "a month begins after February of a leap year": ("MONTH", cst(2028, 3, 1)),
    "a month begins with the new year": ("MONTH", cst(2027, 1, 1)),
    "a year begins on new year's day": ("YEAR", cst(2027, 1, 1)),
    "a leap year begins": ("YEAR", cst(2028, 1, 1)),
}


@pytest.mark.parametrize(("unit", "boundary"), BOUNDARIES.values(), ids=BOUNDARIES.keys())
def test_a_window_ends_where_the_next_begins_to_the_second(unit: str, boundary: datetime) -> None:
    assert window_end(unit, boundary - SECOND) == window_start(unit, boundary) == boundary
    assert window_start(unit, boundary + SECOND) == boundary
    assert window_start(unit, boundary - SECOND) < boundary < window_end(unit, boundary)


LENGTHS = {
    "an hour": ("HOUR", cst(2026, 3, 5, 9, 30), timedelta(hours=1)),
    "a day": ("DAY", cst(2026, 3, 5, 9), timedelta(days=1)),
    "February": ("MONTH", cst(2026, 2, 14), timedelta(days=28)),
    "February of a leap year": ("MONTH", cst(2028, 2, 14), timedelta(days=29)),
    "December": ("MONTH", cst(2026, 12, 31, 23, 59, 59), timedelta(days=31)),
    "a year": ("YEAR", cst(2026, 7, 1), timedelta(days=365)),
    "a leap year": ("YEAR", cst(2028, 7, 1), timedelta(days=366)),
}


@pytest.mark.parametrize(("unit", "now", "length"), LENGTHS.values(), ids=LENGTHS.keys())
def test_a_window_is_as_long_as_its_unit(unit: str, now: datetime, length: timedelta) -> None:
    assert window_end(unit, now) - window_start(unit, now) == length


def test_the_day_of_an_evening_in_london_is_the_next_one_in_china() -> None:
    assert window_start("DAY", datetime(2026, 3, 4, 16, tzinfo=UTC)) == cst(2026, 3, 5)
    assert window_start("DAY", datetime(2026, 3, 4, 15, 59, 59, tzinfo=UTC)) == cst(2026, 3, 4)


@given(st.sampled_from(UNITS), INSTANTS)
def test_every_instant_lies_in_the_one_window_that_its_civil_date_names(unit: str, now: datetime) -> None:
    start, end = window_start(unit, now), window_end(unit, now)
    assert start <= now < end
    assert (start.tzinfo, end.tzinfo) == (UTC, UTC)
    assert window_end(unit, end - SECOND) == window_start(unit, end) == end
    parts = {"HOUR": 4, "DAY": 3, "MONTH": 2, "YEAR": 1}[unit]
    assert start.astimezone(CST).timetuple()[:parts] == now.astimezone(CST).timetuple()[:parts]
    assert start.astimezone(CST).timetuple()[parts:6] == (1, 1, 0, 0, 0)[parts - 1 :]


@given(INSTANTS)
def test_shorter_windows_lie_within_longer_ones(now: datetime) -> None:
    starts, ends = [window_start(u, now) for u in UNITS], [window_end(u, now) for u in UNITS]
    assert starts == sorted(starts, reverse=True)
    assert ends == sorted(ends)


def test_another_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="WEEK"):
        window_start("WEEK", cst(2026, 3, 5))
