"""Dates and months in the forms that source files use."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import ValueFormatError
from hub.model.dates import read_date, read_month, read_open_date

DAY = date(2026, 3, 5)
FORMS = {
    "hyphens": "2026-03-05",
    "slashes without zeros": "2026/3/5",
    "points": "2026.3.5",
    "hyphens without zeros": "2026-3-5",
    "compact": "20260305",
    "compact with time": "20260305101530",
    "Chinese": "2026年3月5日",
    "Chinese without the last sign": "2026年03月05",
    "full-width": "２０２６－０３－０５",
    "with a time of day": "2026-03-05 10:15:30",
    "with midnight and fractions": "2026/3/5 0:00:00.000",
    "in ISO form with offset": "2026-03-05T10:15:30+08:00",
    "an instant of the evening before in UTC": "2026-03-04T16:00:00.000Z",
    "the last moment of the day in UTC": "2026-03-05T15:59:59Z",
    "an instant further east": "2026-03-06 0:30+09:30",
    "a day and an hour of one digit": "2026/3/5 1:15+08:00",
    "compact as a number": 20260305,
    "compact as a binary number": 20260305.0,
    "a date cell": DAY,
    "a date cell with time": datetime(2026, 3, 5, 23, 59, tzinfo=UTC),
}


def test_an_instant_is_the_day_that_it_is_in_china_and_an_impossible_one_is_none():
    assert read_date("2026-03-05T16:00:00Z") == date(2026, 3, 6)
    assert read_open_date("9999-12-31T23:00:00Z") is None
    assert read_month("2026-03-31T16:00:00Z") == "2026-04"
    for cell in ("2026-03-05T99:00Z", "2026-03-05T10:00+99:00"):
        with pytest.raises(ValueFormatError):
            read_date(cell)


@pytest.mark.parametrize("cell", FORMS.values(), ids=FORMS)
def test_a_date_is_read(cell):
    assert read_date(cell) == DAY


BAD = [
    "2026-02-30",
    "2026-13-01",
    "2026/3-5",
    "05/03/2026",
    "26-03-05",
    "0026-03-05",
    "1899-12-31",
    "2101-01-01",
    "2026-03",
    "昨天",
    46086,
    46086.5,
    True,
    "2026-03-05x",
    "",
]


@pytest.mark.parametrize("cell", BAD)
def test_what_is_no_date_or_would_be_a_guess_is_refused(cell):
    with pytest.raises(ValueFormatError) as caught:
        read_date(cell)
    assert caught.value.detail == "BAD_DATE"


@pytest.mark.parametrize(
    "cell", ["2099-12-31", "2099/12/31", "20991231", "9999-12-31", "长期", " 长期有效 ", date(2099, 12, 31)]
)
def test_an_open_end_is_none(cell):
    assert read_open_date(cell) is None


def test_an_end_that_is_not_open_is_a_date():
    assert read_open_date("2026年3月5日") == DAY
    with pytest.raises(ValueFormatError):
        read_open_date("9998-12-31")
    with pytest.raises(ValueFormatError):
        read_open_date("无效")


MONTHS = ["2026-03", "2026/3", "2026年3月", "202603", "２０２６０３", 202603, 202603.0, "2026-03-05", DAY]


@pytest.mark.parametrize("cell", MONTHS)
def test_a_month_is_read(cell):
    assert read_month(cell) == "2026-03"


@pytest.mark.parametrize("cell", ["2026-13", "2026", "三月", "202600", "1899-01"])
def test_what_is_no_month_is_refused(cell):
    with pytest.raises(ValueFormatError) as caught:
        read_month(cell)
    assert caught.value.detail == "BAD_MONTH"


@given(st.dates(date(1900, 1, 1), date(2100, 12, 31)))
def test_every_form_of_every_day_reads_back(day):
    forms = (
        day.isoformat(),
        f"{day.year}/{day.month}/{day.day}",
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
    )
    assert {read_date(form) for form in forms} == {day}
