"""Readers of CSV and XLSX: what is accepted, and what refuses a file or a cell."""

from __future__ import annotations

import tracemalloc
import zipfile
from datetime import date, datetime
from pathlib import Path

import openpyxl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hub.catalog.types import Catalog
from hub.errors import IntakeError
from hub.intake import encoding, xlsx_file
from hub.intake.headers import is_known
from hub.intake.readers import open_source
from hub.intake.source import SourceFile

from .intake_world import DOCUMENT, USCC_COLUMN, csv_text, penalty, table, write_xlsx

ROWS = [penalty(1), penalty(2, 备注="第一行\n第二行"), penalty(3, 违法事实='有"引号"，和,逗号')]


def read(path: Path, catalog: Catalog) -> SourceFile:
    return open_source(path, lambda header: is_known(catalog.datasets["government.penalty"], header))


def save(tmp_path: Path, content: bytes | str, encoding: str = "utf-8") -> Path:
    path = tmp_path / "file.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


ENCODINGS = {
    "UTF-8": "utf-8",
    "UTF-8 with byte order mark": "utf-8-sig",
    "GBK": "gbk",
    "GB18030": "gb18030",
}
DELIMITERS = {"comma": ",", "semicolon": ";", "tab": "\t"}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
@pytest.mark.parametrize("delimiter", DELIMITERS.values(), ids=DELIMITERS)
def test_csv_in_every_accepted_encoding_and_delimiter_gives_the_same_cells(
    tmp_path: Path, catalog: Catalog, encoding: str, delimiter: str
) -> None:
    lines = table(ROWS)
    source = read(save(tmp_path, csv_text(lines, delimiter), encoding), catalog)
    rows = list(source.rows())
    assert list(source.headers) == lines[0]
    assert [list(r.cells) for r in rows] == lines[1:]
    assert [r.number for r in rows] == [2, 3, 4]
    assert source.row_count == 3


def test_titles_blank_rows_and_a_repeated_read_are_fine(tmp_path: Path, catalog: Catalog) -> None:
    lines = [["行政处罚信息表", ""], [], *table(ROWS[:1]), [], table(ROWS)[2]]
    source = read(save(tmp_path, csv_text(lines)), catalog)
    assert [r.number for r in source.rows()] == [4, 6]
    assert [r.number for r in source.rows()] == [4, 6]


GOOD = csv_text(table(ROWS))
UNREADABLE: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "empty"),
    "a byte that is neither encoding, named by offset and line": (
        b"a,b\n\xd0\xd0\n" + b"x" * 3 + b"\xff\n",
        "offset 10 (line 3)",
    ),
    "a broken byte in a file with a byte order mark": (
        b"\xef\xbb\xbfa,b\n\xff\n",
        "offset 7 (line 2) is not UTF-8",
    ),
    "UTF-8 first, then GBK": ("处罚机关,甲\n".encode() + "处罚机关,乙\n".encode("gbk"), "lines 1 and 2"),
    "GBK first, then UTF-8": ("处罚机关,乙\n".encode("gbk") + "处罚机关,甲\n".encode(), "lines 1 and 2"),
    "UTF-16": (GOOD.encode("utf-16"), "UTF-16"),
    "a NUL byte": (b"a,b\nc,\x00d\n", "Line 2 holds a NUL byte"),
    "a last row cut off inside a quoted cell": (GOOD.encode() + b'a,"cut', "never closed"),
    "text after a closing quote": (GOOD.encode() + b'"a"b,c\n', "after a closing quote"),
    "no known column": ("甲,乙\n1,2\n".encode(), "No column of this dataset"),
    "an old workbook": (bytes.fromhex("d0cf11e0a1b11ae1") + b"x" * 100, ".xls"),
    "a truncated workbook": (b"PK\x03\x04" + b"x" * 100, "not a readable XLSX"),
}


@pytest.mark.parametrize(("content", "words"), UNREADABLE.values(), ids=UNREADABLE)
def test_an_unreadable_file_is_refused_before_a_row_is_given(
    tmp_path: Path, catalog: Catalog, content: bytes, words: str
) -> None:
    with pytest.raises(IntakeError) as refusal:
        read(save(tmp_path, content), catalog)
    assert words in refusal.value.message
    assert refusal.value.hint


def test_a_truncated_file_names_the_line_where_the_open_row_starts(tmp_path: Path, catalog: Catalog) -> None:
    content = GOOD.rstrip() + '\r\n"海南椰澜'
    with pytest.raises(IntakeError, match="starts at line 6"):  # the header, three rows, one of two lines
        read(save(tmp_path, content), catalog)


def test_a_missing_file_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    with pytest.raises(IntakeError, match="cannot be opened"):
        read(tmp_path / "none.csv", catalog)


def test_an_endless_line_is_refused_without_reading_it_into_memory(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(encoding, "MAX_LINE_BYTES", 1 << 20)
    with pytest.raises(IntakeError, match="Line 1 is longer"):
        read(save(tmp_path, b"a" * (4 << 20)), catalog)


def test_a_cell_of_10_mb_is_refused_alone_and_its_neighbours_survive(
    tmp_path: Path, catalog: Catalog
) -> None:
    lines = table([penalty(1), penalty(2, 备注="x" * (10 << 20)), penalty(3)])
    rows = list(read(save(tmp_path, csv_text(lines)), catalog).rows())
    position = lines[0].index("备注")
    assert [[f.code for f in r.faults] for r in rows] == [[], ["CELL_TOO_LARGE"], []]
    assert rows[1].faults[0].column == position
    assert rows[1].cells[position] == ""


def test_memory_does_not_grow_with_the_number_of_rows(tmp_path: Path, catalog: Catalog) -> None:
    lines = table(ROWS[:1])
    peaks = []
    for count in (2_000, 20_000):
        path = save(tmp_path, csv_text([lines[0]]) + csv_text([lines[1]]) * count)
        tracemalloc.start()
        assert sum(1 for _ in read(path, catalog).rows()) == count
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 2 * peaks[0] + (4 << 20)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(
        st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\0\ufeff\r"), max_size=20),
        min_size=2,
        max_size=2,
    )
)
def test_any_text_in_a_cell_comes_back_as_it_was(
    tmp_path_factory: pytest.TempPathFactory, catalog: Catalog, cells: list[str]
) -> None:
    path = save(tmp_path_factory.mktemp("any"), csv_text([[USCC_COLUMN, DOCUMENT], ["x", "y"], cells]))
    expected = [["x", "y"], cells] if any(cells) else [["x", "y"]]
    assert [list(r.cells) for r in read(path, catalog).rows()] == expected


def test_xlsx_gives_texts_dates_and_numbers_as_text(tmp_path: Path, catalog: Catalog) -> None:
    lines = [
        ["行政处罚信息"],
        [DOCUMENT, "罚款金额(万元)", "处罚决定日期", "备注", USCC_COLUMN],
        ["号1", 1.5, datetime(2026, 3, 5), True, "x"],
        [],
        ["号2", 3, date(2026, 3, 6), None, 12345678901234],
    ]
    source = read(write_xlsx(tmp_path / "a.xlsx", lines), catalog)
    rows = list(source.rows())
    assert [(r.number, list(r.cells), r.faults) for r in rows] == [
        (3, ["号1", "1.5", "2026-03-05", "TRUE", "x"], ()),
        (5, ["号2", "3", "2026-03-06", "", "12345678901234"], ()),
    ]


def test_merged_titles_above_the_header_are_skipped(tmp_path: Path, catalog: Catalog) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    sheet["A1"] = "某单位双公示数据"
    sheet.merge_cells("A1:F2")
    for n, line in enumerate(table(ROWS), 3):
        for m, cell in enumerate(line, 1):
            sheet.cell(n, m, cell)
    book.save(tmp_path / "a.xlsx")
    source = read(tmp_path / "a.xlsx", catalog)
    assert [r.number for r in source.rows()] == [4, 5, 6]


CELLS = {
    "a formula": ("=1+1", "FORMULA"),
    "an error value": ("#N/A", "CELL_ERROR"),
    "a number that lost digits": (914600006200251612, "DIGITS_LOST"),
    "a text of more than a megabyte": ("x" * ((1 << 20) + 1), "CELL_TOO_LARGE"),
}


@pytest.mark.parametrize(("cell", "code"), CELLS.values(), ids=CELLS)
def test_an_xlsx_cell_that_cannot_be_trusted_is_refused_alone(
    tmp_path: Path, catalog: Catalog, cell: object, code: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openpyxl.cell.cell.Cell.check_string", lambda self, value: value)
    lines = [[DOCUMENT, USCC_COLUMN, "备注"], ["号1", cell, "y"], ["号2", "x", "y"]]
    rows = list(read(write_xlsx(tmp_path / "a.xlsx", lines), catalog).rows())
    assert [(f.column, f.code) for f in rows[0].faults] == [(1, code)]
    assert list(rows[0].cells) == ["号1", "", "y"]
    assert rows[1].faults == ()


def test_the_cached_value_of_a_formula_is_not_trusted(tmp_path: Path, catalog: Catalog) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [[DOCUMENT, USCC_COLUMN], ["号1", "=A1"]])
    sheet = "xl/worksheets/sheet1.xml"
    rewrite(
        path,
        sheet,
        lambda xml: xml.replace(b"<v />", b"<v>914600006200251612</v>").replace(b"<v></v>", b"<v>9</v>"),
    )
    (row,) = read(path, catalog).rows()
    assert row.faults[0].code == "FORMULA"
    assert row.cells[1] == ""


def rewrite(path: Path, part: str, change: object) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {n: archive.read(n) for n in archive.namelist()}
    parts[part] = change(parts[part])  # type: ignore[operator]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)


def test_a_zip_bomb_is_refused_by_its_unpacked_size(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_PART_BYTES", 1 << 20)
    path = write_xlsx(tmp_path / "a.xlsx", [[DOCUMENT, USCC_COLUMN]])
    rewrite(path, "docProps/core.xml", lambda xml: xml + b" " * (2 << 20))
    assert path.stat().st_size < 20_000
    with pytest.raises(IntakeError, match="allowed size"):
        read(path, catalog)


def test_a_document_type_declaration_is_refused(tmp_path: Path, catalog: Catalog) -> None:
    path = write_xlsx(tmp_path / "a.xlsx", [[DOCUMENT, USCC_COLUMN]])
    bomb = b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>'
    rewrite(path, "xl/worksheets/sheet1.xml", lambda xml: bomb + xml)
    with pytest.raises(IntakeError, match="not a readable XLSX"):
        read(path, catalog)


def test_a_row_number_beyond_the_format_does_not_spin(
    tmp_path: Path, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx_file, "MAX_ROWS", 1_000)
    path = write_xlsx(tmp_path / "a.xlsx", [[DOCUMENT, USCC_COLUMN], ["号1", "x"]])
    rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: xml.replace(b'<row r="2"', b'<row r="2000000000"').replace(b'r="A2"', b'r="A2000000000"'),
    )
    with pytest.raises(IntakeError, match="more rows"):
        list(read(path, catalog).rows())


def test_several_sheets_with_columns_of_the_dataset_are_refused_and_hidden_ones_ignored(
    tmp_path: Path, catalog: Catalog
) -> None:
    book = openpyxl.Workbook()
    for sheet in (book.active, book.create_sheet("二"), book.create_sheet("说明")):
        assert sheet is not None
        sheet.append([DOCUMENT, USCC_COLUMN] if sheet.title != "说明" else ["填写说明"])
        sheet.append(["号1", "x"])
    book.save(tmp_path / "a.xlsx")
    with pytest.raises(IntakeError, match="2 sheets"):
        read(tmp_path / "a.xlsx", catalog)
    book["二"].sheet_state = "hidden"
    book.save(tmp_path / "a.xlsx")
    assert len(list(read(tmp_path / "a.xlsx", catalog).rows())) == 1


def test_errors_never_show_a_cell(tmp_path: Path, catalog: Catalog) -> None:
    secret = "469999199003070019"
    for content in (
        f"{secret},x\n",
        f'{DOCUMENT},{USCC_COLUMN}\n"{secret}',
        f'{DOCUMENT},{USCC_COLUMN}\n"a"{secret},',
    ):
        with pytest.raises(IntakeError) as refusal:
            read(save(tmp_path, content), catalog)
        assert secret not in str(refusal.value) + refusal.value.message_zh
