"""XLSX files, read as a stream; formulas are refused cell by cell and never evaluated.

Rules
- The archive is checked first: every part's checksum, no document type declaration, no part above its limit of
  uncompressed bytes, no endless cell, so a bomb or a damaged file is refused before a row is given.
- A formula cell is refused as FORMULA; the value a spreadsheet cached for it is not trusted.
- An error value (#N/A, #REF!) is refused as CELL_ERROR; a date whose serial number is none, too.
- A whole number of 16 digits or more is refused as DIGITS_LOST: a spreadsheet keeps 15, so an identifier typed
  into a number cell has lost its last digits already.
- The one visible sheet with a header row is read; several such sheets are refused, never one of them chosen.
"""

from __future__ import annotations

import re
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from itertools import islice
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import ParseError
from xml.parsers import expat

from openpyxl import load_workbook

from hub.errors import IntakeError
from hub.intake.source import (
    HEADER_SEARCH_ROWS,
    MAX_CELL_CHARACTERS,
    CellFault,
    Recognise,
    SourceRow,
    find_header,
    known_columns,
    no_header,
)

MAX_PARTS = 2_000
MAX_SHEET_BYTES = 4 << 30
"""Most uncompressed bytes of one sheet, which is read as a stream."""
MAX_PART_BYTES = 256 << 20
"""Most uncompressed bytes of any other part, which is held in memory."""
MAX_ROWS = 1_048_576
"""Rows of a sheet, as the format has them."""
_EXACT = 10**15
_BLOCK = 1 << 20
_ROWS_AT_ONCE = 16
_MAX_UNENDED_BYTES = 16 << 20
"""Most bytes in which no cell, row, shared text or entry of a list ends; the longest cell that is taken is smaller."""
_ENDED = re.compile(
    rb"</(?:[\w.-]+:)?(?:c|si|row|xf)\s*>|<(?:[\w.-]+:)?(?:c|row|xf|mergeCell|hyperlink)\b[^<>]{0,400}/>"
)
_FAILURES = (
    ParseError,
    ValueError,
    KeyError,
    TypeError,
    IndexError,
    AttributeError,
    OSError,
    zipfile.BadZipFile,
)


@dataclass(frozen=True, slots=True)
class XlsxFile:
    """One sheet of a workbook that was checked."""

    path: Path
    sheet: str
    headers: tuple[str, ...]
    header_row: int

    @property
    def row_count(self) -> int | None:
        """Not known before reading: the size a sheet states about itself is often wrong."""
        return None

    def rows(self) -> Iterator[SourceRow]:
        """The data rows, blank ones left out.

        Raises:
            IntakeError: when the sheet has more rows than the format allows or cannot be parsed to its end.
        """
        with _workbook(self.path) as book:
            for row in _rows(book[self.sheet]):
                if row.number > self.header_row and (row.faults or any(row.cells)):
                    yield row


def open_xlsx(path: Path, recognise: Recognise) -> XlsxFile:
    """Open an XLSX file.

    Args:
        path: the file.
        recognise: says whether a text is the header of a known column.

    Raises:
        IntakeError: when the archive is damaged or too large, or not exactly one visible sheet has a header row.
    """
    _check_archive(path)
    with _workbook(path) as book:
        sheets = [s for s in book.worksheets if s.sheet_state == "visible" and _has_header(s, recognise)]
        if not sheets:
            raise no_header()
        if len(sheets) > 1:
            raise IntakeError(
                f"{len(sheets)} sheets of the workbook hold columns of this dataset.",
                hint="Keep one sheet with all rows, or submit each sheet as a file of its own.",
                message_zh=f"工作簿中有 {len(sheets)} 个工作表含有该数据集的表头，请只保留一个。",
            )
        header = find_header(_rows(sheets[0]), recognise)
        return XlsxFile(path, sheets[0].title, tuple(header.cells), header.number)


def _has_header(sheet: Any, recognise: Recognise) -> bool:
    return any(known_columns(row.cells, recognise) >= 2 for row in islice(_rows(sheet), HEADER_SEARCH_ROWS))


@contextmanager
def _workbook(path: Path) -> Iterator[Any]:
    """The workbook, open for reading; what breaks inside it becomes an IntakeError."""
    with path.open("rb") as file:  # by its bytes: the library judges a path by its suffix
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                book = load_workbook(file, read_only=True, data_only=False, keep_links=False)
        except _FAILURES:
            raise _damaged() from None
        try:
            yield book
        finally:
            book.close()


def _rows(sheet: Any) -> Iterator[SourceRow]:
    sheet.reset_dimensions()
    source = sheet.iter_rows(max_row=MAX_ROWS + 1)
    number = 0
    while batch := _next(source):
        for cells in batch:
            number += 1
            if number > MAX_ROWS:
                raise IntakeError(
                    "The sheet has more rows than the format allows.", hint="Export it again, as CSV."
                )
            yield _source_row(number, cells)


def _next(source: Iterator[Any]) -> list[Any]:
    """The next few rows; the library's warnings about styles and dates it cannot read concern no value we take."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return list(islice(source, _ROWS_AT_ONCE))
    except _FAILURES:
        raise _damaged() from None


def _source_row(number: int, cells: tuple[Any, ...]) -> SourceRow:
    texts: list[str] = []
    faults: list[CellFault] = []
    for position, cell in enumerate(cells):
        value = cell.value
        if value is None:
            texts.append("")
            continue
        if type(value) is str and cell.data_type == "s" and len(value) <= MAX_CELL_CHARACTERS:
            texts.append(value)
            continue
        text, fault = _text_of(value, cell.data_type)
        texts.append(text)
        if fault:
            faults.append(CellFault(position, fault))
    return SourceRow(number, texts, tuple(faults))


def _text_of(value: object, data_type: str) -> tuple[str, str]:
    """The cell as text, and the code of its fault or an empty text."""
    if data_type == "f":
        return "", "FORMULA"
    if data_type == "e":
        return "", "CELL_ERROR"
    if isinstance(value, str):
        return ("", "CELL_TOO_LARGE") if len(value) > MAX_CELL_CHARACTERS else (value, "")
    if isinstance(value, bool):
        return ("TRUE" if value else "FALSE"), ""
    if isinstance(value, int | float):
        return _number_text(value)
    if isinstance(value, datetime):
        return (value.date().isoformat() if value.time() == time() else value.isoformat(" ")), ""
    if isinstance(value, date):
        return value.isoformat(), ""
    if isinstance(value, time | timedelta):
        return str(value), ""
    return "", "CELL_ERROR"


def _number_text(value: int | float) -> tuple[str, str]:
    if abs(value) >= _EXACT or value != value:
        return "", "DIGITS_LOST"
    if isinstance(value, float):
        text = format(Decimal(repr(value)), "f")
        return (text.rstrip("0").rstrip(".") if "." in text else text), ""
    return str(value), ""


def _check_archive(path: Path) -> None:
    """Read every part once, in blocks: checksums, sizes, well-formed XML, no document type declaration."""
    try:
        with zipfile.ZipFile(path) as archive:
            parts = archive.infolist()
            if len(parts) > MAX_PARTS:
                raise _too_large()
            for part in parts:
                limit = MAX_SHEET_BYTES if part.filename.startswith("xl/worksheets/") else MAX_PART_BYTES
                if part.file_size > limit:
                    raise _too_large()
                if part.flag_bits & 1:
                    raise _damaged()
                _check_part(archive, part)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, EOFError, expat.ExpatError):
        raise _damaged() from None


def _check_part(archive: zipfile.ZipFile, part: zipfile.ZipInfo) -> None:
    parser = expat.ParserCreate() if part.filename.endswith((".xml", ".rels")) else None
    if parser is not None:
        parser.StartDoctypeDeclHandler = _refuse_doctype
        parser.StartCdataSectionHandler = _refuse_doctype
    with archive.open(part) as file:
        read = since = 0
        while block := file.read(_BLOCK):
            if parser is None:
                continue
            parser.Parse(block, False)
            read += len(block)
            since = 0 if _ENDED.search(block) else since + len(block)
            if since > _MAX_UNENDED_BYTES or read - parser.CurrentByteIndex > _MAX_UNENDED_BYTES:
                raise _endless()
    if parser is not None:
        parser.Parse(b"", True)


def _refuse_doctype(*_: object) -> None:
    raise _damaged()


def _too_large() -> IntakeError:
    return IntakeError(
        "The workbook unpacks to more than the allowed size.",
        hint="Split it, or submit it as CSV.",
        message_zh="工作簿解压后超过允许大小，请拆分或改用 CSV。",
    )


def _endless() -> IntakeError:
    return IntakeError(
        f"A cell or tag of the workbook is longer than {_MAX_UNENDED_BYTES >> 20} MB.",
        hint="Shorten it; nothing was taken in.",
        message_zh="工作簿中有超长的单元格或标签，文件未入库。",
    )


def _damaged() -> IntakeError:
    return IntakeError(
        "The file is not a readable XLSX workbook: it is damaged, encrypted or truncated.",
        hint="Open it in a spreadsheet, save it again as .xlsx without a password, and submit it again.",
        message_zh="文件不是可读的 XLSX 工作簿（损坏、加密或被截断）。",
    )
