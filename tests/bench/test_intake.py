"""Intake beside COPY: both ways bring every row, and the files hold good rows only."""

from datetime import date
from pathlib import Path

from hub.bench.department import ROWS_PER_COMPANY, write_files
from hub.bench.intake import run
from hub.catalog.loader import load_catalog
from hub.clock import SystemClock
from hub.config import Settings


def test_both_ways_take_in_the_same_number_of_rows(database_url: str):
    outcome = run(Settings(database_url=database_url), SystemClock(), rows=50, rounds=2, say=lambda _: None)
    assert outcome.rows == 50
    assert len(outcome.intake) == len(outcome.copy) == 2
    document = outcome.json()
    assert document["ratios"]["intake_to_copy"] > 0
    assert document["rows_per_second"]["copy"]["median"] > 0


def test_every_company_has_the_same_number_of_rows(tmp_path: Path):
    catalog = load_catalog(Path(__file__).parents[2] / "schema")
    files = write_files(tmp_path, catalog, 3, date(2026, 11, 21))
    assert sum(file.rows for file in files) == 3 * ROWS_PER_COMPANY
    for file in files:
        assert len(file.path.read_text(encoding="utf-8").splitlines()) == file.rows + 1
