"""Time is an argument: every function that needs the time is handed an instant or a `Clock`.

A request reads the clock once and uses that instant throughout (invariant 11), so a consent that expires
while a request runs is judged at one moment only. Civil dates are those of China Standard Time (UTC+8),
because publication periods and validity dates in the source documents are civil dates there.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Protocol

CST = timezone(timedelta(hours=8), "CST")
"""China Standard Time, UTC+8 without daylight saving."""


class Clock(Protocol):
    """Anything that can say what time it is."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """The current instant, aware, in UTC."""
        return datetime.now(UTC)


@dataclass
class FixedClock:
    """A clock that stands still until told otherwise; for tests and replays."""

    instant: datetime

    def now(self) -> datetime:
        """The instant that was set."""
        return self.instant

    def advance(self, step: timedelta) -> None:
        """Move the clock on by `step`."""
        self.instant += step


def civil_date(instant: datetime) -> date:
    """The civil date in China Standard Time at `instant` (which must be aware)."""
    return instant.astimezone(CST).date()


def months_before(day: date, months: int) -> date:
    """The same day that many months earlier, or the last day of that month when it is shorter."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    return date(year, month, min(day.day, monthrange(year, month)[1]))


def to_millis(instant: datetime) -> int:
    """Milliseconds since the Unix epoch, rounded down; the time unit of audit entries and consents."""
    return int(instant.timestamp() * 1000)


def from_millis(millis: int) -> datetime:
    """The aware UTC instant `millis` milliseconds after the Unix epoch."""
    return datetime.fromtimestamp(millis / 1000, UTC)
