"""Used assertions are remembered until nobody could take them any more."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import UnavailableError
from hub.identity.replay import KEEP_AFTER_EXPIRY, AssertionLog

from .identity_world import NOW, World, run


def test_purging_forgets_only_what_expired_long_ago(database_url: str) -> None:
    async def scenario(world: World) -> None:
        log = AssertionLog(world.database)
        assert await log.claim("a", "old", NOW)
        assert await log.claim("a", "new", NOW + timedelta(seconds=1))
        assert await log.purge(NOW + KEEP_AFTER_EXPIRY) == 0
        assert await log.purge(NOW + KEEP_AFTER_EXPIRY + timedelta(milliseconds=500)) == 1
        assert await log.claim("a", "old", NOW)
        assert not await log.claim("a", "new", NOW)

    run(database_url, scenario)


def test_without_the_database_no_assertion_is_accepted(database_url: str) -> None:
    async def scenario(world: World) -> None:
        form = world.form()
        await world.database.close()
        with pytest.raises(UnavailableError):
            await AssertionLog(world.database).claim("a", "b", NOW)
        answer = await world.post(form)
        assert (answer.status_code, answer.json()["error"]) == (503, "temporarily_unavailable")
        assert answer.headers["retry-after"] == "1"
        assert "access_token" not in answer.json()

    run(database_url, scenario)
