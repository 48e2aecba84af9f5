"""The quick way for plain rows gives what the full check gives, whatever stands in the cells."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.bench.department import write_files
from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog, Dataset, Field, FieldType, Role, SubjectKind
from hub.catalog.values import plain_column_reader, plain_reader, read_value
from hub.errors import ValueFormatError
from hub.intake.headers import map_headers
from hub.intake.pipeline import file_supply
from hub.intake.rows import Columns, ValidRow
from hub.intake.source import SourceRow
from hub.intake.validate import RowValidator, _Check

from .intake_world import SCHEMA, penalty, person_penalty, resident_id, uscc

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
        rows = list(source.rows())
        quick, columns = validator._plain.read(rows)
        assert [quick.get(n) for n in range(len(rows))] == [_Check(validator, row).run() for row in rows]
        assert columns is not None
        assert _by_row(columns, len(rows)) == [row.values for row in quick.values()]


def _same(dataset: Dataset, headers: tuple[str, ...], cells: list[str]) -> bool:
    """Whether the row passes, by either way; both must say the same."""
    row = SourceRow(3, cells)
    ways = []
    for _ in range(2):
        validator = RowValidator(dataset, map_headers(dataset, headers), today=TODAY, demo=True)
        ways.append((validator.check, _Check(validator, row).run))
    quick, full = ways[0][0](row), ways[1][1]()
    assert quick == full
    assert ways[0][0](row) == full, "remembered cells say the same"
    assert isinstance(quick, ValidRow) or quick
    return isinstance(quick, ValidRow)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    cell=st.one_of(
        st.text(max_size=80),
        st.from_regex(r"[0-9]{1,14}(\.[0-9]{1,8})?", fullmatch=True),
        st.text("无空旡穴一鿿琼演A1〔〕（）【】、。；《》“”—… \n=#%-", max_size=12),
        st.builds(uscc, st.integers(1, 99)),
        st.sampled_from(ODD),
    )
)
def test_a_plain_reader_says_what_the_reader_says_or_nothing(catalog: Catalog, cell: str) -> None:
    for field in catalog.fields():
        plain = plain_reader(field, demo=True)(cell)
        if plain is not None:
            assert plain == _read(field, cell), field.id
        read_all = plain_column_reader(field)
        column = read_all(("1", cell, "")) if read_all else None
        if column is not None:
            assert list(column) == [_read(field, "1"), _read(field, cell), None], field.id


DATASETS = sorted(load_catalog(SCHEMA).datasets)
_GOOD = {
    FieldType.USCC: (uscc(2), uscc(3), uscc(2).lower()),
    FieldType.RESIDENT_ID: (resident_id(3), resident_id(4)),
    FieldType.DATE: ("2026-03-05", "2026/3/5", "20260305", "2026年3月5日", "2026-11-21", "2024-02-29"),
    FieldType.OPEN_DATE: ("2099-12-31", "长期", "2026-12-01", "2030-01-01"),
    FieldType.MONTH: ("2026-03", "202603", "2026年3月", "2026-03-05"),
    FieldType.INTEGER: ("0", "12", "1,234", "3人"),
    FieldType.DECIMAL: ("0.5", "12", "1,234.50"),
    FieldType.MONEY: ("0", "12.5", "1.000001", "1,234.56", "3万元", "5元"),
    FieldType.BOOLEAN: ("是", "否", "true", "0", "有", "无"),
    FieldType.TEXT: ("琼演〔2026〕1号", "AB-1", "海南 演示", "无", "一、二"),
    FieldType.TEXT_LIST: ("甲;乙", "甲；乙；", "甲"),
}  # fmt: skip
"""Cells that a field of a type may have."""


def _good(field: Field, kind: SubjectKind) -> st.SearchStrategy[str]:
    """Good cells of a field, in a row about a subject of a kind."""
    match field.role:
        case Role.SUBJECT_KIND:
            return st.just("自然人" if kind is SubjectKind.PERSON else "法人及非法人组织")
        case Role.SUBJECT_USCC:
            return st.just(uscc(1) if kind is SubjectKind.ORG else "")
        case Role.SUBJECT_CERT_TYPE:
            return st.just("身份证" if kind is SubjectKind.PERSON else "")
        case Role.SUBJECT_CERT_NO:
            return st.just(resident_id(2) if kind is SubjectKind.PERSON else "")
        case Role.PUBLICATION_END:
            return st.sampled_from(("2026-06-04", "2026-11-21", "2099-12-31", "2027-03-05"))
        case Role.LEGACY_ID | Role.ORIGIN:
            return st.just("")
    if field.values:
        spelt = [text for v in field.values for text in (v.label.zh, v.code, v.label.en, *v.aliases)]
        return st.sampled_from(spelt)
    return st.sampled_from(_GOOD[field.type])


@st.composite
def _any_row(draw: st.DrawFn, dataset: Dataset) -> tuple[list[str], bool]:
    """A row of good cells, some left out where they may be, and at times odd ones; whether it has none of these."""
    kind = draw(st.sampled_from(dataset.subjects))
    cells = []
    for field in dataset.fields:
        needed = field.required in ("Y", "O" if kind is SubjectKind.ORG else "P")
        empty = not needed and not (field.role or draw(st.booleans()))
        cells.append("" if empty else draw(_good(field, kind)))
    odd = draw(st.lists(st.tuples(st.integers(0, 60), st.sampled_from(ODD)), max_size=3))
    for place, cell in odd:
        cells[place % len(cells)] = cell
    cut = draw(st.sampled_from((0, 0, 0, 1, 2)))
    return cells[: len(cells) - cut], not odd and not cut


@pytest.mark.parametrize("name", DATASETS)
def test_rows_of_every_dataset_come_out_as_by_the_full_check(catalog: Catalog, name: str) -> None:
    dataset = catalog.datasets[name]
    headers = tuple(field.columns[0] for field in dataset.fields)
    passed = 0

    @settings(max_examples=60, deadline=None, database=None)
    @given(made=_any_row(dataset))
    def hold(made: tuple[list[str], bool]) -> None:
        nonlocal passed
        passed += _same(dataset, headers, made[0])

    hold()
    assert passed, "no generated row passes, so the quick way was not compared"


@pytest.mark.parametrize("name", DATASETS)
def test_rows_that_are_read_together_come_out_as_each_alone(catalog: Catalog, name: str) -> None:
    dataset = catalog.datasets[name]
    headers = tuple(field.columns[0] for field in dataset.fields)

    @settings(max_examples=25, deadline=None, database=None)
    @given(made=st.lists(_any_row(dataset), min_size=2, max_size=6))
    def hold(made: list[tuple[list[str], bool]]) -> None:
        rows = [SourceRow(n, cells) for n, (cells, _) in enumerate(made, 2)]
        together, alone = (
            RowValidator(dataset, map_headers(dataset, headers), today=TODAY, demo=True) for _ in range(2)
        )
        full = [_Check(alone, row).run() for row in rows]
        for some, expected in ((rows, full), (rows[::-1], full[::-1])):
            checked = together.check_all(some)
            assert checked.found == expected, "together as alone, and remembered cells say the same"
            if checked.columns is not None:
                values = [row.values for row in expected if isinstance(row, ValidRow)]
                assert _by_row(checked.columns, len(some)) == values

    hold()


def _by_row(columns: Columns, count: int) -> list[dict[str, object]]:
    return [{name: v[n] for name, v in columns.items() if v[n] is not None} for n in range(count)]


def _read(field: Field, cell: str) -> object:
    try:
        return read_value(field, cell, today=TODAY, demo=True)
    except ValueFormatError as error:
        return error.detail
