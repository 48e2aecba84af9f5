"""The officer's questions are measured on a log that holds what they ask for."""

import asyncio
from datetime import UTC, datetime

from hub.audit.review_filter import EntryFilter
from hub.audit.review_who import who_saw
from hub.bench.databases import BenchDatabase
from hub.bench.review import BUSY, fill, run
from hub.clock import SystemClock
from hub.config import Settings
from hub.store.database import Database


def test_every_question_is_measured(database_url: str):
    outcome = run(
        Settings(database_url=database_url), SystemClock(), sizes=(2000,), repeats=1, say=lambda _: None
    )
    assert all(found.median > 0 for found in outcome.milliseconds[2000].values())
    assert set(outcome.json()["milliseconds"]) == {"2000"}


def test_the_busiest_subject_was_seen_a_thousand_times(database_url: str):
    async def scenario() -> None:
        await fill(BenchDatabase(database_url, False, database_url), 5000, datetime(2026, 1, 1, tzinfo=UTC))
        database = await Database.open(database_url, pool_size=1)
        (seen,) = (await who_saw(database, EntryFilter(BUSY, field="financial.loan.amount"))).viewers
        assert seen.times == 1000
        await database.close()

    asyncio.run(scenario())
