"""Working days of a calendar that is data: the State Council announces holidays and make-up days year by year.

- Monday to Friday are working days, Saturday and Sunday are not, unless the announcement of the year says
  otherwise. A year without an announcement has no exceptions.
- The day on which a period begins is not counted (civil code of the PRC, art. 201); it ends with its last day.
- A period of calendar days whose last day is a holiday ends with the next working day (art. 203).
- A period of months ends on the same day of its last month, or on that month's last day (art. 202).

Example: three working days from Wednesday 2026-09-30 end on Saturday 2026-10-10, which is a make-up day: the
first is Thursday 8 October, because the holidays last from the 1st to the 7th.
"""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

_DAY = timedelta(days=1)
_SATURDAY = 5


@dataclass(frozen=True, slots=True)
class WorkingCalendar:
    """Exceptions from the plain week."""

    holidays: frozenset[date] = frozenset()
    """Days off, whatever the weekday."""
    workdays: frozenset[date] = frozenset()
    """Saturdays and Sundays on which work is made up."""

    def works(self, day: date) -> bool:
        """Whether a day is a working day."""
        if day in self.workdays:
            return True
        return day not in self.holidays and day.weekday() < _SATURDAY

    def after(self, day: date, count: int) -> date:
        """The last day of a period of `count` working days that begins on `day`."""
        while count > 0:
            day += _DAY
            count -= self.works(day)
        return day

    def days_after(self, day: date, count: int) -> date:
        """The last day of a period of `count` calendar days that begins on `day`."""
        day += _DAY * count
        while not self.works(day):
            day += _DAY
        return day


def months_after(day: date, months: int) -> date:
    """The last day of a period of months that begins on `day`."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))
