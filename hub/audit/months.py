"""The civil months of the log as ranges of its indices.

Entries are ordered by index and carry the instant of their request, so months overlap a little at their edges. The
range of a month therefore ends behind its last entry: it may hold a few entries of the month that
follows, and none of an earlier one. Ranges follow one another without a gap.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from typing import NamedTuple

import asyncpg

from hub.clock import CST, civil_date, months_before
from hub.errors import InputError

_CHUNK = 100_000
_LAST_OF = """
SELECT to_char(at AT TIME ZONE INTERVAL '8 hours', 'YYYY-MM') AS month, max(idx) + 1 AS stop
FROM log_entry WHERE log_id = 0 AND idx >= $1 AND idx < $2 GROUP BY 1
"""
_ANY_BEFORE = "SELECT EXISTS (SELECT FROM log_entry WHERE log_id = 0 AND idx >= $1 AND at < $2)"
_MONTH = re.compile(r"[12]\d{3}-(0[1-9]|1[0-2])", re.ASCII)

Progress = Callable[[int, int], None]
"""Takes entries done and entries in all."""


class MonthRange(NamedTuple):
    """Where the entries of a civil month stand."""

    name: str
    """`YYYY-MM`."""
    first: int
    stop: int
    """First index that is no longer in it."""


def parse_month(text: str) -> str:
    """A civil month, `YYYY-MM`.

    Raises:
        InputError: when it is none.
    """
    if not _MONTH.fullmatch(text):
        raise InputError(
            "This is no month.", hint="Write it as 2026-01.", message_zh="月份格式应为 2026-01。"
        )
    return text


def month_of(instant: datetime) -> str:
    """The civil month of an instant."""
    return civil_date(instant).strftime("%Y-%m")


def end_of(month: str) -> datetime:
    """The first instant behind a civil month."""
    year, number = int(month[:4]), int(month[5:])
    return datetime(year + number // 12, number % 12 + 1, 1, tzinfo=CST)


def last_expired(now: datetime, months: int) -> str:
    """The last civil month whose entries were kept for so many whole months after it."""
    today = civil_date(now)
    return months_before(date(today.year, today.month, 1), months + 1).strftime("%Y-%m")


async def month_ranges(connection: asyncpg.Connection, size: int, progress: Progress) -> list[MonthRange]:
    """The months of the first `size` entries, in order; a month without entries is left out."""
    stops: dict[str, int] = {}
    for first in range(0, size, _CHUNK):
        for row in await connection.fetch(_LAST_OF, first, min(first + _CHUNK, size)):
            stops[row["month"]] = max(row["stop"], stops.get(row["month"], 0))
        progress(min(first + _CHUNK, size), size)
    ranges: list[MonthRange] = []
    at = 0
    for name, stop in sorted(stops.items()):
        if stop > at:
            ranges.append(MonthRange(name, at, stop))
            at = stop
    return ranges


async def entries_before(connection: asyncpg.Connection, size: int, month: str) -> bool:
    """Whether entries of a civil month, or of an earlier one, stand behind the first `size`."""
    return bool(await connection.fetchval(_ANY_BEFORE, size, end_of(month)))
