"""What was kept to repeat is forgotten after a time; nothing newer is."""

from __future__ import annotations

from datetime import timedelta

from hub.intake.request_store import KEEP_MARKS, KEEP_REQUESTS, RequestStore
from hub.store.database import Database

from .intake_world import NOW, World

_A_SECOND = timedelta(seconds=1)


def test_ids_of_requests_and_watermarks_are_forgotten_after_their_time_and_not_before(world: World) -> None:
    async def act(database: Database) -> tuple[list[int], list[str], list[str]]:
        for name, age in (("old", KEEP_REQUESTS + _A_SECOND), ("new", KEEP_REQUESTS), ("now", timedelta())):
            await database.pool.execute(
                "INSERT INTO intake_request VALUES ('u', $1, 'government.penalty', 'x', $2)", name, NOW - age
            )
        for name, age in (("old", KEEP_MARKS + _A_SECOND), ("new", KEEP_MARKS)):
            await database.pool.execute("INSERT INTO intake_pull VALUES ($1, '[]', $2)", name, NOW - age)
        store = RequestStore(database)
        done = [await store.purge(NOW), await store.purge(NOW)]
        requests = await database.pool.fetch("SELECT request_id FROM intake_request ORDER BY 1")
        marks = await database.pool.fetch("SELECT source FROM intake_pull")
        return done, [r[0] for r in requests], [r[0] for r in marks]

    assert world.run(act) == ([2, 0], ["new", "now"], ["new"])


def test_one_call_forgets_no_more_than_it_is_told(world: World) -> None:
    async def act(database: Database) -> list[int]:
        await database.pool.execute(
            "INSERT INTO intake_request SELECT 'u', n::text, 'd', 'x', $1 FROM generate_series(1, 5) n",
            NOW - KEEP_REQUESTS - _A_SECOND,
        )
        store = RequestStore(database)
        return [await store.purge(NOW, 3), await store.purge(NOW, 3)]

    assert world.run(act) == [3, 2]
