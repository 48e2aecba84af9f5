"""What can be done with a row before anybody knows whose it is in the database: no key and no connection needed.

So it may be done in another process, see `hub.intake.workers`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any, NamedTuple

import orjson

from hub.catalog.types import Dataset, SubjectKind
from hub.catalog.values import natural_key
from hub.intake.faults import Fault
from hub.intake.rows import SubjectRef, ValidRow
from hub.intake.source import SourceRow
from hub.intake.validate import RowValidator


class Ready(NamedTuple):
    """A valid row in the form in which it is stored and hashed."""

    number: int
    """Row number in its file."""
    subject: SubjectRef
    event_date: date
    severity: str | None
    severity_source: str | None
    visible_from: date | None
    visible_until: date | None
    key: bytes
    """Canonical JSON of the natural key; empty for profiles."""
    content: bytes
    """Canonical JSON of what the row says and what follows from it."""
    clear: str
    """JSON of the values that are stored in clear."""
    hidden: tuple[tuple[str, bytes], ...]
    """Name and JSON of each value that is to be sealed."""
    searched: tuple[tuple[str, bytes], ...]
    """Field id and JSON of each value that goes into the blind index."""


class Readier:
    """Readies the rows of one dataset."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        self._sealed = {
            kind: tuple(f.name for f in dataset.fields if f.is_sealed(kind)) for kind in SubjectKind
        }
        self._searchable = tuple((f.id, f.name) for f in dataset.fields if f.searchable)

    def ready(self, row: ValidRow) -> Ready:
        """One row."""
        values = row.values
        hidden = tuple(
            (name, orjson.dumps(values[name])) for name in self._sealed[row.subject.kind] if name in values
        )
        clear = values
        if hidden:
            names = {name for name, _ in hidden}
            clear = {name: value for name, value in values.items() if name not in names}
        return Ready(
            row.number,
            row.subject,
            row.event_date,
            row.severity,
            row.severity_source,
            row.visible_from,
            row.visible_until,
            natural_key(self._dataset, values).encode(),
            _content(row),
            orjson.dumps(clear).decode(),
            hidden,
            tuple((f, orjson.dumps(values[name])) for f, name in self._searchable if name in values),
        )


class Checked(NamedTuple):
    """What became of some rows of a file."""

    ready: list[Ready]
    refused: dict[int, list[Fault]]
    """Faults by row number."""


class Checker:
    """Validates and readies the rows of one file."""

    def __init__(self, dataset: Dataset, validator: RowValidator) -> None:
        self._validator = validator
        self._readier = Readier(dataset)

    def check(self, rows: Iterable[SourceRow]) -> Checked:
        """Some rows, in the order of the file."""
        checked = Checked([], {})
        for row in rows:
            found = self._validator.check(row)
            if isinstance(found, ValidRow):
                checked.ready.append(self._readier.ready(found))
            else:
                checked.refused[row.number] = found
        return checked


def _content(row: ValidRow) -> bytes:
    derived: list[Any] = [
        row.severity, row.severity_source, _iso(row.visible_from), _iso(row.visible_until)
    ]  # fmt: skip
    values: Mapping[str, Any] = row.values
    return orjson.dumps([values, derived], option=orjson.OPT_SORT_KEYS)


def _iso(day: date | None) -> str | None:
    return day.isoformat() if day else None
