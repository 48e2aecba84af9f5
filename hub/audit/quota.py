"""Forgetting counts of quotas whose windows ended long ago; nothing is judged by them any more.

Counts are written by the log's append alone (`hub.audit.store`). They are kept for a while after their window,
so that an officer who reviews a year still finds how often each subject was read in it.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.model.calendar import UNITS, window_start
from hub.store.database import Database

KEEP = timedelta(days=366)
"""How long counts are kept after their window."""
KEEP_YEAR = KEEP + timedelta(days=62)
"""How long counts of whole years are kept after their window."""
AT_ONCE = 10_000
"""Rows deleted at once at most."""

_PURGE = """
DELETE FROM quota_count WHERE ctid = ANY (ARRAY(
  SELECT c.ctid FROM quota_count c JOIN unnest($1::text[], $2::timestamptz[]) AS old(unit, before)
    ON c.unit = old.unit AND c.window_start < old.before
  WHERE timezone('UTC', c.window_start) < timezone('UTC', $3::timestamptz) LIMIT $4 FOR UPDATE OF c SKIP LOCKED
))
"""


class QuotaCounts:
    """The counts as rows that expire."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def purge(self, now: datetime, most: int = AT_ONCE) -> int:
        """Forget counts of windows that ended more than `KEEP` before `now` (years: `KEEP_YEAR`).

        Args:
            now: the instant.
            most: how many are forgotten at most; the rest is left to the next call.

        Returns:
            How many were forgotten.

        Raises:
            UnavailableError: when the database is away.
        """
        before = [window_start(unit, now - (KEEP_YEAR if unit == "YEAR" else KEEP)) for unit in UNITS]
        async with self._database.connection() as connection:
            done = await connection.execute(_PURGE, list(UNITS), before, max(before), most)
        return int(done.rpartition(" ")[2])
