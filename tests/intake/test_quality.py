"""Quality of sources: the figures counted at intake equal those recomputed from records and quarantine."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hub.catalog.types import SubjectKind
from hub.clock import FixedClock, civil_date
from hub.demo.dirty import write_department_file
from hub.demo.generator import Generator
from hub.intake.quality import first_late, optional_fields
from hub.intake.quality_report import Asked, Line, QualityReport, quality_report
from hub.intake.report import IntakeReport
from hub.model.workdays import WorkingCalendar
from hub.policies.clocks import Clocks
from hub.policies.files import load_policies
from hub.store.database import Database

from .intake_world import (
    DECIDED,
    NOW,
    OTHER_UNIT,
    SCHEMA,
    SHOWN_UNTIL,
    UNIT,
    USCC_COLUMN,
    World,
    penalty,
    read_table,
    the_catalog,
    write_csv,
)  # fmt: skip

ALL = Asked()
GENERATOR = Generator(60, 0, 7, date(2026, 11, 21))
CALENDAR = load_policies(SCHEMA.parent / "policies", the_catalog()).clocks.calendar


def report(
    world: World, asked: Asked = ALL, *, own: str | None = None, today: date | None = None
) -> QualityReport:
    async def act(database: Database) -> QualityReport:
        async with database.connection() as connection:
            return await quality_report(connection, asked, today or civil_date(NOW), own=own)

    return world.run(act)


def recomputed(
    world: World, taken: IntakeReport, dataset_id: str, calendar: WorkingCalendar
) -> dict[str, Any]:
    """The figures of one batch, by brute force from its records and its quarantine file."""
    dataset = world.catalog.datasets[dataset_id]
    rows = world.rows(
        "SELECT event_date, received_at, clear, sealed FROM record WHERE batch_id = $1", taken.batch_id
    )
    optional = optional_fields(dataset, SubjectKind.ORG)
    due = [calendar.after(r["event_date"], dataset.upload_deadline_days) for r in rows]
    refused = read_table(taken.quarantine_file)[1:] if taken.quarantine_file else []
    faults = Counter(
        pair for line in refused for pair in zip(line[2].split(" | "), line[1].split(" | "), strict=True)
    )
    return {
        "rows": len(rows) + len(refused),
        "fresh": len(rows),
        "quarantined": len(refused),
        "late": sum(civil_date(r["received_at"]) > d for r, d in zip(rows, due, strict=True)),
        "filled": sum(
            sum(f'"{name}"' in r["clear"] or f'"{name}"' in r["sealed"] for name in optional) for r in rows
        ),
        "wanted": len(optional) * len(rows),
        "faults": {(code, "" if column == "-" else column): n for (code, column), n in faults.items()},
    }


@pytest.mark.parametrize("dataset_id", ["government.licence", "government.penalty"])
def test_figures_equal_a_recomputation_from_records_and_quarantine_of_a_dirty_file(
    world: World, tmp_path: Path, dataset_id: str
) -> None:
    file = write_department_file(
        tmp_path / "d.csv", GENERATOR, world.catalog, dataset_id, rows=240, share=0.2
    )
    taken = world.ingest(
        file.path, dataset_id, file.source_unit, clocks=Clocks(calendar=CALENDAR), chunk_rows=37
    )
    expected = recomputed(world, taken, dataset_id, CALENDAR)
    found = report(world)
    (line,) = found.lines
    assert {name: getattr(line, name) for name in expected if name != "faults"} == {
        k: v for k, v in expected.items() if k != "faults"
    }
    assert 0 < line.late < line.fresh
    assert {(f.code, f.column): f.faults for f in found.faults} == expected["faults"]
    assert all(f.hint and f.message_zh for f in found.faults)
    assert line.completeness == line.filled * 10_000 // line.wanted
    assert line.compliance == line.landed * 10_000 // line.rows


def test_the_size_of_the_chunks_changes_no_figure(world: World, tmp_path: Path) -> None:
    rows = [penalty(n) for n in range(1, 9)] + [penalty(3), penalty(4, **{SHOWN_UNTIL: "2099-01-01"})]
    for size, unit in ((1, UNIT), (3, OTHER_UNIT)):
        dropped = [r | {"处罚机关统一社会信用代码": unit} for r in rows]
        world.ingest(write_csv(tmp_path / f"{size}.csv", dropped), unit=unit, chunk_rows=size)
    one, other = sorted(report(world).lines, key=lambda line: line.source_unit)
    assert _counts(one) == _counts(other)
    assert (one.rows, one.fresh, one.duplicates, one.quarantined) == (10, 8, 1, 1)


def _counts(line: Line) -> tuple[int, ...]:
    return (
        line.rows,
        line.landed,
        line.fresh,
        line.duplicates,
        line.quarantined,
        line.late,
        line.wanted,
        line.filled,
    )


def test_a_run_that_was_cut_off_and_repeated_counts_as_one_that_was_not(world: World, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "a.csv", [penalty(n) for n in range(1, 7)])

    def stop(_state: object) -> None:
        raise RuntimeError

    with pytest.raises(RuntimeError):
        world.ingest(path, chunk_rows=2, progress=stop)
    (cut,) = report(world).lines
    assert cut.rows < 6
    world.ingest(path, chunk_rows=2)
    (line,) = report(world).lines
    assert (line.rows, line.fresh, line.judged, line.duplicates) == (6, 6, 6, 0)


BOUNDARY = {
    "decided on a Friday, received seven working days later": (date(2026, 11, 13), date(2026, 11, 24), False),
    "one day after that": (date(2026, 11, 13), date(2026, 11, 25), True),
    "over the National Day holidays": (date(2026, 9, 25), date(2026, 10, 12), False),
    "received on the day of the decision": (date(2026, 11, 13), date(2026, 11, 13), False),
}


@pytest.mark.parametrize("case", BOUNDARY)
def test_a_decision_is_late_after_seven_working_days(world: World, tmp_path: Path, case: str) -> None:
    decided, received, late = BOUNDARY[case]
    if case.startswith("over"):
        received = CALENDAR.after(decided, 7)
        assert received - decided > timedelta(days=12)
    clock = FixedClock(datetime(received.year, received.month, received.day, 4, tzinfo=UTC))
    row = penalty(1, **{DECIDED: decided.isoformat(), SHOWN_UNTIL: "2026-12-31"})
    assert (
        world.ingest(
            write_csv(tmp_path / "a.csv", [row]), clock=clock, clocks=Clocks(calendar=CALENDAR)
        ).inserted
        == 1
    )
    assert [line.late for line in report(world).lines] == [int(late)]


@pytest.mark.parametrize("days", [1, 7, 20])
def test_the_first_late_day_is_the_newest_one_whose_term_is_over(days: int) -> None:
    for offset in range(400):
        received = date(2026, 1, 1) + timedelta(days=offset)
        day = first_late(CALENDAR, received, days)
        assert CALENDAR.after(day, days) < received <= CALENDAR.after(day + timedelta(days=1), days)


def test_mended_rows_leave_the_quarantine_and_the_age_is_that_of_the_oldest_left(
    world: World, tmp_path: Path
) -> None:
    wrong = [penalty(n, **{USCC_COLUMN: "91460100DEM0000010"}) for n in (1, 2)]
    taken = world.ingest(write_csv(tmp_path / "a.csv", wrong))
    later = NOW + timedelta(days=10)
    (waiting,) = report(world, today=civil_date(later)).waiting
    assert (waiting.rows, waiting.days) == (2, 10)
    assert taken.quarantine_file is not None
    header, first, _ = read_table(taken.quarantine_file)
    fixed = dict(zip(header, first, strict=True)) | {USCC_COLUMN: penalty(1)[USCC_COLUMN]}
    assert world.ingest(write_csv(tmp_path / "b.csv", [fixed]), clock=FixedClock(later)).inserted == 1
    (left,) = report(world, today=civil_date(later)).waiting
    assert (left.rows, left.days) == (1, 10)


def test_a_source_sees_its_own_figures_alone_with_its_place_among_all(world: World, tmp_path: Path) -> None:
    bad = penalty(2, **{USCC_COLUMN: "91460100DEM0000010"})
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1)]))
    world.ingest(write_csv(tmp_path / "b.csv", [bad]), unit=OTHER_UNIT)
    full = report(world)
    assert [(r.rank, r.line.source_unit) for r in full.league] == [(1, UNIT), (2, OTHER_UNIT)]
    own = report(world, Asked(UNIT), own=OTHER_UNIT)
    units = {x.source_unit for part in (own.lines, own.faults, own.waiting) for x in part}
    assert units == {OTHER_UNIT}
    assert [(r.rank, r.line.source_unit) for r in own.league] == [(2, OTHER_UNIT)]


def test_months_are_kept_apart(world: World, tmp_path: Path) -> None:
    world.ingest(write_csv(tmp_path / "a.csv", [penalty(1)]))
    world.ingest(write_csv(tmp_path / "b.csv", [penalty(2)]), clock=FixedClock(NOW + timedelta(days=30)))
    assert [line.month for line in report(world).lines] == ["2026-12", "2026-11"]
    assert [line.month for line in report(world, Asked(month=date(2026, 12, 1))).lines] == ["2026-12"]
