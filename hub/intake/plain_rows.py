"""The quick way through the checks, for rows of organisations in which nothing calls for a second look.

- Rows are read column by column, many at a time, so that what their cells share is looked up and not worked out.
- What comes out of it is what `hub.intake.validate` makes of the row by the full check, which has the last word:
  whatever is odd is left to it, and it begins anew and says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias

from hub.catalog.types import SubjectKind
from hub.intake.columns import ODD, OPEN, Column, Found
from hub.intake.headers import HeaderMap
from hub.intake.rows import Columns, RowShape, ValidRow
from hub.intake.severity import Severity, last_shown
from hub.intake.source import SourceRow
from hub.intake.subjects import SubjectReader

_WINDOWS = 4_096
"""Dates of events and publications that are remembered together."""
_Window: TypeAlias = "tuple[date, date | None, date | None]"
"""Day of the event, first day on which the record is shown, first day on which it no longer is."""
_NO_SEVERITY = (None, None)


class Plain(NamedTuple):
    """The plain rows of a number of rows."""

    rows: dict[int, ValidRow]
    """By their places."""
    columns: Columns | None
    """Their values column by column, when all of them are plain; fields without a single value are left out."""


_NONE = Plain({}, None)


class PlainRows:
    """Reads the plain rows of one file."""

    def __init__(
        self,
        header: HeaderMap,
        columns: Sequence[Column],
        *,
        required: frozenset[str],
        subjects: SubjectReader,
        shape: RowShape,
        ends: Sequence[tuple[str, str]],
        today: date,
    ) -> None:
        """Set up for one file.

        Args:
            header: its columns.
            columns: the mapped ones of them.
            required: names of the fields that a row of an organisation must have.
            subjects: finds the subject of a row.
            shape: gives what follows from the values.
            ends: pairs of date fields of which the second may not lie before the first.
            today: no event may lie after it.
        """
        in_order = all(n == column.position for n, column in enumerate(columns))
        positions = {column.name: column.position for column in columns}
        self._columns = columns
        self._count = len(header.headers)
        self._usable = in_order and len(columns) == self._count and required <= positions.keys()
        self._required = tuple(positions[name] for name in required) if self._usable else ()
        self._subjects = subjects
        self._shape = shape
        self._event, self._publication = shape.dataset.event_date, shape.publication_field
        self._ends = tuple(pair for pair in ends if positions.keys() >= set(pair))
        self._today = today
        self._window = lru_cache(_WINDOWS)(self._judge)

    def read(self, rows: Sequence[SourceRow]) -> Plain:
        """Those of the rows that are plain."""
        if not self._usable:
            return _NONE
        count = self._count
        places = [n for n, row in enumerate(rows) if len(row.cells) == count and not row.faults]
        if not places:
            return _NONE
        table = _Table(self._columns, [rows[n] for n in places])
        values = table.values()
        subjects = self._subjects.plain_organizations(table.columns, values)
        severities = self._severities(table, values)
        windows = map(
            self._window,
            table.column(self._event),
            table.column(self._publication),
            [severity for severity, _ in severities],
        )
        odd = table.odd | self._lacking(table) | self._ended_before(table)
        plain: dict[int, ValidRow] = {}
        for at, (subject, window) in enumerate(zip(subjects, windows, strict=True)):
            if subject is not None and window is not None and at not in odd:
                place, (severity, source), (event, first, until) = places[at], severities[at], window
                plain[place] = ValidRow(
                    rows[place].number, subject, values[at], event, severity, source, first, until
                )
        return Plain(plain, table.columns if len(plain) == len(rows) else None)

    def _lacking(self, table: _Table) -> set[int]:
        """Places of the rows in which a required cell is empty."""
        cells = [table.cells[p] for p in self._required if p in table.gaps]
        return {n for n, row in enumerate(zip(*cells, strict=True)) if not all(row)}

    def _ended_before(self, table: _Table) -> set[int]:
        """Places of the rows in which something ends before it began."""
        found: set[int] = set()
        for start, last in self._ends:
            if start in table.columns and last in table.columns:
                pairs = zip(table.columns[start], table.columns[last], strict=True)
                found.update(n for n, (a, b) in enumerate(pairs) if a and b and b < a[: len(b)])
        return found

    def _severities(
        self, table: _Table, values: Sequence[dict[str, Any]]
    ) -> Sequence[tuple[Severity | None, str | None]]:
        shape = self._shape
        if not shape.negative:
            return [_NO_SEVERITY] * len(values)
        return [
            _stated(stated) if stated else shape.severity(SubjectKind.ORG, found)
            for stated, found in zip(table.column(shape.severity_field), values, strict=True)
        ]

    def _judge(self, stated: str | None, last: str | None, severity: Severity | None) -> _Window | None:
        """What follows from the dates of event and of last publication, as stored; None when they disagree."""
        shape = self._shape
        event, end = shape.event_date({self._event: stated}), shape.publication_end({self._publication: last})
        if event > self._today:
            return None
        if end is not None and (end < event or (severity is not None and end > last_shown(event, severity))):
            return None
        return (event, *shape.window(event, severity, end))


@lru_cache(maxsize=16)
def _stated(code: str) -> tuple[Severity | None, str | None]:
    return Severity(code), "SOURCE"


class _Table:
    """A number of rows, read column by column; columns without a single cell are left out."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[SourceRow]) -> None:
        self.gaps: set[int] = set()
        """Positions of the columns in which not every row has a cell."""
        self.odd: set[int] = set()
        """Places of the rows that have an odd cell."""
        self.cells: list[tuple[str, ...]] = list(zip(*(row.cells for row in rows), strict=True))
        """The columns as they stand in the file."""
        self.columns: dict[str, Sequence[Any]] = {}
        """Stored values by field name, those of every row; None for an empty cell or an open end."""
        self._nothing = [None] * len(rows)
        self._whole = True
        last, count = rows[-1].number, len(rows)
        for column, cells in zip(columns, self.cells, strict=True):
            empty = cells.count("")
            if empty:
                self.gaps.add(column.position)
            if empty < count:
                self._add(column, column.read(cells, last), full=not empty)

    def _add(self, column: Column, found: Sequence[Found], *, full: bool) -> None:
        if column.odd:
            self.odd.update(n for n, value in enumerate(found) if value is ODD)
        if column.odd or (column.opens and OPEN in found):
            found = [None if value is OPEN or value is ODD else value for value in found]
            full = False
        self._whole = self._whole and full
        self.columns[column.name] = found

    def column(self, name: str) -> Sequence[Any]:
        """The values of a field, None throughout when the table has none."""
        return self.columns.get(name, self._nothing)

    def values(self) -> list[dict[str, Any]]:
        """Stored values by field name, of every row; nothing for empty cells and open ends."""
        names = tuple(self.columns)
        if not names:
            return [{} for _ in self._nothing]
        rows = zip(*self.columns.values(), strict=True)
        if self._whole:
            return [dict(zip(names, row)) for row in rows]  # noqa: B905 - one of each, by the line above
        return [{name: v for name, v in zip(names, row) if v is not None} for row in rows]  # noqa: B905
