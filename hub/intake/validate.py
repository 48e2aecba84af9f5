"""Checks one row against its dataset: a `ValidRow`, or every fault that was found in it.

Order of the checks, so that one mistake gives one fault:
1. cells the file reader refused, cells outside the header, rows cut short;
2. each value by its type;
3. the kind of subject, its required values, its identifier;
4. between the values: no date of the event in the future, no end before its beginning, publication within the
   longest period of the severity.

Time comes in as a civil date in China Standard Time, so the same file checked for the same day gives the same result.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

from hub.catalog.types import Dataset, Field, FieldType, Role, SubjectKind
from hub.catalog.values import is_missing, must_be_given, read_value
from hub.errors import IdentifierError, ValueFormatError
from hub.intake.columns import OPEN, Column, Found
from hub.intake.faults import Fault, fault, value_fault
from hub.intake.headers import HeaderMap
from hub.intake.plain_rows import PlainRows
from hub.intake.prior_notice import is_adverse, notice_field
from hub.intake.rows import Columns, RowShape, ValidRow
from hub.intake.severity import last_shown
from hub.intake.source import WHOLE_ROW, SourceRow
from hub.intake.subjects import SubjectReader
from hub.model.identifiers import normalise

_ENDS = ("validTo", "dueOn", "settledOn", "decidedOn", "removedOn", "liftedOn", "confirmedOn")
"""Fields that end what began on the event date, or on `validFrom` where a dataset has it."""


class Checked(NamedTuple):
    """A number of rows, checked."""

    found: Sequence[ValidRow | list[Fault] | None]
    """Each in stored form, or all that is wrong with it, in their order; None for the header once more."""
    columns: Columns | None
    """Their values column by column, where they were read so and nothing is wrong; see `Plain`."""


class RowValidator:
    """Checks the rows of one file."""

    def __init__(
        self,
        dataset: Dataset,
        header: HeaderMap,
        *,
        today: date,
        demo: bool,
        known_codes: frozenset[str] = frozenset(),
    ) -> None:
        self._known_codes = known_codes
        self._notice = notice_field(dataset)
        self._dataset = dataset
        self._header = header
        self._today = today
        self._demo = demo
        self._shape = RowShape(dataset)
        self._subjects = SubjectReader(dataset, today=today, demo=demo, known_codes=known_codes)
        self._columns = tuple(
            Column(position, text, field, today=today, demo=demo) for position, text, field in header.fields
        )
        self._looked_up = tuple((column, column.known.get) for column in self._columns)
        self._in_order = all(n == column.position for n, column in enumerate(self._columns))
        self._required = {
            kind: tuple(
                f for f in dataset.fields if must_be_given(f, kind) and not self._subjects.identifying(f.name)
            )
            for kind in SubjectKind
        }
        self._required_names = {k: frozenset(f.name for f in fields) for k, fields in self._required.items()}
        self._named_all = len(header.named) == len(header.headers)
        self._ends = _end_pairs(dataset)
        self._width = max((position for position, _, _ in header.fields), default=0) + 1
        self._plain = PlainRows(
            header,
            self._columns,
            required=self._required_names[SubjectKind.ORG],
            subjects=self._subjects,
            shape=self._shape,
            ends=self._ends,
            today=today,
        )

    def check(self, row: SourceRow) -> ValidRow | list[Fault]:
        """The row in stored form, or all that is wrong with it (never an empty list)."""
        plain, _ = self._plain.read((row,))
        return plain.get(0) or _Check(self, row).run()

    def check_all(self, rows: Sequence[SourceRow]) -> Checked:
        """As `check`, for a number of rows at once; a repetition of the header, which is never plain, is nothing."""
        plain, columns = self._plain.read(rows)
        if columns is not None:
            return Checked(list(plain.values()), columns)
        return Checked([plain.get(n) or self._fully(row) for n, row in enumerate(rows)], None)

    def _fully(self, row: SourceRow) -> ValidRow | list[Fault] | None:
        return None if self._header.repeats(row.cells) else _Check(self, row).run()

    def column(self, name: str) -> str:
        """The file's header for a field, or its official name."""
        field = self._dataset.by_name.get(name)
        return self._header.column_of(name) or (field.columns[0] if field else "")


class _Check:
    """The checks of one row, with the faults found so far."""

    __slots__ = ("_broken", "_faults", "_open", "_row", "_rules")

    def __init__(self, rules: RowValidator, row: SourceRow) -> None:
        self._rules = rules
        self._row = row
        self._faults: list[Fault] = []
        self._open: set[str] = set()
        self._broken: set[str] = set()

    def run(self) -> ValidRow | list[Fault]:
        rules = self._rules
        self._shape()
        if self._row.faults and any(cell.column == WHOLE_ROW for cell in self._row.faults):
            return self._faults
        values = self._values()
        kind = rules._subjects.kind(values)
        if not isinstance(kind, SubjectKind):
            if not self._faults:
                self._report(kind, self._kind_column(kind))
            return self._faults
        self._required(values, kind)
        if self._faults:
            return self._faults
        subject = rules._subjects.read(kind, values, self._report, self._report_error)
        self._dates(values, kind)
        if rules._notice and kind is SubjectKind.PERSON:
            self._prior_notice(values)
        if self._faults or subject is None:
            return self._faults
        return rules._shape.row(subject, values, self._row.number)

    def _report(self, code: str, name: str) -> None:
        self._faults.append(fault(code, self._row.number, self._rules.column(name)))

    def _report_error(self, error: IdentifierError, name: str) -> None:
        self._faults.append(value_fault(error, self._row.number, self._rules.column(name)))

    def _kind_column(self, code: str) -> str:
        role = Role.SUBJECT_KIND if code == "SUBJECT_KIND_NOT_ALLOWED" else Role.SUBJECT_USCC
        return next((f.name for f in self._rules._dataset.role(role)), "")

    def _shape(self) -> None:
        row, header = self._row, self._rules._header
        for cell in row.faults:
            named = header.headers[cell.column] if 0 <= cell.column < len(header.headers) else ""
            self._faults.append(fault(cell.code, row.number, named))
        extra = len(row.cells) > len(header.headers) or not self._rules._named_all
        if extra and any(c.strip() for n, c in enumerate(row.cells) if n not in header.named):
            self._faults.append(fault("EXTRA_CELL", row.number, ""))

    def _values(self) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for (column, known), cell in zip(self._rules._looked_up, self._cells(), strict=False):
            if cell:
                value = known(cell)
                if value is None:
                    value = self._read(column, cell)
                    if value is None:
                        continue
                if value is OPEN:
                    self._open.add(column.name)
                else:
                    values[column.name] = value
        return values

    def _cells(self) -> Sequence[str]:
        """The cells of the mapped columns, in their order; cells that are missing at the end are left out."""
        rules, cells = self._rules, self._row.cells
        if rules._in_order and not self._row.faults:
            return cells
        width = len(cells)
        refused = {cell.column for cell in self._row.faults}
        self._broken.update(column.name for column in rules._columns if column.position in refused)
        return [
            cells[column.position] if column.position < width and column.position not in refused else ""
            for column in rules._columns
        ]

    def _read(self, column: Column, cell: str) -> Found:
        """A cell that was not met before, or that says nothing."""
        rules, field = self._rules, column.field
        try:
            value = read_value(field, cell, today=rules._today, demo=rules._demo)
        except ValueFormatError as error:
            code = self._known_code(field, cell) if error.detail == "CHECKSUM_MISMATCH" else None
            if code is not None:
                return code
            self._faults.append(value_fault(error, self._row.number, column.header))
            self._broken.add(field.name)
            return None
        if value is None and is_missing(field, cell):
            return None
        found: Found = OPEN if value is None else value
        column.row = self._row.number
        column.remember(cell, found)
        return found

    def _known_code(self, field: Field, cell: str) -> str | None:
        """A listed code in spite of its wrong check character."""
        code = normalise(cell)
        return code if field.type is FieldType.USCC and code in self._rules._known_codes else None

    def _prior_notice(self, values: Mapping[str, Any]) -> None:
        """A person must have been told of what is adverse before it is supplied."""
        rules = self._rules
        told = values.get(rules._notice)
        if told is None:
            if is_adverse(rules._dataset, values):
                self._report("PRIOR_NOTICE_MISSING", rules._notice)
        elif told > rules._today.isoformat():
            self._report("FUTURE_DATE", rules._notice)

    def _required(self, values: Mapping[str, Any], kind: SubjectKind) -> None:
        if values.keys() >= self._rules._required_names[kind]:
            return
        missing = [
            field
            for field in self._rules._required[kind]
            if field.name not in values and field.name not in self._open and field.name not in self._broken
        ]
        if len(missing) > 1 and self._cut_short(missing):
            self._faults.append(fault("MISSING_CELLS", self._row.number, ""))
            return
        for field in missing:
            self._report("REQUIRED", field.name)

    def _cut_short(self, missing: list[Field]) -> bool:
        """Whether the row ends before the columns of all missing values."""
        width = len(self._row.cells)
        positions = {field.name: position for position, _, field in self._rules._header.fields}
        return width < self._rules._width and all(positions.get(f.name, 0) >= width for f in missing)

    def _dates(self, values: Mapping[str, Any], kind: SubjectKind) -> None:
        rules = self._rules
        name = rules._dataset.event_date
        if name in values:
            event = rules._shape.event_date(values)
            if event > rules._today:
                self._report("FUTURE_DATE", name)
                return
            self._publication(values, kind, event)
        for start, end in rules._ends:
            if start in values and end in values and values[end] < values[start][: len(values[end])]:
                self._report("DATE_ORDER", end)

    def _publication(self, values: Mapping[str, Any], kind: SubjectKind, event: date) -> None:
        shape = self._rules._shape
        end = shape.publication_end(values)
        if end is None:
            return
        severity, _ = shape.severity(kind, values)
        if end < event:
            self._report("DATE_ORDER", shape.publication_field)
        elif severity is not None and end > last_shown(event, severity):
            self._report("PUBLICATION_TOO_LONG", shape.publication_field)


def _end_pairs(dataset: Dataset) -> tuple[tuple[str, str], ...]:
    """Pairs of date fields of which the second may not lie before the first. ISO dates compare as texts."""
    pairs = []
    for end in _ENDS:
        start = "validFrom" if end == "validTo" and "validFrom" in dataset.by_name else dataset.event_date
        if end in dataset.by_name and start in dataset.by_name and start != end:
            pairs.append((start, end))
    return tuple(pairs)
