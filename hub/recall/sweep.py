"""Finds records that are due to be recalled and have not been, and issues what is due, exactly once.

* Due are: a revoked record (WITHDRAWN), a repaired one (REPAIRED), a shielded one (SHIELDED), one whose last day of
  display is over (EXPIRED), and one that got a new version (CORRECTED). Whether that was recalled is told by the
  recalls themselves, so a sweep that is cut off anywhere is simply run again; the bookmark only spares looking at
  the same records.
* Each record is recalled in a transaction of its own. Records that nobody got leave no trace.
* Recalls of the last day are looked at again: whoever got the record while it was being recalled is found then.
* Records are read in the order of their key, a page at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from hub.clock import civil_date
from hub.recall.notice import Cause
from hub.recall.service import RecallService
from hub.store.database import Database

PAGE = 1000
AGAIN = timedelta(days=1)
"""How far before the bookmark records and recalls are looked at once more; far longer than any answer takes."""

_START = (b"", "", b"")
_BOOKMARK = "SELECT swept_at FROM recall_sweep WHERE slot = 0"
_OLDEST_RUN = "SELECT min(started_at) FROM intake_batch WHERE finished_at IS NULL"
_MARK = """
INSERT INTO recall_sweep (slot, swept_at) VALUES (0, $1)
ON CONFLICT (slot) DO UPDATE SET swept_at = excluded.swept_at
"""
_DUE = """
SELECT subject_id, dataset, record_id,
  ARRAY[CASE WHEN state = 'REVOKED' THEN 'WITHDRAWN'
             WHEN state IN ('REPAIRED', 'SHIELDED') THEN state
             WHEN visible_until <= $4 OR state = 'ARCHIVED' THEN 'EXPIRED'
             ELSE 'CORRECTED' END] AS causes
FROM record
WHERE (subject_id, dataset, record_id) > ($1, $2, $3) AND (
    state IN ('REVOKED', 'REPAIRED', 'SHIELDED')
    OR state = 'ARCHIVED' AND visible_until IS NULL
    OR state IN ('VALID', 'ARCHIVED') AND visible_until <= $4 AND (visible_until > $5 OR received_at >= $6)
    OR state = 'VALID' AND version > 1 AND received_at >= $6
  )
ORDER BY subject_id, dataset, record_id LIMIT $7
"""
_RECENT = """
SELECT subject_id, dataset, record_id, array_agg(DISTINCT cause) AS causes FROM recall
WHERE issued_at >= $4 AND (subject_id, dataset, record_id) > ($1, $2, $3)
GROUP BY subject_id, dataset, record_id ORDER BY subject_id, dataset, record_id LIMIT $5
"""


class Swept(NamedTuple):
    """What a sweep did."""

    looked_at: int
    """Records that could be due."""
    issued: int
    """Recalls issued."""
    notices: int
    """Institutions told, counted once for each recall."""


class _Due(NamedTuple):
    subject_id: bytes
    dataset: str
    record_id: bytes
    cause: Cause


class RecallSweep:
    """Sweeps one database."""

    def __init__(self, database: Database, recalls: RecallService) -> None:
        self._database = database
        self._recalls = recalls

    async def run(self, now: datetime, actor: str, *, page: int = PAGE) -> Swept:
        """Issue every recall that is due.

        Args:
            now: the instant; what is over is judged by its civil date.
            actor: who acts, as the log names it.
            page: records read at once.

        Raises:
            UnavailableError: when database or log cannot take it; run it again.
            VerificationError, SealError: when an entry or a record cannot be read.
        """
        async with self._database.connection() as connection:
            since = await connection.fetchval(_BOOKMARK) or datetime.min.replace(tzinfo=UTC) + AGAIN * 2
            oldest = await connection.fetchval(_OLDEST_RUN)
        looked_at = issued = notices = 0
        async for due in self._every(now, since - AGAIN, page):
            looked_at += 1
            made = await self._recalls.issue_alone(*due, now, actor, keep_empty=False)
            if made is not None:
                issued += 1
                notices += len(made.institutions)
        async with self._database.connection() as connection:
            await connection.execute(_MARK, min(now, oldest or now))
        return Swept(looked_at, issued, notices)

    async def _every(self, now: datetime, since: datetime, page: int) -> AsyncIterator[_Due]:
        today, from_day = civil_date(now), civil_date(since)
        async for due in self._paged(_DUE, page, today, from_day, since):
            yield due
        async for due in self._paged(_RECENT, page, now - AGAIN):
            yield due

    async def _paged(self, query: str, page: int, *arguments: Any) -> AsyncIterator[_Due]:
        """What a query finds, page by page; each row holds all causes of its record."""
        after = _START
        while True:
            async with self._database.connection() as connection:
                rows = await connection.fetch(query, *after, *arguments, page)
            for row in rows:
                for cause in row["causes"]:
                    yield _Due(row["subject_id"], row["dataset"], row["record_id"], Cause(cause))
            if len(rows) < page:
                return
            last = rows[-1]
            after = (last["subject_id"], last["dataset"], last["record_id"])
