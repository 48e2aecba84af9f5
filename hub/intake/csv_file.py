"""CSV files: delimiter, quoting and structure, checked over the whole file before a row is given.

Rules
- The delimiter (comma, semicolon or tab) is the one under which most known columns are found in the first rows.
- Quoting is strict (RFC 4180): text after a closing quote, or a quote that is never closed, refuses the file and
  names the line, so that a truncated file never lands in part.
- A quoted cell may hold line breaks. Rows are counted as a spreadsheet counts them, blank ones too.
- A file without any quote has a row in each line and cannot be malformed; it is counted without being parsed.
- One row may take 64 MB of text at most, so an open quote cannot pull a whole file into memory.
"""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from operator import methodcaller
from pathlib import Path

from hub.errors import IntakeError
from hub.intake.encoding import detect_encoding
from hub.intake.source import (
    HEADER_SEARCH_ROWS,
    MAX_CELL_CHARACTERS,
    CellFault,
    Recognise,
    SourceRow,
    changed_meanwhile,
    find_header,
    known_columns,
    no_header,
)

DELIMITERS = (",", ";", "\t")
MAX_ROW_CHARACTERS = 64 << 20
"""Longest row in characters."""
_BLOCK = 1 << 20
_TOGETHER = 1 << 15
"""Characters of lines that are read at once."""


@dataclass(frozen=True, slots=True)
class CsvFile:
    """A CSV file that was read once to its end and found well formed."""

    path: Path
    encoding: str
    delimiter: str
    headers: tuple[str, ...]
    header_row: int
    row_count: int | None
    quoted: bool
    """Whether it holds a quote; without one, a line is a row."""

    def rows(self) -> Iterator[SourceRow]:
        """The data rows, blank ones left out.

        Raises:
            IntakeError: when the file was changed after it was opened and is not well formed or whole any more.
        """
        if not self.quoted:
            return _unquoted_rows(self)
        return self._parsed_rows()

    def _parsed_rows(self) -> Iterator[SourceRow]:
        count = 0
        for number, cells in _records(self.path, self.encoding, self.delimiter):
            if number > self.header_row and any(cells):
                count += 1
                yield _source_row(number, cells)
        self.expect(count)

    def expect(self, rows: int) -> None:
        """Hold that as many rows were read as there are.

        Raises:
            IntakeError: when the file was changed after it was opened.
        """
        if self.row_count is not None and rows != self.row_count:
            raise changed_meanwhile()


def open_csv(path: Path, recognise: Recognise) -> CsvFile:
    """Open a CSV file.

    Args:
        path: the file.
        recognise: says whether a text is the header of a known column.

    Raises:
        IntakeError: when encoding or structure is broken or there is no header row; nothing has been given then.
    """
    encoding = detect_encoding(path)
    delimiter = _sniff(path, encoding, recognise)
    header = find_header((SourceRow(n, c) for n, c in _records(path, encoding, delimiter)), recognise)
    quoted = _has_quotes(path)
    count = (
        sum(1 for n, cells in _records(path, encoding, delimiter) if n > header.number and any(cells))
        if quoted
        else _count_lines(path, delimiter, header.number)
    )
    return CsvFile(path, encoding, delimiter, tuple(header.cells), header.number, count, quoted)


def _has_quotes(path: Path) -> bool:
    """Whether the file holds a quote; in none of the encodings is its byte a part of another character."""
    with path.open("rb") as file:
        return any(b'"' in block for block in iter(lambda: file.read(_BLOCK), b""))


def _count_lines(path: Path, delimiter: str, header_row: int) -> int:
    """Data rows that are not blank, of a file without quotes.

    Line ends and delimiters are the same bytes in all of the encodings, and a part of no other character.
    """
    lines = islice(chain.from_iterable(_unquoted_lines(path, "latin-1")), header_row, None)
    return sum(map(bool, map(methodcaller("strip", delimiter), lines)))


def _sniff(path: Path, encoding: str, recognise: Recognise) -> str:
    """The delimiter under which one of the first rows holds most known columns; the comma when they draw."""

    def score(delimiter: str) -> int:
        first = islice(_records(path, encoding, delimiter, strict=False), HEADER_SEARCH_ROWS)
        return max((known_columns(cells, recognise) for _, cells in first), default=0)

    best = max(DELIMITERS, key=score)
    if not score(best):
        raise no_header()
    return best


def _records(
    path: Path, encoding: str, delimiter: str, *, strict: bool = True
) -> Iterator[tuple[int, list[str]]]:
    """Row numbers and cells of all rows, blank ones too."""
    _limit_fields()
    with path.open(encoding=encoding, errors="strict", newline="") as file:
        lines = _Lines(file)
        reader = csv.reader(lines, delimiter=delimiter, strict=strict)
        number = 0
        try:
            for cells in reader:
                number += 1
                yield number, cells
                lines.row_done()
        except csv.Error as error:
            raise _malformed(lines, number + 1, error) from None
        except UnicodeDecodeError:
            raise changed_meanwhile() from None


def _unquoted_rows(file: CsvFile) -> Iterator[SourceRow]:
    """The data rows of a file in which no quote was found: there a line is a row, and a delimiter ends a cell."""
    before = count = 0
    for lines in _unquoted_lines(file.path, file.encoding):
        short = max(map(len, lines)) <= MAX_CELL_CHARACTERS
        for number, line in enumerate(lines, before + 1):
            cells = line.split(file.delimiter)
            if number > file.header_row and any(cells):
                count += 1
                yield SourceRow(number, cells) if short else _source_row(number, cells)
        before += len(lines)
    file.expect(count)


def _unquoted_lines(path: Path, encoding: str) -> Iterator[list[str]]:
    """All lines of a file in which no quote was found, some at a time, without their ends."""
    with path.open(encoding=encoding, errors="strict", newline="") as file:
        try:
            while text := file.read(_TOGETHER) + file.readline():
                if '"' in text:
                    raise changed_meanwhile()
                if "\r" in text:
                    text = text.replace("\r\n", "\n").replace("\r", "\n")
                yield text.removesuffix("\n").split("\n")
        except UnicodeDecodeError:
            raise changed_meanwhile() from None


def _limit_fields() -> None:
    """The limit of the csv module is one per process; this is the only place that sets it, always to the same value."""
    csv.field_size_limit(min(MAX_ROW_CHARACTERS, sys.maxsize))


class _Lines:
    """Lines of a file, counted, with a limit on the text of one row."""

    def __init__(self, file: Iterator[str]) -> None:
        self._file = file
        self._in_row = 0
        self.line = 0
        self.row_line = 1
        self.ended = False

    def __iter__(self) -> _Lines:
        return self

    def __next__(self) -> str:
        try:
            line = next(self._file)
        except StopIteration:
            self.ended = True
            raise
        self.line += 1
        self._in_row += len(line)
        if self._in_row > MAX_ROW_CHARACTERS:
            raise _open_quote(self.row_line)
        return line

    def row_done(self) -> None:
        """The rows read so far are complete."""
        self._in_row = 0
        self.row_line = self.line + 1


def _source_row(number: int, cells: list[str]) -> SourceRow:
    if max(map(len, cells)) <= MAX_CELL_CHARACTERS:
        return SourceRow(number, cells)
    faults = [
        CellFault(n, "CELL_TOO_LARGE") for n, cell in enumerate(cells) if len(cell) > MAX_CELL_CHARACTERS
    ]
    for refused in faults:
        cells[refused.column] = ""
    return SourceRow(number, cells, tuple(faults))


def _malformed(lines: _Lines, row: int, error: csv.Error) -> IntakeError:
    if lines.ended or "field larger" in str(error):
        return _open_quote(lines.row_line)
    return IntakeError(
        f"Row {row} (line {lines.line}) has text after a closing quote.",
        hint='Write a quote inside a quoted cell twice ("") and submit the file again; nothing was taken in.',
        message_zh=f"第 {row} 行（文件第 {lines.line} 行）引号后有多余内容，文件未入库。",
    )


def _open_quote(line: int) -> IntakeError:
    return IntakeError(
        f"The row that starts at line {line} opens a quote that is never closed; the file is probably truncated.",
        hint="Export or transfer the file again; nothing was taken in.",
        message_zh=f"从第 {line} 行开始的引号没有闭合，文件可能被截断，未入库。",
    )
