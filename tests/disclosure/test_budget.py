"""Counts of questions are forgotten a year after their window."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta

from hub.disclosure.budget import KEEP, QuestionCounts, window_of
from hub.policies.predicates import Budget
from hub.store.database import Database

BUDGET = Budget(window_days=30)
NOW = datetime(2026, 3, 5, 8, tzinfo=UTC)
FIRST_KEPT = window_of(BUDGET, date(2026, 3, 5) - KEEP)


def test_windows_that_ended_more_than_a_year_ago_are_forgotten_a_bounded_number_at_once(
    database_url: str,
) -> None:
    async def scenario() -> None:
        database = await Database.open(database_url, pool_size=2)
        try:
            windows = [FIRST_KEPT + timedelta(days=30 * n) for n in (-9, -2, -1, 0, 1, 12)]
            async with database.connection() as connection:
                await connection.executemany(
                    "INSERT INTO question_count VALUES ($1, 'bank', $2, 1, '{}')",
                    [(bytes([n]), window) for n in (1, 2) for window in windows],
                )
                counts = QuestionCounts(database, lambda: BUDGET)
                assert [await counts.purge(NOW, 4) for _ in range(3)] == [4, 2, 0]
                left = await connection.fetch("SELECT window_start FROM question_count ORDER BY 1")
            assert [row[0] for row in left] == sorted(windows[3:] * 2)
        finally:
            await database.close()

    asyncio.run(scenario())
