"""The uses of a subject's data as a data tracker lists them: a window of the ledger's disclosures, and their number.

Only what was shown to somebody is a use, so that reading the list does not move it; refusals and acts stand in the
ledger. What may not be shown yet is neither listed nor counted here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

import asyncpg

from hub.audit.about import About, Candidate, chunks
from hub.audit.entry import EntryOutcome
from hub.audit.ledger import LedgerLine, mark_archived, read_lines
from hub.audit.store import LOG_ID
from hub.clock import civil_date
from hub.policies.model import PolicySet
from hub.store.database import Database

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
    about, shown = About(subject_id, policy, now), EntryOutcome.DISCLOSED.value
    async with database.connection() as connection:
        every = await about.candidates(connection, outcome=shown, since=window.since, until=window.until)
        unclear = [candidate for candidate in every if not (candidate.sure and candidate.told)]
        uses = await _uses(connection, about, unclear, civil_date(now))
        counted = [c for c in every if (c.sure and c.told) or c.number in uses]
        wanted = counted[window.offset : window.offset + window.limit]
        found = [line for chunk in chunks(wanted) for line in await read_lines(connection, about, chunk)]
    return Uses(len(counted), await mark_archived(database, found))


async def _uses(
    connection: asyncpg.Connection, about: About, unclear: Sequence[Candidate], today: date
) -> frozenset[int]:
    """The indices of those of these entries that are uses, and may be shown today, by their bodies."""
    return frozenset(
        [
            line.index
            for chunk in chunks(unclear)
            for line in await read_lines(connection, about, chunk)
            if line.outcome == EntryOutcome.DISCLOSED and line.shown_from <= today
        ]
    )


async def log_begin(database: Database) -> datetime | None:
    """The time of the oldest entry that the log still has; None: it is empty.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        found: datetime | None = await connection.fetchval(_FIRST, LOG_ID)
    return found
