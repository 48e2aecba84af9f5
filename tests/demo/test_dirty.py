"""Department files of the demo, taken in by the real intake: good and odd rows land, wrong ones are quarantined."""

from __future__ import annotations

import asyncio
import csv
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.clock import FixedClock
from hub.demo.dirty import DIRT, FileKind, Header, write_department_file
from hub.demo.generator import Generator
from hub.intake.pipeline import ingest
from hub.intake.report import IntakeReport
from hub.keys.ring import create_ring
from hub.store.database import Database

from .demo_worlds import SEED, TODAY, catalog

NOW = datetime(2026, 11, 22, 2, 0, tzinfo=UTC)
GENERATOR = Generator(80, 0, SEED, TODAY)


def take_in(url: str, path: Path, dataset: str, unit: str, folder: Path) -> IntakeReport:
    ring = create_ring(folder / "ring", demo=True, now=NOW)

    async def go() -> IntakeReport:
        database = await Database.open(url)
        try:
            return await ingest(
                path,
                dataset,
                unit,
                database=database,
                catalog=catalog(),
                indexer=ring.indexer(),
                sealer=ring.sealer(),
                clock=FixedClock(NOW),
                quarantine_dir=folder / "quarantine",
                demo=True,
            )
        finally:
            await database.close()

    return asyncio.run(go())


@pytest.mark.parametrize(
    ("dataset", "kind", "header"),
    [
        ("government.licence", FileKind.CSV_BOM, Header.CHINESE),
        ("government.licence", FileKind.XLSX, Header.CODES),
        ("government.penalty", FileKind.CSV_GBK, Header.CODES),
        ("government.penalty", FileKind.XLSX, Header.CHINESE),
    ],
)
def test_intake_takes_the_good_rows_and_quarantines_the_wrong_ones_for_the_stated_reasons(
    dataset: str, kind: FileKind, header: Header, database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / f"file.{'xlsx' if kind is FileKind.XLSX else 'csv'}"
    made = write_department_file(
        path, GENERATOR, catalog(), dataset, rows=200, kind=kind, header=header, share=0.1
    )
    report = take_in(database_url, path, dataset, made.source_unit, tmp_path)
    assert (report.rows, report.inserted, report.quarantined) == (200, made.clean, 20)
    assert report.quarantine_file is not None
    with report.quarantine_file.open(encoding="utf-8-sig", newline="") as file:
        found = Counter(row["隔离_错误码(code)"] for row in csv.DictReader(file))
    assert found == Counter(made.codes)


def test_a_clean_file_has_no_wrong_rows(tmp_path: Path) -> None:
    made = write_department_file(
        tmp_path / "clean.csv", GENERATOR, catalog(), "government.penalty", rows=20, share=0
    )
    assert (made.dirty, made.clean) == ({}, 20)


def test_every_kind_of_dirt_occurs_in_a_file_of_usual_size(tmp_path: Path) -> None:
    kinds: set[str] = set()
    for dataset in ("government.licence", "government.penalty"):
        made = write_department_file(tmp_path / "f.csv", GENERATOR, catalog(), dataset, rows=400)
        assert sum(made.dirty.values()) == 20
        kinds |= set(made.dirty)
    assert kinds == set(DIRT)


def test_the_same_call_writes_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        write_department_file(
            tmp_path / name, GENERATOR, catalog(), "government.penalty", rows=50, kind=FileKind.CSV_GBK
        )
    assert (tmp_path / "a.csv").read_bytes() == (tmp_path / "b.csv").read_bytes()
