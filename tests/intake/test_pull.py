"""`hub pull`: a department's own database, read by a mapping file. Real SQLite and real PostgreSQL."""

from __future__ import annotations

import asyncio
import sqlite3
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from intake.intake_world import DECIDED, NOW, UNIT, World, penalty

from hub.catalog.types import Catalog, FieldType
from hub.clock import FixedClock
from hub.errors import ConfigurationError, HubError, InputError, IntakeError
from hub.intake import pull as pull_module
from hub.intake.mapping import PullMapping, read_mapping
from hub.intake.pull import PullReport, dry_run, pull
from hub.intake.report import IntakeReport
from hub.store.database import Database, asyncpg_arguments, parse_url

COLUMNS = {header: f"c{n}" for n, header in enumerate(h for h in penalty(1) if h != "处罚类别")}


def mapping_text(url: str, *, batch: int = 10, relation: str = "v penalty", more: str = "") -> str:
    lines = [
        "[source]", f'url = "{url}"', f'relation = "{relation}"', 'watermark = "Changed"', f"batch_rows = {batch}",
        "[target]", 'dataset = "government.penalty"', f'source_unit = "{UNIT}"',
        "[columns]", *(f'"{header}" = "{column}"' for header, column in COLUMNS.items()), '"处罚类别" = "kind"',
        '[values."处罚类别"]', '"1" = "罚款"', more,
    ]  # fmt: skip
    return "\n".join(lines)


def rows_of(numbers: range, changed: datetime, **changes: str) -> list[tuple[Any, ...]]:
    return [
        (*(penalty(n, **changes)[h] for h in COLUMNS), "1", (changed + timedelta(minutes=n // 3)).isoformat())
        for n in numbers
    ]


def sqlite_source(path: Path, numbers: range) -> str:
    with sqlite3.connect(path) as connection:
        names = ", ".join(COLUMNS.values())
        connection.execute(f'CREATE TABLE "base" ({names}, kind, "Changed" TEXT)')
        connection.execute('CREATE VIEW "v penalty" AS SELECT * FROM base')
    add(path, rows_of(numbers, NOW))
    return f"sqlite:///{path}"


def add(path: Path, rows: list[tuple[Any, ...]]) -> None:
    connection = sqlite3.connect(path)
    with connection:
        connection.executemany(f"INSERT INTO base VALUES ({','.join('?' * (len(COLUMNS) + 2))})", rows)
    connection.close()


def written(folder: Path, text: str) -> PullMapping:
    path = folder / "mapping.toml"
    path.write_text(text, encoding="utf-8")
    return read_mapping(path)


def run(world: World, mapping: PullMapping, **options: Any) -> PullReport:
    async def record(_report: IntakeReport) -> None:
        return None

    async def act(database: Database) -> PullReport:
        chosen: dict[str, Any] = {"record": record, **options}
        return await pull(
            mapping, database=database, catalog=world.catalog, indexer=world.ring.indexer(),
            sealer=world.ring.sealer(), clock=FixedClock(NOW), quarantine_dir=world.folder / "quarantine", demo=True,
            **chosen,
        )  # fmt: skip

    return world.run(act)


def total(report: PullReport, name: str) -> int:
    return sum(getattr(batch, name) for batch in report.batches)


def stored(world: World) -> int:
    return int(world.rows("SELECT count(*) AS n FROM record")[0]["n"])


def test_a_view_comes_in_batch_by_batch_and_later_only_what_is_new(world: World, tmp_path: Path) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 36))
    mapping = written(tmp_path, mapping_text(url))
    first = run(world, mapping)
    assert (total(first, "rows"), total(first, "inserted"), first.quarantined) == (35, 35, 0)
    assert len(first.batches) == 3
    assert stored(world) == 35
    add(tmp_path / "a.db", rows_of(range(36, 41), NOW))
    second = run(world, mapping)
    assert total(second, "inserted") == 5
    assert total(second, "rows") < 35
    assert total(run(world, mapping), "inserted") == 0
    assert total(run(world, mapping, from_start=True), "unchanged") == 40
    assert stored(world) == 40


def test_a_run_that_was_cut_off_goes_on_without_losing_or_doubling(world: World, tmp_path: Path) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 36))
    mapping = written(tmp_path, mapping_text(url))
    seen: list[int] = []

    async def breaks(report: IntakeReport) -> None:
        seen.append(report.rows)
        if len(seen) == 2:  # the rows of the second batch have landed, and nothing says so yet
            raise RuntimeError("killed")

    with pytest.raises(RuntimeError):
        run(world, mapping, record=breaks)
    assert stored(world) > seen[0]
    again = run(world, mapping)
    assert [batch.repeated for batch in again.batches] == [True, False]
    assert seen[0] + total(again, "inserted") == 35
    assert stored(world) == 35
    assert world.rows("SELECT count(*) AS n FROM intake_batch WHERE finished_at IS NULL")[0]["n"] == 0


def test_a_bad_row_goes_to_quarantine_and_a_dry_run_shows_it_and_lands_nothing(
    world: World, tmp_path: Path, catalog: Catalog
) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 6))
    add(tmp_path / "a.db", rows_of(range(6, 7), NOW, **{DECIDED: "2026-02-30"}))
    mapping = written(tmp_path, mapping_text(url))
    tried = dry_run(mapping, catalog, FixedClock(NOW), demo=True, rows=100, faults=5)
    assert (tried.rows, tried.good, tried.by_code) == (6, 5, {"BAD_DATE": 1})
    assert tried.faults[0].column == DECIDED
    assert "2026-02-30" not in str(tried)
    assert stored(world) == 0
    assert dry_run(mapping, catalog, FixedClock(NOW), demo=True, rows=2, faults=5).rows == 2
    report = run(world, mapping)
    assert (total(report, "inserted"), report.quarantined) == (5, 1)
    assert report.batches[0].quarantine_file is not None


def test_a_watermark_in_the_future_hides_nothing_that_comes_later(world: World, tmp_path: Path) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 6))
    add(tmp_path / "a.db", rows_of(range(6, 7), NOW + timedelta(days=30_000)))
    mapping = written(tmp_path, mapping_text(url))
    assert total(run(world, mapping), "inserted") == 6
    add(tmp_path / "a.db", rows_of(range(7, 10), NOW))
    later = run(world, mapping)
    assert (total(later, "inserted"), total(later, "rows") < 9) == (3, True)
    assert stored(world) == 9


def test_a_watermark_without_a_lasting_order_is_refused_before_a_row_lands(
    world: World, tmp_path: Path
) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 3))
    connection = sqlite3.connect(tmp_path / "a.db")
    with connection:
        connection.execute('CREATE VIEW "by number" AS SELECT *, 2460000.5 + rowid AS julian FROM base')
    connection.close()
    text = mapping_text(url, relation="by number").replace('"Changed"', '"julian"')
    with pytest.raises(ConfigurationError, match="no lasting order"):
        run(world, written(tmp_path, text))
    assert stored(world) == 0


MARKS_TO_COME: dict[str, tuple[Any, bool]] = {
    "a day of next century": (date(2126, 1, 1), True),
    "today": (NOW.date(), False),
    "an instant of this moment in China": (NOW.astimezone(timezone(timedelta(hours=8))), False),
    "a time without a zone that is ahead by hours only": (
        NOW.replace(tzinfo=None) + timedelta(hours=9),
        False,
    ),
    "a time without a zone of next week": (NOW.replace(tzinfo=None) + timedelta(days=7), True),
    "a text that is a time to come": ("9999-12-31T00:00:00+08:00", True),
    "a text that is no time": ("ZZ-99", False),
    "a number": (10**12, False),
}


@pytest.mark.parametrize("name", MARKS_TO_COME)
def test_a_watermark_is_to_come_when_it_is(name: str) -> None:
    mark, expected = MARKS_TO_COME[name]
    assert pull_module._to_come(mark, NOW) is expected


def test_rows_without_a_watermark_are_counted_and_not_passed_over_in_silence(
    world: World, tmp_path: Path
) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 4))
    add(tmp_path / "a.db", [(*row[:-1], None) for row in rows_of(range(4, 6), NOW)])
    report = run(world, written(tmp_path, mapping_text(url)))
    assert (total(report, "rows"), report.without_watermark) == (3, 2)


def test_postgresql_is_read_by_a_password_from_the_environment(
    world: World, tmp_path: Path, postgres: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def prepare() -> str:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(world.database_url)))
        names = ", ".join(f"{c} text" for c in COLUMNS.values() if c != COLUMNS[DECIDED])
        await connection.execute(
            f'CREATE SCHEMA dept; CREATE TABLE dept."v penalty" ({names}, {COLUMNS[DECIDED]} date, kind int,'
            ' "Changed" timestamptz)'
        )
        await connection.execute(
            "CREATE ROLE reader LOGIN PASSWORD 'secret'; GRANT USAGE ON SCHEMA dept TO reader"
        )
        await connection.execute('GRANT SELECT ON dept."v penalty" TO reader')
        order = [c for c in COLUMNS.values() if c != COLUMNS[DECIDED]]
        for n in range(1, 26):
            row = penalty(n)
            values = [row[h] for h in COLUMNS if h != DECIDED]
            await connection.execute(
                f'INSERT INTO dept."v penalty" ({", ".join(order)}, {COLUMNS[DECIDED]}, kind, "Changed") VALUES '
                f"({', '.join(f'${i}' for i in range(1, len(order) + 1))}, '2026-03-05', 1, ${len(order) + 1})",
                *values,
                datetime(2026, 11, 20, tzinfo=UTC) + timedelta(minutes=n),
            )
        await connection.close()
        return str(
            parse_url(world.database_url).set(username="reader", drivername="postgresql").render_as_string()
        )

    url = asyncio.run(prepare())
    try:
        text = mapping_text(url).replace(
            'relation = "', 'schema = "dept"\npassword_env = "DEPT_PASSWORD"\nrelation = "'
        )
        mapping = written(tmp_path, text)
        with pytest.raises(ConfigurationError, match="DEPT_PASSWORD"):
            run(world, mapping)
        monkeypatch.setenv("DEPT_PASSWORD", "secret")
        report = run(world, mapping)
        assert (total(report, "inserted"), len(report.batches)) == (25, 3)
        assert total(run(world, mapping), "inserted") == 0
    finally:

        async def drop() -> None:
            connection = await asyncpg.connect(**asyncpg_arguments(parse_url(world.database_url)))
            await connection.execute("DROP SCHEMA dept CASCADE; DROP ROLE reader")
            await connection.close()

        asyncio.run(drop())


REFUSED: dict[str, tuple[str, str]] = {
    "a password in the file": ("sqlite:///x", "postgresql://reader:secret@host/x"),
    "a password among the parameters": ("sqlite:///x", "postgresql://reader@host/x?password=secret"),
    "no database URL": ("sqlite:///x", "nonsense"),
    "a driver that is not there": ("sqlite:///x", "nosuch+driver://host/x"),
    "a relation that is SQL": ('relation = "v penalty"', 'relation = "base; DROP TABLE base"'),
    "a column that is not there": ('"c0"', '"nowhere"'),
    "a column outside the catalogue": ('"行政相对人名称"', '"宗教信仰"'),
    "a key that is not known": ("batch_rows", "batchrows"),
    "free SQL": ("batch_rows", 'where = "1=1"\nbatch_rows'),
    "batches of no size": ("batch_rows = 10", "batch_rows = 0"),
    "a unit that may not supply it": (UNIT, "91460100DEM820012A"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_mapping_is_refused_with_a_hint_and_nothing_lands(name: str, world: World, tmp_path: Path) -> None:
    url = sqlite_source(tmp_path / "a.db", range(1, 3))
    text = mapping_text("sqlite:///x" if "sqlite" in REFUSED[name][0] else url)
    with pytest.raises((InputError, ConfigurationError, IntakeError)) as refused:
        run(world, written(tmp_path, text.replace(*REFUSED[name])))
    error: HubError = refused.value
    assert error.hint
    assert "secret" not in str(error)
    assert stored(world) == 0
    with sqlite3.connect(tmp_path / "a.db") as connection:
        assert connection.execute("SELECT count(*) FROM base").fetchone() == (2,)
    connection.close()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), Decimal("NaN"), Decimal("-Infinity")], ids=str)
def test_what_is_no_finite_number_is_an_error_value_and_no_watermark(value: Any) -> None:
    assert pull_module._text(value, FieldType.MONEY) == ("", "CELL_ERROR")
    with pytest.raises(ConfigurationError):
        pull_module._mark_text(value)
