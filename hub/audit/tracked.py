"""The uses of a subject's data as a data tracker lists them: a window of the ledger's disclosures, and their number.

Only what was shown to somebody is a use, so that reading the list does not move it; refusals and acts stand in the
ledger. What may not be shown yet is neither listed nor counted here.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime

from hub.audit.entry import EntryOutcome
from hub.audit.ledger import LedgerLine, lines
from hub.audit.store import LOG_ID
from hub.clock import civil_date
from hub.policies.model import PolicySet
from hub.store.database import Database
from hub.store.tables import log_entry

_FIRST = "SELECT at FROM log_entry WHERE log_id = $1 ORDER BY idx LIMIT 1"


@dataclass(frozen=True, slots=True)
class Window:
    """Which uses are wanted."""

    since: datetime | None = None
    """First instant; None: from the beginning."""
    until: datetime | None = None
    """Last instant; None: up to now."""
    offset: int = 0
    limit: int = 1000


@dataclass(frozen=True, slots=True)
class Uses:
    """Uses of one subject's data, newest first."""

    total: int
    """How many there are in the time asked for, whatever offset and limit."""
    lines: list[LedgerLine]


async def find_uses(
    database: Database, subject_id: bytes, policy: PolicySet, now: datetime, window: Window
) -> Uses:
    """The uses of a subject's data that it may know of today.

    Raises:
        UnavailableError: when the database is away.
    """
    c, today = log_entry.c, civil_date(now)
    conditions = [c.outcome == EntryOutcome.DISCLOSED.value]
    conditions += [c.at >= window.since] if window.since else []
    conditions += [c.at <= window.until] if window.until else []
    total, found = 0, []
    async with aclosing(lines(database, subject_id, policy, *conditions)) as every:
        async for line in every:
            if line.outcome == EntryOutcome.DISCLOSED and line.shown_from <= today:
                if window.offset <= total < window.offset + window.limit:
                    found.append(line)
                total += 1
    return Uses(total, found)


async def log_begin(database: Database) -> datetime | None:
    """The time of the oldest entry that the log still has; None: it is empty.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        found: datetime | None = await connection.fetchval(_FIRST, LOG_ID)
    return found
