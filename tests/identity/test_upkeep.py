"""What has expired is forgotten now and then, by each process."""

from __future__ import annotations

import asyncio
from datetime import datetime

import pytest

from hub.errors import UnavailableError
from hub.identity.portfolio import PortfolioStore
from hub.identity.replay import KEEP_AFTER_EXPIRY, AssertionLog
from hub.identity.upkeep import EVERY, Upkeep

from .identity_world import NOW, World, run
from .test_portfolio import detail


def test_expired_assertions_and_portfolios_are_forgotten_at_intervals(database_url: str) -> None:
    async def scenario(world: World) -> None:
        upkeep = Upkeep(AssertionLog(world.database), PortfolioStore(world.database))
        await world.token(details=[detail()])
        for case, at, left in (
            ("not yet expired for long", NOW + KEEP_AFTER_EXPIRY, 1),
            ("expired for long, and just looked at", NOW + KEEP_AFTER_EXPIRY + EVERY * 0.9, 1),
            ("expired for long", NOW + KEEP_AFTER_EXPIRY + EVERY, 0),
        ):
            await upkeep.run(at)
            assert (await world.used(), await world.kept()) == (left, left), case

    run(database_url, scenario)


def test_a_purge_that_fails_is_tried_again() -> None:
    class Away:
        calls = 0

        async def purge(self, now: datetime) -> int:
            self.calls += 1
            raise UnavailableError("The database is not reachable.", hint="Try again shortly.")

    store = Away()
    upkeep = Upkeep(store)
    for _ in range(2):
        with pytest.raises(UnavailableError):
            asyncio.run(upkeep.run(NOW))
    assert store.calls == 2
