"""Reading the log for review: newest first, never more than a few entries at once, never longer than allowed.

Entries are found by subject (an inverted index), by caller, or by walking indices downwards. A time range is first
turned into a range of indices. Instants follow indices closely but not strictly, as an entry carries the instant of
its request; the range is estimated by halving and then widened by what a block range index over both says lies
outside of it, so no entry is missed, however late it was written.

Few readings run at once in one process, on connections of their own; others wait, within their own time, so that
whoever reviews keeps neither the connections nor the processors of the database from requests for disclosure.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

import asyncpg
from sqlalchemy.exc import DBAPIError

from hub.audit.review_filter import EntryFilter
from hub.errors import InputError, UnavailableError
from hub.store.database import TRANSIENT, Database

SECONDS = 5.0
"""How long one reading may take."""
_AT_ONCE = 64
"""Rows fetched together: the entry of a thousand subjects is megabytes long."""
_TURN_BYTES = 256 << 10
"""Bytes of bodies after which other requests have their turn: whoever reads parses them."""
_BEYOND = 2**62
_COLUMNS = "e.idx, e.at, e.kind, e.outcome, e.caller, e.purpose, e.subjects, e.entry_id, e.body"
_SETTINGS = """
SET LOCAL plan_cache_mode = force_custom_plan; SET LOCAL jit = off; SET LOCAL enable_seqscan = off;
SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off; SET LOCAL statement_timeout = {}
"""
_ABOUT = """
WITH about AS MATERIALIZED (SELECT a.idx FROM log_entry a WHERE a.subjects @> ARRAY[$3::bytea] AND a.log_id + 0 = 0)
SELECT {columns} FROM about
CROSS JOIN LATERAL (SELECT * FROM log_entry f WHERE f.log_id = 0 AND f.idx = about.idx OFFSET 0) e
WHERE about.idx >= $1 AND about.idx < $2{conditions} ORDER BY about.idx DESC
"""
"""Only the index of subjects can answer the first part, and only the primary key the second: whatever the planner
knows of the table, nothing grows with the log."""
_WALK = """
SELECT {columns} FROM log_entry e WHERE e.log_id = 0 AND e.idx >= $1 AND e.idx < $2{conditions} ORDER BY e.idx DESC
"""
_END = "SELECT idx + 1 FROM log_entry WHERE log_id = 0 ORDER BY idx DESC LIMIT 1"
_FROM = "SELECT at FROM log_entry WHERE log_id = 0 AND idx >= $1 ORDER BY idx LIMIT 1"
_EARLIER = "SELECT min(idx + 0) FROM log_entry WHERE idx < $1 AND at >= $2"
_LATER = "SELECT max(idx + 0) + 1 FROM log_entry WHERE idx >= $1 AND at < $2"
"""`+ 0`, and no log id: or they would be answered by walking the primary key."""


@asynccontextmanager
async def reading(database: Database, seconds: float = SECONDS) -> AsyncIterator[asyncpg.Connection]:
    """A connection that reads for review, in one snapshot and for a limited time.

    Args:
        database: where the log lies.
        seconds: longest time.

    Raises:
        InputError: when it took too long; the error says how to ask for less.
        UnavailableError: when the database is away.
    """
    try:
        async with (
            asyncio.timeout(seconds),
            database.engine.connect() as borrowed,  # not of the pool that requests for disclosure wait for
        ):
            connection: Any = (await borrowed.get_raw_connection()).driver_connection
            async with connection.transaction(isolation="repeatable_read", readonly=True):
                await connection.execute(_SETTINGS.format(int(seconds * 1000)))
                yield connection
    except (TimeoutError, asyncpg.QueryCanceledError):
        raise InputError(
            f"The search looks through more of the log than {seconds:g} seconds allow.",
            hint="Narrow it by since and until, a subject or a caller, or take it piece by piece with before.",
            message_zh=f"检索范围过大，超出 {seconds:g} 秒的时限，请限定起止时间、主体或调用方，或用 before 分段检索。",
        ) from None
    except (DBAPIError, *TRANSIENT) as error:
        raise UnavailableError("The audit log is not reachable.", hint="Try again shortly.") from error


async def rows(
    connection: asyncpg.Connection, wanted: EntryFilter, before: int | None = None
) -> AsyncIterator[Any]:
    """Rows that the database cannot rule out, newest first; the caller judges them by their bodies.

    Args:
        connection: from `reading`.
        wanted: the filter.
        before: only entries with a smaller index.
    """
    about = wanted.subject_id is not None  # then there are few, and their instants are simply compared
    first, end = (0, _BEYOND) if about else await index_range(connection, wanted.since, wanted.until)
    if before is not None:
        end = min(end, before)
    conditions, arguments = wanted.conditions(3)  # the subject, if any, is the first of them
    text = (_ABOUT if about else _WALK).format(
        columns=_COLUMNS, conditions="".join(f" AND {condition}" for condition in conditions)
    )
    await connection.execute(f"SET LOCAL enable_bitmapscan = {'on' if about else 'off'}")
    size = 0
    async for row in connection.cursor(text, first, end, *arguments, prefetch=_AT_ONCE):
        size += len(row["body"] or b"")
        if size >= _TURN_BYTES:
            size = 0
            await asyncio.sleep(0)
        yield row


async def index_range(
    connection: asyncpg.Connection, since: datetime | None, until: datetime | None
) -> tuple[int, int]:
    """First index, and the first beyond, of a range that holds every entry of a time range, and perhaps others."""
    first, end = 0, int(await connection.fetchval(_END) or 0)
    if since is not None:
        found = await _halve(connection, since, end)
        earlier = await _outside(connection, _EARLIER, found, since)
        first = found if earlier is None else earlier
    if until is not None:
        found = await _halve(connection, until, end)
        later = await _outside(connection, _LATER, found, until)
        end = found if later is None else later
    return first, end


async def _outside(connection: asyncpg.Connection, query: str, index: int, instant: datetime) -> int | None:
    await connection.execute("SET LOCAL enable_bitmapscan = on; SET LOCAL enable_indexscan = off")
    found: int | None = await connection.fetchval(query, index, instant)
    await connection.execute("SET LOCAL enable_indexscan = on")
    return found


async def _halve(connection: asyncpg.Connection, instant: datetime, end: int) -> int:
    """An index from which on entries are of this instant or later, if they were in order."""
    low, high = 0, end
    while low < high:
        middle = (low + high) // 2
        at = await connection.fetchval(_FROM, middle)
        if at is not None and at < instant:
            low = middle + 1
        else:
            high = middle
    return low
