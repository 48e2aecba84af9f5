"""The entries of the log since an instant, oldest first, page by page.

The log is ordered by index; instants follow it closely but not strictly, because an entry carries the instant of
its request. So the first index is searched by halving, and reading begins a little before it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from hub.audit.store import LOG_ID
from hub.store.database import Database

PAGE = 500
_BEFORE = 1000
"""Entries read before the one found: as many as may have been overtaken by later requests."""
_AT = "SELECT at FROM log_entry WHERE log_id = $1 AND idx = $2"
_SIZE = "SELECT size FROM log_state WHERE log_id = $1"
_PAGE = """SELECT idx, at, body FROM log_entry
    WHERE log_id = $1 AND idx >= $2 AND idx < $3 ORDER BY idx LIMIT $4"""


class Logged(NamedTuple):
    """One entry as it is stored."""

    number: int
    """Index in the log."""
    at: datetime
    body: bytes | None
    """Canonical JSON; None once it is withheld."""


class Span(NamedTuple):
    """A range of indices."""

    first: int
    end: int
    """First index that is no longer in it."""


async def span_since(database: Database, since: datetime) -> Span:
    """The range that holds every entry since an instant, and perhaps some before it.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        size = int(await connection.fetchval(_SIZE, LOG_ID) or 0)
        low, high = 0, size
        while low < high:
            middle = (low + high) // 2
            at = await connection.fetchval(_AT, LOG_ID, middle)
            if at is None or at < since:
                low = middle + 1
            else:
                high = middle
    return Span(max(0, low - _BEFORE), size)


async def read_span(database: Database, span: Span, *, page: int = PAGE) -> AsyncIterator[list[Logged]]:
    """The entries of a range, in pages; no more than one page is held.

    Raises:
        UnavailableError: when the database is away.
    """
    first = span.first
    while first < span.end:
        async with database.connection() as connection:
            entries = await _read(connection, first, span.end, page)
        if not entries:
            return
        first = entries[-1].number + 1
        yield entries


async def _read(connection: asyncpg.Connection, first: int, end: int, page: int) -> list[Logged]:
    rows: list[Any] = await connection.fetch(_PAGE, LOG_ID, first, end, page)
    return [Logged(row["idx"], row["at"], row["body"]) for row in rows]
