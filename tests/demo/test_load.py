from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pytest

from hub.clock import FixedClock
from hub.demo import load as load_module
from hub.demo.generator import Generator
from hub.demo.load import LoadProgress, LoadReport, load_demo
from hub.demo.story_facts import COMPANY_USCC, DEPT_AMR, PERSON_ID
from hub.keys.ring import KeyRing, create_ring
from hub.keys.sealing import aad, subject_aad
from hub.store.database import Database

from .demo_worlds import SEED, TODAY, catalog

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
T = TypeVar("T")


@pytest.fixture
def ring(tmp_path: Path) -> KeyRing:
    return create_ring(tmp_path / "ring", demo=True, now=NOW)


def with_database(url: str, act: Callable[[Database], Awaitable[T]]) -> T:
    async def go() -> T:
        database = await Database.open(url)
        try:
            return await act(database)
        finally:
            await database.close()

    return asyncio.run(go())


async def load(database: Database, ring: KeyRing, organizations: int, persons: int) -> LoadReport:
    generator = Generator(organizations, persons, SEED, TODAY)
    return await load_demo(database, catalog(), ring, generator, FixedClock(NOW))


async def count(database: Database, sql: str) -> int:
    async with database.connection() as connection:
        return int(await connection.fetchval(sql))


def test_every_record_lands_once_and_a_second_load_changes_nothing(database_url: str, ring: KeyRing) -> None:
    async def act(database: Database) -> None:
        first = await load(database, ring, 60, 60)
        assert first.inserted == sum(first.records.values()) > 1_000
        assert await count(database, "SELECT count(*) FROM record") == first.inserted
        assert await count(database, "SELECT count(*) FROM subject") == 120
        second = await load(database, ring, 60, 60)
        assert second.inserted == 0
        assert await count(database, "SELECT count(*) FROM record WHERE version > 1") == 0

    with_database(database_url, act)


def test_a_larger_world_adds_what_is_missing(database_url: str, ring: KeyRing) -> None:
    async def act(database: Database) -> None:
        await load(database, ring, 20, 20)
        before = await count(database, "SELECT count(*) FROM record")
        report = await load(database, ring, 40, 40)
        assert report.inserted == sum(report.records.values()) - before > 0

    with_database(database_url, act)


def test_the_story_is_found_by_its_identifiers_with_sealed_values_that_open(
    database_url: str, ring: KeyRing
) -> None:
    subject_id = ring.indexer().subject_id("ORG", COMPANY_USCC)

    async def act(database: Database) -> None:
        await load(database, ring, 1, 1)
        async with database.connection() as connection:
            subject = await connection.fetchrow("SELECT * FROM subject WHERE subject_id = $1", subject_id)
            profile = await connection.fetchrow(
                "SELECT record_id, clear::text, sealed::json->>'legalRepresentativeIdNumber' AS number FROM record "
                "WHERE subject_id = $1 AND dataset = 'government.registration'",
                subject_id,
            )
            sources = await connection.fetch(
                "SELECT DISTINCT source_unit FROM record WHERE subject_id = $1 AND dataset = 'government.penalty'",
                subject_id,
            )
        key = ring.sealer().open_data_key(subject_id, subject["kek_id"], subject["wrapped_key"])
        assert (
            key.unseal(subject_aad(subject_id, "identifier"), subject["identifier_sealed"]).decode()
            == f'"{COMPANY_USCC}"'
        )
        place = aad(
            subject_id, "government.registration", profile["record_id"], 1, "legalRepresentativeIdNumber"
        )
        assert key.unseal(place, profile["number"]).decode() == f'"{PERSON_ID}"'
        assert PERSON_ID not in profile["clear"]
        assert [row["source_unit"] for row in sources] == [DEPT_AMR]

    with_database(database_url, act)


def test_few_records_wait_in_memory_and_progress_ends_at_the_total(
    database_url: str, ring: KeyRing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(load_module, "GATHERED", 300)
    seen: list[LoadProgress] = []

    async def act(database: Database) -> None:
        generator = Generator(30, 10, SEED, TODAY)
        report = await load_demo(database, catalog(), ring, generator, FixedClock(NOW), seen.append)
        assert await count(database, "SELECT count(*) FROM record") == report.inserted
        assert seen[-1] == LoadProgress(40, 40, report.inserted)

    with_database(database_url, act)
