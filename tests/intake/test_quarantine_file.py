"""The quarantine file: safe in a spreadsheet, lossless on the way back, private."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.catalog.types import Catalog
from hub.errors import IntakeError
from hub.intake.faults import fault
from hub.intake.headers import QUARANTINE_COLUMNS, map_headers
from hub.intake.quarantine import QuarantineFile, guard, needs_guard, unguard
from hub.intake.source import SourceRow

from .intake_world import PENALTY, penalty, read_table, uscc

DANGEROUS = ("=1+1", "+1", "-1+2", "@SUM(A1)", "＝1+1", " =1", "\t=1", "\r=1", "'x", "|cmd", "%0A")
REWRITTEN = ("469999199003070019", "007", "2026-03", "1E5", "3-5", "12:30")
PLAIN = ("", "海南椰澜", "2026-03-05", "1.5", uscc(1), "琼市监罚演〔2026〕0001号", "1", "x=1")


@pytest.mark.parametrize("cell", DANGEROUS + REWRITTEN)
def test_what_a_spreadsheet_would_run_or_rewrite_is_guarded(cell: str) -> None:
    assert guard(cell) == "'" + cell
    assert unguard(guard(cell)) == cell


@pytest.mark.parametrize("cell", PLAIN)
def test_other_cells_stay_as_they_are(cell: str) -> None:
    assert guard(cell) == cell


@given(st.text(max_size=12) | st.from_regex(r"['=+\-@ ]{0,3}[0-9eE./\-']{0,6}", fullmatch=True))
def test_guarding_is_lossless_and_leaves_nothing_a_spreadsheet_would_run(cell: str) -> None:
    assert unguard(guard(cell)) == cell
    assert not needs_guard(guard(cell)) or guard(cell).startswith("'")


def test_what_a_person_types_with_an_apostrophe_of_their_own_is_kept() -> None:
    assert unguard("'abc") == "'abc"


def make(tmp_path: Path, catalog: Catalog) -> QuarantineFile:
    header = map_headers(catalog.datasets["government.penalty"], list(PENALTY))
    return QuarantineFile(tmp_path / "quarantine", "q", header)


def test_the_file_has_findings_first_and_one_line_per_row(tmp_path: Path, catalog: Catalog) -> None:
    file = make(tmp_path, catalog)
    row = penalty(备注="=1+1")
    file.add(
        SourceRow(9, list(row.values())), [fault("REQUIRED", 9, "处罚依据"), fault("FORMULA", 9, "备注")]
    )
    path = file.finish()
    assert path is not None
    header, line = read_table(path)
    assert header == [*QUARANTINE_COLUMNS, *PENALTY]
    assert line[:3] == ["9", "处罚依据 | 备注", "REQUIRED | FORMULA"]
    assert line[-1] == "'=1+1"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")


def test_only_the_owner_may_read_it(tmp_path: Path, catalog: Catalog) -> None:
    file = make(tmp_path, catalog)
    file.add(SourceRow(2, []), [fault("REQUIRED", 2, "x")])
    path = file.finish()
    assert path is not None
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_there_is_no_file_without_a_refused_row_and_none_after_a_run_that_failed(
    tmp_path: Path, catalog: Catalog
) -> None:
    assert make(tmp_path, catalog).finish() is None
    file = make(tmp_path, catalog)
    file.add(SourceRow(2, []), [fault("REQUIRED", 2, "x")])
    file.discard()
    assert not list((tmp_path / "quarantine").iterdir())


def test_a_folder_that_cannot_be_written_refuses(tmp_path: Path, catalog: Catalog) -> None:
    (tmp_path / "quarantine").write_text("a file, not a folder")
    with pytest.raises(IntakeError, match="quarantine"):
        make(tmp_path, catalog).add(SourceRow(2, []), [fault("REQUIRED", 2, "x")])
