"""Working days over weekends, holidays and make-up days; periods of days and months to the day."""

from __future__ import annotations

from datetime import date

import pytest

from hub.model.workdays import WorkingCalendar, months_after

_CALENDAR = WorkingCalendar(
    holidays=frozenset(date(2026, 10, day) for day in range(1, 8)),
    workdays=frozenset({date(2026, 9, 20), date(2026, 10, 10)}),
)
_WORKING = {
    "within a week": (date(2026, 11, 2), 3, date(2026, 11, 5)),
    "over a weekend": (date(2026, 11, 5), 3, date(2026, 11, 10)),
    "begun on a Saturday": (date(2026, 11, 7), 1, date(2026, 11, 9)),
    "over a holiday into a make-up Saturday": (date(2026, 9, 30), 3, date(2026, 10, 10)),
    "over a make-up Sunday": (date(2026, 9, 18), 1, date(2026, 9, 20)),
    "begun within a holiday": (date(2026, 10, 3), 1, date(2026, 10, 8)),
    "no days at all": (date(2026, 11, 7), 0, date(2026, 11, 7)),
    "a year without an announcement counts Monday to Friday": (date(2029, 10, 1), 2, date(2029, 10, 3)),
}
_DAYS = {
    "a last day that is a working day": (date(2026, 11, 2), 20, date(2026, 11, 23)),
    "a last day that is a weekday": (date(2026, 11, 4), 20, date(2026, 11, 24)),
    "a last day within a holiday": (date(2026, 9, 12), 20, date(2026, 10, 8)),
    "a last day that is a make-up Saturday": (date(2026, 9, 20), 20, date(2026, 10, 10)),
}
_MONTHS = {
    "the same day": (date(2026, 3, 5), 3, date(2026, 6, 5)),
    "over the year's end": (date(2026, 11, 30), 3, date(2027, 2, 28)),
    "a month that is too short": (date(2026, 1, 31), 1, date(2026, 2, 28)),
    "a leap day": (date(2028, 2, 29), 12, date(2029, 2, 28)),
}


@pytest.mark.parametrize("name", _WORKING)
def test_a_period_of_working_days_ends(name: str) -> None:
    begun, count, last = _WORKING[name]
    assert _CALENDAR.after(begun, count) == last


@pytest.mark.parametrize("name", _DAYS)
def test_a_period_of_calendar_days_ends_on_a_working_day(name: str) -> None:
    begun, count, last = _DAYS[name]
    assert _CALENDAR.days_after(begun, count) == last


@pytest.mark.parametrize("name", _MONTHS)
def test_a_period_of_months_ends_on_the_same_day_or_the_months_last(name: str) -> None:
    begun, months, last = _MONTHS[name]
    assert months_after(begun, months) == last
