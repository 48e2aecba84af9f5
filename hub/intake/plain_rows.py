"""The quick way through the checks, for rows of organisations in which nothing calls for a second look.

- Rows are read column by column, many at a time, so that what their cells share is looked up and not worked out.
- What comes out of it is what `hub.intake.validate` makes of the row by the full check, which has the last word:
  whatever is odd is left to it, and it begins anew and says what it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Any, TypeAlias

from hub.catalog.types import SubjectKind
from hub.intake.columns import ODD, OPEN, Column, Found
from hub.intake.headers import HeaderMap
from hub.intake.rows import RowShape, ValidRow
from hub.intake.severity import Severity, last_shown
from hub.intake.source import SourceRow
from hub.intake.subjects import SubjectReader

_WINDOWS = 4_096
"""Dates of events and publications that are remembered together."""
_Window: TypeAlias = "tuple[date, date | None, date | None]"
"""Day of the event, first day on which the record is shown, first day on which it no longer is."""


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

    def read(self, rows: Sequence[SourceRow]) -> dict[int, ValidRow]:
        """Those of the rows that are plain, by their places in `rows`."""
        if not self._usable:
            return {}
        count = self._count
        places = [n for n, row in enumerate(rows) if len(row.cells) == count and not row.faults]
        if not places:
            return {}
        table = _Table(self._columns, [rows[n] for n in places])
        needed = [p for p in self._required if p in table.gaps]
        plain: dict[int, ValidRow] = {}
        for at, (place, values) in enumerate(zip(places, table.values(), strict=True)):
            row = rows[place]
            if at in table.odd or (needed and not all(map(row.cells.__getitem__, needed))):
                continue
            found = self._row(values, row.number)
            if found is not None:
                plain[place] = found
        return plain

    def _row(self, values: dict[str, Any], number: int) -> ValidRow | None:
        """The row, when its subject is an organisation that states its code and its dates agree."""
        subject = self._subjects.plain_organization(values)
        if subject is None:
            return None
        severity, source = self._shape.severity(SubjectKind.ORG, values)
        window = self._window(values.get(self._event), values.get(self._publication), severity)
        if window is None:
            return None
        for start, last in self._ends:
            if start in values and last in values and values[last] < values[start][: len(values[last])]:
                return None
        event, first, until = window
        return ValidRow(number, subject, values, event, severity, source, first, until)

    def _judge(self, stated: str | None, last: str | None, severity: Severity | None) -> _Window | None:
        """What follows from the dates of event and of last publication, as stored; None when they disagree."""
        shape = self._shape
        event, end = shape.event_date({self._event: stated}), shape.publication_end({self._publication: last})
        if event > self._today:
            return None
        if end is not None and (end < event or (severity is not None and end > last_shown(event, severity))):
            return None
        return (event, *shape.window(event, severity, end))


class _Table:
    """A number of rows, read column by column; columns without a single cell are left out."""

    def __init__(self, columns: Sequence[Column], rows: Sequence[SourceRow]) -> None:
        self.gaps: set[int] = set()
        """Positions of the columns in which not every row has a cell."""
        self.odd: set[int] = set()
        """Places of the rows that have an odd cell."""
        self._names: list[str] = []
        self._found: list[Sequence[Found]] = []
        self._rows = len(rows)
        self._whole = True
        last, count = rows[-1].number, len(rows)
        for column, cells in zip(columns, zip(*(row.cells for row in rows), strict=True), strict=True):
            empty = cells.count("")
            if empty:
                self.gaps.add(column.position)
            if empty < count:
                self._add(column, column.read(cells, last), full=not empty)

    def _add(self, column: Column, found: Sequence[Found], *, full: bool) -> None:
        if column.odd:
            self.odd.update(n for n, value in enumerate(found) if value is ODD)
        if column.opens and OPEN in found:
            found = [None if value is OPEN else value for value in found]
            full = False
        self._whole = self._whole and full
        self._names.append(column.name)
        self._found.append(found)

    def values(self) -> list[dict[str, Any]]:
        """Stored values by field name, of every row; nothing for empty cells and open ends."""
        names = self._names
        if not names:
            return [{} for _ in range(self._rows)]
        rows = zip(*self._found, strict=True)
        if self._whole:
            return [dict(zip(names, row)) for row in rows]  # noqa: B905 - one of each, by the line above
        return [{name: v for name, v in zip(names, row) if v is not None} for row in rows]  # noqa: B905
