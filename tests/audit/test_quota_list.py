"""How much of the caps is used: each count beside each cap of its purpose, the most used first."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.audit.entry import subject_ref
from hub.audit.quota_list import QuotaFilter, QuotaLine, list_quotas
from hub.catalog.loader import load_catalog
from hub.model.calendar import window_start
from hub.policies.files import load_policies
from hub.policies.model import PolicySet
from hub.store.database import Database

from .audit_world import A_DAY, ACME, NOW, OTHER, administrator, an_entry, open_log

ROOT = Path(__file__).parents[2]
BANK, SECOND = A_DAY.institution, "91460000DEM00002XX"
LOANS = A_DAY._replace(dataset="financial.loan")
IN_ALL = A_DAY._replace(subject_id=b"")
A_MONTH = A_DAY._replace(unit="MONTH", window_start=window_start("MONTH", NOW))


@pytest.fixture(scope="module")
def policy() -> PolicySet:
    return load_policies(ROOT / "policies", load_catalog(ROOT / "schema"))


def listed(
    url: str, policy: PolicySet, wanted: QuotaFilter, now: datetime = NOW, limit: int = 50
) -> list[QuotaLine]:
    async def body() -> list[QuotaLine]:
        database = await Database.open(url, pool_size=1)
        try:
            return await list_quotas(database, policy, wanted, now, limit=limit)
        finally:
            await database.close()

    return asyncio.run(body())


@pytest.fixture
def counted(database_url: str) -> str:
    """A database with counts of two banks."""

    async def body() -> None:
        async with open_log(database_url) as (_, log):
            for quota, uses in (
                (A_DAY, 10),
                (A_DAY._replace(institution=SECOND, subject_id=OTHER), 4),
                (A_MONTH, 10),
                (IN_ALL, 14),
                (LOANS, 3),
                (LOANS._replace(dataset="government.penalty"), 3),
                (A_DAY._replace(purpose="NO_SUCH_PURPOSE"), 9),
            ):
                await log.append(an_entry(), (), [quota._replace(uses=uses, most=2_000_000_000)])

    asyncio.run(body())
    return database_url


def test_each_count_stands_beside_each_cap_of_its_purpose_the_most_used_first(
    counted: str, policy: PolicySet
) -> None:
    found = listed(counted, policy, QuotaFilter())
    assert [
        (q.institution, q.template, q.subject, q.dataset, q.unit, f"{q.used}/{q.most}", q.percent) for q in found
    ] == [
        (BANK, "FU-LOAN-SMALL", subject_ref(ACME), "", "DAY", "10/5", 200),
        (BANK, "FU-LOAN-SMALL", subject_ref(ACME), "financial.loan", "DAY", "3/2", 150),
        (SECOND, "FU-LOAN-SMALL", subject_ref(OTHER), "", "DAY", "4/5", 80),
        (BANK, "FU-LOAN-SMALL", subject_ref(ACME), "", "MONTH", "10/20", 50),
        (BANK, "FU-LOAN-1", subject_ref(ACME), "", "DAY", "10/50", 20),
        (SECOND, "FU-LOAN-1", subject_ref(OTHER), "", "DAY", "4/50", 8),
        (BANK, "FU-LOAN-1", subject_ref(ACME), "", "MONTH", "10/500", 2),
        (BANK, "FU-LOAN-SMALL", "", "", "DAY", "14/2000", 0),
        (BANK, "FU-LOAN-1", "", "", "DAY", "14/1000000", 0),
    ]  # fmt: skip
    assert found[0].window_end == datetime(2026, 3, 5, 16, tzinfo=UTC)
    assert found[3].window_end == datetime(2026, 3, 31, 16, tzinfo=UTC)


def test_a_filter_and_a_limit_narrow_the_list(counted: str, policy: PolicySet) -> None:
    everything = listed(counted, policy, QuotaFilter())
    assert listed(counted, policy, QuotaFilter(near=80)) == everything[:3]
    assert listed(counted, policy, QuotaFilter(near=81)) == everything[:2]
    assert listed(counted, policy, QuotaFilter(SECOND)) == [everything[2], everything[5]]
    assert listed(counted, policy, QuotaFilter(purpose="RENEWAL")) == []
    assert listed(counted, policy, QuotaFilter(), limit=4) == everything[:4]


def test_a_window_that_has_ended_is_not_listed(counted: str, policy: PolicySet) -> None:
    tomorrow = listed(counted, policy, QuotaFilter(), NOW + timedelta(days=1))
    assert {q.unit for q in tomorrow} == {"MONTH"}
    assert listed(counted, policy, QuotaFilter(), NOW + timedelta(days=40)) == []


def test_looking_changes_no_count(counted: str, policy: PolicySet) -> None:
    before = asyncio.run(administrator(counted, "SELECT * FROM quota_count ORDER BY used"))
    listed(counted, policy, QuotaFilter())
    assert asyncio.run(administrator(counted, "SELECT * FROM quota_count ORDER BY used")) == before
