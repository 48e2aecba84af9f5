"""Forgetting what nobody can use any more: assertions, portfolios and counts, some time after they expired."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Protocol

EVERY = timedelta(minutes=10)
"""How often each process forgets."""


class Forgetful(Protocol):
    """A store whose rows expire."""

    async def purge(self, now: datetime) -> int:
        """Forget what expired long before `now`; gives how many rows."""
        ...


class Upkeep:
    """Purges stores, at most every `EVERY`, however often it is called."""

    def __init__(self, *stores: Forgetful) -> None:
        self._stores = stores
        self._done_at: datetime | None = None

    async def run(self, now: datetime) -> None:
        """Purge the stores unless that was done lately.

        Raises:
            UnavailableError: when the database is away; the next call tries again.
        """
        if self._done_at is not None and now - self._done_at < EVERY:
            return
        for store in self._stores:
            await store.purge(now)
        self._done_at = now
