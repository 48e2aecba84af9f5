"""Client assertions are used once: the database remembers them until long after they expired.

One `INSERT ... ON CONFLICT DO NOTHING` decides, so of any number of copies on any number of processes
exactly one is accepted (RFC 7523 section 3, `jti`).
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.store.database import Database

KEEP_AFTER_EXPIRY = timedelta(minutes=10)
"""How long a used assertion is remembered beyond its expiry, against clocks that differ between processes."""


_CLAIM = "INSERT INTO assertion_seen (client_id, jti, expires_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"


class AssertionLog:
    """The assertions that were used."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def claim(self, client_id: str, jti: str, expires_at: datetime) -> bool:
        """Use an assertion.

        Args:
            client_id: the client that signed it.
            jti: its id, unique within the client.
            expires_at: when it expires.

        Returns:
            True for the first use, False for any other.

        Raises:
            UnavailableError: when the database is away; then the assertion must not be accepted.
        """
        async with self._database.connection() as connection:
            done = await connection.execute(_CLAIM, client_id, jti, expires_at)
        return bool(done == "INSERT 0 1")

    async def purge(self, now: datetime) -> int:
        """Forget assertions that expired more than `KEEP_AFTER_EXPIRY` before `now`.

        Returns:
            How many were forgotten.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            done = await connection.execute(
                "DELETE FROM assertion_seen WHERE expires_at < $1", now - KEEP_AFTER_EXPIRY
            )
        return int(done.rpartition(" ")[2])
