"""A whole run, as small as can be: real servers, real load, real database."""

import asyncio

import asyncpg
import pytest

from hub.bench.report import Plan, run
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import InputError
from hub.store.database import asyncpg_arguments, parse_url

SMALL = Plan(connections=(2,), seconds=0.2, rounds=1, subjects=3)
BAD_PLANS = {
    "an unknown contestant": Plan(only=("hub", "graphene")),
    "no connections": Plan(connections=(0,)),
    "no time": Plan(seconds=0),
    "no companies": Plan(subjects=0),
}


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_plan_that_makes_no_sense_is_refused(what: str):
    with pytest.raises(InputError):
        BAD_PLANS[what].checked()


def _ask(url: str, sql: str):
    async def ask():
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
        try:
            return await connection.fetchval(sql)
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_a_run_measures_all_three_and_leaves_the_operators_database_alone(database_url: str):
    said: list[str] = []
    outcome = run(Settings(database_url=database_url), SystemClock(), SMALL, said.append)
    document = outcome.json()
    assert document["answer"] == {"leaves": 103, "masked": 3, "unsealed": 21, "datasets": 8}
    assert set(document["contestants"]) == {"floor", "stock", "hub"}
    assert {"hub_to_floor", "hub_to_stock", "p99_hub_to_floor"} <= set(document["ratios"])
    assert outcome.measured.errors == 0
    assert all(by["2"]["requests"] > 0 for by in document["contestants"].values())
    assert _ask(database_url, "SELECT count(*) FROM subject") == 0
    assert _ask(database_url, "SELECT count(*) FROM pg_database WHERE datname = 'credit_hub_bench'") == 0
