"""Growth: databases of different sizes with the same companies in them, and nothing left of them afterwards."""

import asyncio
import dataclasses
import shutil
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from hub.bench import filler, growth
from hub.bench.databases import BenchDatabase, copied, fresh_database
from hub.bench.dataset import RECORDS
from hub.bench.growth import Plan, run
from hub.bench.setup import bench_settings, fill
from hub.cli.bench_tables import show_growth
from hub.clock import SystemClock
from hub.config import Settings
from hub.errors import InputError
from hub.store.database import asyncpg_arguments, parse_url

SMALL = Plan(records=(200, 500), connections=(2,), seconds=0.2, rounds=1, subjects=3)
BAD_PLANS = {
    "one size": {"records": (1_000,)},
    "sizes that do not grow": {"records": (1_000, 1_000)},
    "fewer records than the companies have": {"records": (3 * RECORDS - 1, 1_000)},
    "no companies": {"subjects": 0},
    "no time": {"seconds": 0},
    "no rounds": {"rounds": 0},
    "no connections": {"connections": ()},
}
MIX = "SELECT dataset, count(*), avg(length(sealed::text)), avg(length(clear::text)) FROM record GROUP BY 1 ORDER BY 1"
INDEXES = "SELECT indexdef FROM pg_indexes WHERE tablename IN ('record', 'subject') ORDER BY 1"
CONSTRAINTS = "SELECT pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'record'::regclass"
OWN = "SELECT subject_id, record_id, dataset, clear::text, sealed::text FROM record ORDER BY 1, 2, 3"


def _fetch(url: str, sql: str) -> list[tuple]:
    async def fetch():
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
        try:
            return [tuple(row) for row in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


@pytest.mark.parametrize("what", BAD_PLANS)
def test_a_plan_that_makes_no_sense_is_refused(what: str):
    with pytest.raises(InputError):
        dataclasses.replace(SMALL, **BAD_PLANS[what]).checked()


def test_databases_that_do_not_fit_the_disk_are_refused_before_anything_is_filled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    free = shutil.disk_usage(tmp_path)._replace(free=10**9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: free)
    said: list[str] = []
    with pytest.raises(InputError, match="GB of disk"):
        run(Settings(), SystemClock(), SMALL, said.append)
    assert not any("filling" in line for line in said)


def test_filler_is_like_the_real_records_which_stay_as_they_are(database_url: str, tmp_path: Path):
    settings = Settings(database_url=database_url)
    with fresh_database(settings, tmp_path) as database:
        chosen = bench_settings(settings, database.url, tmp_path, datetime.now(UTC))
        asyncio.run(fill(chosen, tmp_path, SystemClock(), 3, lambda _: None))
        before = {sql: _fetch(database.url, sql) for sql in (MIX, OWN, INDEXES, CONSTRAINTS)}
        with copied(database, 2) as large:
            said: list[str] = []
            assert asyncio.run(filler.fill_up(large, 4 * 3 * RECORDS, said.append)) > 0
            sizes = asyncio.run(filler.sizes(large))
            assert (sizes.records, sizes.subjects) == (4 * 3 * RECORDS, 4 * 3)
            assert _fetch(large.url, INDEXES) == before[INDEXES]
            assert _fetch(large.url, CONSTRAINTS) == before[CONSTRAINTS]
            for (dataset, few, *widths), now in zip(before[MIX], _fetch(large.url, MIX), strict=True):
                assert now == (dataset, 4 * few, *widths)
            assert set(before[OWN]) < set(_fetch(large.url, OWN))
            assert any(line.startswith("588 of 588 records") for line in said)
            assert not _fetch(large.url, "SELECT 1 FROM pg_class WHERE relname LIKE 'bench_real%'")
        assert _fetch(database.url, OWN) == before[OWN]


def test_a_number_of_records_that_is_no_multiple_is_met_exactly(database_url: str, tmp_path: Path):
    settings = Settings(database_url=database_url)
    with fresh_database(settings, tmp_path) as database:
        chosen = bench_settings(settings, database.url, tmp_path, datetime.now(UTC))
        asyncio.run(fill(chosen, tmp_path, SystemClock(), 2, lambda _: None))
        for records in (2 * RECORDS, 2 * RECORDS + 1, 333):
            asyncio.run(filler.fill_up(database, records, lambda _: None))
            assert asyncio.run(filler.sizes(database)).records == records
            asyncio.run(_only_real(database))


async def _only_real(database: BenchDatabase) -> None:
    """Take out the filler: subjects nobody has a consent of."""
    async with database.connection() as connection:
        for table in filler.TABLES:
            await connection.execute(
                f"DELETE FROM {table} WHERE subject_id NOT IN (SELECT subject_id FROM consent)"
            )


def test_a_run_measures_every_size_and_leaves_no_database_behind(
    database_url: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
):
    said: list[str] = []
    outcome = run(Settings(database_url=database_url), SystemClock(), SMALL, said.append)
    document = outcome.json()
    assert outcome.measured.errors == 0
    assert set(document["contestants"]) == {"200", "500"} == set(document["sizes"])
    assert [s["records"] for s in document["sizes"].values()] == [200, 500]
    assert set(document["ratios"]["2"]) == set(growth.MEASURES)
    assert document["cache"]["shared_buffers"]
    assert _fetch(database_url, "SELECT 1 FROM pg_database WHERE datname LIKE 'credit_hub_bench%'") == []
    assert _fetch(database_url, "SELECT 1 FROM subject") == []
    show_growth(outcome, tmp_path / "growth.json")
    shown = capsys.readouterr().out
    assert "500 : 200 records" in shown
    assert (tmp_path / "growth.json").exists()
