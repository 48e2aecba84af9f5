"""The quick way for plain rows gives what the full check gives, whatever stands in the cells."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.bench.department import write_files
from hub.catalog.types import Catalog, Dataset, Field
from hub.catalog.values import plain_reader, read_value
from hub.errors import ValueFormatError
from hub.intake.headers import map_headers
from hub.intake.pipeline import file_supply
from hub.intake.rows import ValidRow
from hub.intake.source import SourceRow
from hub.intake.validate import RowValidator, _Check

from .intake_world import penalty, person_penalty, uscc

TODAY = date(2026, 11, 21)
ODD = (
    "", " ", "-", "无", "NULL", "0", "12.5", "12.345", "-3", "1e3", "=1+1", "#N/A", "2026-13-01", "2026-02-30", "2099-12-31",
    "2027-01-01", "2020-01-01", "1899-01-01", "长期", "是", "自然人", "法人及非法人组织", "外星人", "ABC 123", "ＡＢＣ", "ａ１",
    "é", "e\u0301", "x\u0000y", "x" * 70, "x" * 5000, "A-1/2", "12,345.67", "１２", "警告", "一般", "严重", "特别严重", uscc(1), uscc(1)[:-1] + "5",
)  # fmt: skip


def _rows(catalog: Catalog) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    """Headers and cells of a good row of each kind."""
    return {
        "a penalty of a company": (tuple(penalty()), tuple(penalty().values())),
        "a penalty of a person": (tuple(person_penalty()), tuple(person_penalty().values())),
    }


@pytest.mark.parametrize("name", ["a penalty of a company", "a penalty of a person"])
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    changes=st.lists(st.tuples(st.integers(0, 60), st.sampled_from(ODD)), max_size=4), cut=st.integers(0, 3)
)
def test_a_row_with_odd_cells_comes_out_as_by_the_full_check(
    catalog: Catalog, name: str, changes: list[tuple[int, str]], cut: int
) -> None:
    headers, cells = _rows(catalog)[name]
    changed = list(cells)
    for place, cell in changes:
        changed[place % len(changed)] = cell
    _same(catalog.datasets["government.penalty"], headers, changed[: len(changed) - cut // 2])


def test_rows_as_departments_send_them_go_the_quick_way(
    catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> None:
    for file in write_files(tmp_path_factory.mktemp("files"), catalog, 20, TODAY):
        dataset = catalog.datasets[file.dataset]
        source = file_supply(file.path).open(dataset)
        validator = RowValidator(dataset, map_headers(dataset, source.headers), today=TODAY, demo=True)
        for row in source.rows():
            assert validator._plain(row) == _Check(validator, row).run() != []


def _same(dataset: Dataset, headers: tuple[str, ...], cells: list[str]) -> None:
    row = SourceRow(3, cells)
    ways = []
    for _ in range(2):
        validator = RowValidator(dataset, map_headers(dataset, headers), today=TODAY, demo=True)
        ways.append((validator.check, _Check(validator, row).run))
    quick, full = ways[0][0](row), ways[1][1]()
    assert quick == full
    assert ways[0][0](row) == full, "remembered cells say the same"
    assert isinstance(quick, ValidRow) or quick


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cell=st.one_of(st.text(max_size=80), st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,8})?", fullmatch=True)))
def test_a_plain_reader_says_what_the_reader_says_or_nothing(catalog: Catalog, cell: str) -> None:
    for field in catalog.datasets["financial.loan"].fields:
        plain = plain_reader(field)(cell)
        if plain is not None:
            assert plain == _read(field, cell)


def _read(field: Field, cell: str) -> object:
    try:
        return read_value(field, cell, today=TODAY, demo=True)
    except ValueFormatError as error:
        return error.detail
