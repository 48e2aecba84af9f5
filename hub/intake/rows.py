"""A row that passed every check, ready to be merged; also the way in for rows that do not come from a file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, TypeAlias

from msgspec import Struct

from hub.catalog.types import Dataset, Nature, Role, SubjectKind
from hub.intake.severity import Severity, derive_severity, last_shown

_DAY = timedelta(days=1)
NO_EVENT = date(1970, 1, 1)
"""Event date of a profile that has none."""

Columns: TypeAlias = "Mapping[str, Sequence[Any]]"
"""Stored values of a number of rows by field name, one for each row; None where a row has none."""


class SubjectRef(Struct, frozen=True, gc=False):
    """The subject of a row."""

    kind: SubjectKind
    identifier: str
    """Normalised USCC or certificate number; empty when only legacy codes or a name are known."""
    aliases: tuple[tuple[str, str], ...] = ()
    """Schemes (names of `LegacyKind` fields) and codes by which the subject is known too."""
    division_code: str | None = None
    """Division of the county tenant (GB/T 2260), when the row tells."""
    name: str = ""
    """Name of an organisation of which no code of its own is given; empty otherwise."""
    mark: str = ""
    """What lineage says of how the subject was found; empty when by its own valid code."""
    reference: str = ""
    """The merge of subjects that a legacy code went through; else empty."""


class ValidRow(Struct, frozen=True, gc=False):
    """One row in stored form."""

    number: int
    """Row number in its file, from 1; for generated rows any running number."""
    subject: SubjectRef
    values: Mapping[str, Any]
    """Stored values by field name; nothing is kept for empty cells and open ends."""
    event_date: date
    severity: str | None
    severity_source: str | None
    """SOURCE or DERIVED; None for records that are not negative."""
    visible_from: date | None
    visible_until: date | None
    """First civil date on which the record is no longer shown."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the rows of a run come from."""

    dataset: Dataset
    source_unit: str
    batch_id: str
    received_at: datetime


class RowShape:
    """What follows from the values of a dataset's rows: event date, severity, publication window."""

    def __init__(self, dataset: Dataset) -> None:
        self.dataset = dataset
        self.publication_field = _field_of(dataset, Role.PUBLICATION_END)
        self.severity_field = _field_of(dataset, Role.SEVERITY)
        self.negative = dataset.nature is Nature.NEGATIVE

    def row(self, subject: SubjectRef, values: Mapping[str, Any], number: int) -> ValidRow:
        """Complete a row from its values.

        Args:
            subject: its subject.
            values: stored values by field name, already checked, without empty ones.
            number: row number.
        """
        severity, source = self.severity(subject.kind, values)
        event = self.event_date(values)
        first, until = self.window(event, severity, self.publication_end(values))
        return ValidRow(number, subject, values, event, severity, source, first, until)

    @staticmethod
    def window(event: date, severity: Severity | None, end: date | None) -> tuple[date | None, date | None]:
        """First day on which a record is shown, first on which it no longer is; `end` is what the source gave."""
        if end is None and severity is not None:
            end = last_shown(event, severity)
        return event if severity is not None else None, end + _DAY if end is not None else None

    def event_date(self, values: Mapping[str, Any]) -> date:
        """The date by which a record is ordered; for a month its first day."""
        text = values.get(self.dataset.event_date)
        if not isinstance(text, str):
            return NO_EVENT
        return date.fromisoformat(text if len(text) == 10 else f"{text}-01")

    def severity(self, kind: SubjectKind, values: Mapping[str, Any]) -> tuple[Severity | None, str | None]:
        """Severity, and whether the source marked it (SOURCE) or a rule gave it (DERIVED)."""
        if not self.negative:
            return None, None
        stated = values.get(self.severity_field)
        if stated is not None:
            return Severity(stated), "SOURCE"
        return derive_severity(self.dataset, kind, values), "DERIVED"

    def publication_end(self, values: Mapping[str, Any]) -> date | None:
        """The last day of publication that the source gave."""
        text = values.get(self.publication_field)
        return date.fromisoformat(text) if isinstance(text, str) else None


def _field_of(dataset: Dataset, role: Role) -> str:
    return next((field.name for field in dataset.role(role)), "")
