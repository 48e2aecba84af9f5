"""Dates and months out of cells.

Rules
- Accepted: 2026-03-05, 2026/3/5, 2026.3.5, 20260305, 2026年3月5日, also with a time of day; date cells.
- A time of day with an offset from UTC is put into China Standard Time first: 2026-03-04T16:00:00Z is 2026-03-05, as
  systems write it that keep days as instants.
- A two-digit year, and a day before month order, are refused: they would be guesses.
- 2099-12-31, 9999-12-31 and 长期 mean an open end, read as None; callers ask first if one is missing.
- Years run from 1900 to 2100.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta

from hub.errors import ValueFormatError
from hub.model.normal import normalise
from hub.model.values import Cell, cell_text, refuse

FIRST_YEAR = 1900
LAST_YEAR = 2100
_FURTHEST = 14 * 60
"""Minutes of the greatest offset from UTC."""
_TIME = (
    r"(?:T?(?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::[0-9]{2}(?:\.[0-9]{1,9})?)?"
    r"(?P<offset>Z|[+-][0-9]{2}:?[0-9]{2})?)?"
)
_DATES = tuple(
    re.compile(pattern + _TIME)
    for pattern in (
        r"(?P<y>[0-9]{4})-(?P<m>[0-9]{2})-(?P<d>[0-9]{2})",
        r"(?P<y>[0-9]{4})(?P<between>[-/.])(?P<m>[0-9]{1,2})(?P=between)(?P<d>[0-9]{1,2})",
        r"(?P<y>[0-9]{4})年(?P<m>[0-9]{1,2})月(?P<d>[0-9]{1,2})日?",
    )
)
_COMPACT = re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:[0-9]{6})?(?P<offset>)")
_MONTH = re.compile(r"([0-9]{4})(?:[-/.]|年)([0-9]{1,2})月?")
_COMPACT_MONTH = re.compile(r"([0-9]{4})([0-9]{2})")
_OPEN_DATES = frozenset({date(2099, 12, 31), date(9999, 12, 31)})
_OPEN_WORDS = frozenset({"长期", "长期有效", "永久", "永久有效", "无固定期限", "无期限", "9999-12-31"})


def read_date(cell: Cell) -> date:
    """A date.

    Raises:
        ValueFormatError: BAD_DATE when it is none, does not exist or is before 1900 or after 2100, or as
            `hub.model.values.cell_text`.
    """
    day = _any_date(cell)
    if day is None or not FIRST_YEAR <= day.year <= LAST_YEAR:
        raise _bad_date()
    return day


def read_open_date(cell: Cell) -> date | None:
    """A date, or None for an open end.

    Raises:
        ValueFormatError: as `read_date`.
    """
    if isinstance(cell, str) and normalise(cell_text(cell)) in _OPEN_WORDS:
        return None
    day = _any_date(cell)
    return None if day in _OPEN_DATES else read_date(cell)


def read_month(cell: Cell) -> str:
    """A month as YYYY-MM; a date counts for its month.

    Raises:
        ValueFormatError: BAD_MONTH when it is none, or as `hub.model.values.cell_text`.
    """
    text = "" if isinstance(cell, date) else normalise(cell_text(cell))
    match = _MONTH.fullmatch(text) or _COMPACT_MONTH.fullmatch(text)
    if match is not None:
        year, month = int(match[1]), int(match[2])
    else:
        day = _any_date(cell)
        year, month = (day.year, day.month) if day else (0, 0)
    if not (FIRST_YEAR <= year <= LAST_YEAR and 1 <= month <= 12):
        raise refuse(
            "BAD_MONTH", "The cell is no month.", "Write it like 2026-03.", "应填写月份，例如 2026-03。"
        )
    return f"{year:04d}-{month:02d}"


def _any_date(cell: Cell) -> date | None:
    if isinstance(cell, datetime):
        return cell.date()
    if isinstance(cell, date):
        return cell
    if isinstance(cell, bool):
        return None
    text = normalise(cell_text(cell))
    for pattern in (*_DATES, _COMPACT):
        match = pattern.fullmatch(text)
        if match is not None:
            day = _real(int(match["y"]), int(match["m"]), int(match["d"]))
            return _in_china(day, match) if day is not None and match["offset"] else day
    return None


def _in_china(day: date, found: re.Match[str]) -> date | None:
    """The civil day in China of an instant that names its offset."""
    offset = found["offset"].replace(":", "")
    ahead = 0 if offset == "Z" else int(offset[0] + "1") * (int(offset[1:3]) * 60 + int(offset[3:5]))
    if int(found["hour"]) > 24 or int(found["minute"]) > 59 or abs(ahead) > _FURTHEST:
        return None
    gone = timedelta(hours=int(found["hour"]) + 8, minutes=int(found["minute"]) - ahead)
    try:
        return (datetime.combine(day, time()) + gone).date()
    except OverflowError:
        return day  # an open end


def _real(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _bad_date() -> ValueFormatError:
    return refuse(
        "BAD_DATE", "The cell is no date.", "Write it like 2026-03-05.", "应填写日期，例如 2026-03-05。"
    )
