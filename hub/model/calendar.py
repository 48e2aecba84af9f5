"""Windows of the civil calendar: the hour, day, month and year in which an instant lies.

Limits by calendar unit ("20 a day") are civil, so a window begins and ends by China Standard Time (UTC+8), which
knows no daylight saving. A window holds its first instant and not its last.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache

from hub.clock import CST

UNITS = ("HOUR", "DAY", "MONTH", "YEAR")
"""The units a window can have, from short to long."""
_HOUR_SECONDS = 3600


def window_start(unit: str, now: datetime) -> datetime:
    """When the window began in which an instant lies.

    Args:
        unit: one of `UNITS`.
        now: an aware instant.

    Returns:
        An aware instant in UTC, not after `now`.

    Raises:
        ValueError: for another unit.
    """
    return _window(unit, int(now.timestamp() // _HOUR_SECONDS))[0]


def window_end(unit: str, now: datetime) -> datetime:
    """When the window ends in which an instant lies, and the next one begins.

    Arguments, result and errors are those of `window_start`; the result is after `now`.
    """
    return _window(unit, int(now.timestamp() // _HOUR_SECONDS))[1]


@lru_cache(maxsize=256)
def _window(unit: str, hour: int) -> tuple[datetime, datetime]:
    """The window that holds this hour, counted from the Unix epoch: civil hours begin with those of UTC."""
    start = datetime.fromtimestamp(hour * _HOUR_SECONDS, CST)
    if unit == "HOUR":
        end = start + timedelta(hours=1)
    elif unit == "DAY":
        start = start.replace(hour=0)
        end = start + timedelta(days=1)
    elif unit == "MONTH":
        start = start.replace(day=1, hour=0)
        end = (start + timedelta(days=31)).replace(day=1)
    elif unit == "YEAR":
        start = start.replace(month=1, day=1, hour=0)
        end = start.replace(year=start.year + 1)
    else:
        raise ValueError(unit)
    return start.astimezone(UTC), end.astimezone(UTC)
