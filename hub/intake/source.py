"""What every file reader gives: a table of text cells with the row numbers a person sees.

Rules
- A cell is text exactly as the file holds it; an empty cell is the empty text. Nothing is evaluated.
- A cell the reader must not trust (a formula, an error value, a number that lost digits, a cell beyond the
  size limit) comes as an empty text plus a `CellFault`, so that only its row is refused, not the file.
- The header row is the one among the first ten that holds most known columns; titles above it are skipped.
  Formats without a header row (JSON Lines, XML) name each value; their headers are all names in the file.
- What makes the file as a whole unreadable is found before the first row is given, so that nothing of such
  a file lands.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Protocol

from msgspec import Struct

from hub.errors import IntakeError

HEADER_SEARCH_ROWS = 10
"""The header row stands within this many rows from the top."""
MAX_CELL_CHARACTERS = 1 << 20
"""Longest cell in characters; a longer one is refused as CELL_TOO_LARGE."""
MAX_COLUMNS = 512
"""Most columns of a file."""
WHOLE_ROW = -1
"""Column of a fault that lies in the row as a whole; such a row has no cells."""

Recognise = Callable[[str], bool]
"""Says whether a text is the header of a known column."""


@dataclass(frozen=True, slots=True)
class CellFault:
    """A cell the reader refuses: its position in the row, counted from 0 (or `WHOLE_ROW`), and a stable code."""

    column: int
    code: str


class SourceRow(Struct, frozen=True, gc=False):
    """One row of a file; `number` counts from 1 at the top: rows as a spreadsheet shows them, lines of JSON Lines,
    records of an XML message.
    """

    number: int
    cells: Sequence[str]
    faults: tuple[CellFault, ...] = ()


class SourceFile(Protocol):
    """A file that was opened and found readable."""

    @property
    def headers(self) -> tuple[str, ...]:
        """Texts of the header row, trailing empty ones left out."""
        ...

    @property
    def row_count(self) -> int | None:
        """Number of data rows that are not blank; None when only reading can tell."""
        ...

    def rows(self) -> Iterator[SourceRow]:
        """The data rows below the header that are not blank, each as often as it is called.

        Raises:
            IntakeError: when the file breaks off or cannot be read to its end.
        """
        ...


def find_header(rows: Iterable[SourceRow], recognise: Recognise) -> SourceRow:
    """The header row among the first ten rows.

    Raises:
        IntakeError: when none of them holds a known column.
    """
    first = list(islice(rows, HEADER_SEARCH_ROWS))
    best = max(first, key=lambda row: known_columns(row.cells, recognise), default=None)
    if best is None or not known_columns(best.cells, recognise):
        raise no_header()
    cells = [cell.strip() for cell in best.cells]
    while cells and not cells[-1]:
        cells.pop()
    if len(cells) > MAX_COLUMNS:
        raise IntakeError(
            f"The header row has more than {MAX_COLUMNS} columns.",
            hint="Delete the columns that the dataset does not have.",
            message_zh=f"表头超过 {MAX_COLUMNS} 列。",
        )
    return SourceRow(best.number, cells)


def known_columns(cells: Iterable[str], recognise: Recognise) -> int:
    """How many of the cells are headers of known columns; cells behind the last column of a file do not count."""
    return sum(1 for cell in islice(cells, MAX_COLUMNS) if cell and len(cell) <= 200 and recognise(cell))


def no_header() -> IntakeError:
    """The error for a file without a header row; it shows no cell, because a cell may be personal data."""
    return IntakeError(
        f"No column of this dataset is found in the first {HEADER_SEARCH_ROWS} rows.",
        hint="Write the official column names in one row at the top, and check the dataset and the delimiter.",
        message_zh=f"前 {HEADER_SEARCH_ROWS} 行内没有找到该数据集的表头。",
    )


def changed_meanwhile() -> IntakeError:
    """The error for a file that is not any more what it was when it was opened."""
    return IntakeError("The file was changed while it was read.", hint="Submit it again.")
