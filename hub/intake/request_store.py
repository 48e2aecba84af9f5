"""Forgetting what was kept to repeat: ids of requests, and watermarks of pulls that nobody runs any more.

- The id of a request can be repeated for `KEEP_REQUESTS`. After that the same rows under it come out as unchanged,
  because records are recognised by their content.
- A watermark that has not moved for `KEEP_MARKS` is dropped. A pull that is run again all the same reads everything
  once more; its rows come out as unchanged.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.store.database import Database

KEEP_REQUESTS = timedelta(days=90)
KEEP_MARKS = timedelta(days=3 * 366)
AT_ONCE = 5_000
"""Rows of each kind that one call forgets at most."""
_REQUESTS = """
DELETE FROM intake_request WHERE (institution, request_id) IN
  (SELECT institution, request_id FROM intake_request WHERE begun_at < $1 ORDER BY begun_at LIMIT $2)
"""
_MARKS = """
DELETE FROM intake_pull WHERE source IN
  (SELECT source FROM intake_pull WHERE pulled_at < $1 ORDER BY pulled_at LIMIT $2)
"""


class RequestStore:
    """Ids of requests and watermarks of pulls."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def purge(self, now: datetime, most: int = AT_ONCE) -> int:
        """Forget what was begun, or moved last, longer than it is kept before `now`.

        Args:
            now: the instant.
            most: how many of each are forgotten at most; the rest is left to the next call.

        Returns:
            How many were forgotten.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            done = [
                await connection.execute(statement, now - keep, most)
                for statement, keep in ((_REQUESTS, KEEP_REQUESTS), (_MARKS, KEEP_MARKS))
            ]
        return sum(int(text.rpartition(" ")[2]) for text in done)
