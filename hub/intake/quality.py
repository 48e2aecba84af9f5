"""Quality of what a source sends, counted while it comes in.

Rules
- The figures of a batch are written in the transaction of each chunk, as totals of the run so far: they stand and
  fall with its records, a repeated run counts nothing twice, and no record is read again for them.
- Completeness: of the optional values of the rows that landed, how many are there. Identifiers of the subject do
  not count; nor do values asked only of the other kind of subject.
- Compliance: rows that landed. Duplicates: rows that brought nothing new, and keys given twice. Corrections: rows
  that gave a known record another content.
- Lateness: of the new records of a dataset with a time limit (seven working days for dual publication,
  发改办财金〔2018〕424号), those received after it. The day of the decision is not counted; holidays are data.

Example: a decision of Friday 2026-11-13 is in time up to and including Tuesday 2026-11-24.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from hub.catalog.types import Dataset, FieldType, Role, SubjectKind
from hub.catalog.values import must_be_given
from hub.clock import civil_date
from hub.intake.faults import Fault
from hub.intake.rows import Origin
from hub.model.workdays import WorkingCalendar

if TYPE_CHECKING:
    from hub.intake.keyed import Keyed
    from hub.intake.merge import Merged

_DAY = timedelta(days=1)
_IDENTIFYING = frozenset(
    (Role.SUBJECT_USCC, Role.SUBJECT_CERT_NO, Role.SUBJECT_CERT_TYPE, Role.SUBJECT_KIND, Role.LEGACY_ID)
)
_WRITE = """
INSERT INTO quality_batch (batch_id, source_unit, dataset, received_on, rows, landed, fresh, corrected, duplicates,
                           quarantined, judged, late, wanted, filled, resent)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)
ON CONFLICT (batch_id) DO UPDATE SET
    received_on = excluded.received_on, rows = excluded.rows, landed = excluded.landed, fresh = excluded.fresh,
    corrected = excluded.corrected, duplicates = excluded.duplicates, quarantined = excluded.quarantined,
    judged = excluded.judged, late = excluded.late, wanted = excluded.wanted, filled = excluded.filled,
    resent = excluded.resent
"""
_WRITE_FAULTS = """
INSERT INTO quality_fault (batch_id, code, field, faults)
SELECT $1, u.* FROM unnest($2::text[], $3::text[], $4::bigint[]) AS u
ON CONFLICT (batch_id, code, field) DO UPDATE SET faults = excluded.faults
"""


def optional_fields(dataset: Dataset, kind: SubjectKind) -> frozenset[str]:
    """Fields of a dataset that count for completeness in records of a kind of subject."""
    other = "P" if kind is SubjectKind.ORG else "O"
    return frozenset(
        f.name
        for f in dataset.fields
        if f.role not in _IDENTIFYING and f.required != other and not must_be_given(f, kind)
    )


def has_limit(dataset: Dataset) -> bool:
    """Whether a dataset says within how many working days of which day its rows are due."""
    field = dataset.by_name.get(dataset.event_date)
    return dataset.upload_deadline_days > 0 and field is not None and field.type is FieldType.DATE


def first_late(calendar: WorkingCalendar, received_on: date, days: int) -> date:
    """The newest day of an event that is late when it is received on a day.

    Args:
        calendar: working days.
        received_on: civil day of receipt.
        days: working days allowed.
    """
    day = received_on
    while calendar.after(day, days) >= received_on:
        day -= _DAY
    return day


class Tally:
    """Counts the rows of one run."""

    def __init__(self, origin: Origin, calendar: WorkingCalendar, *, resent: bool) -> None:
        """Begin with nothing.

        Args:
            origin: of the run.
            calendar: working days.
            resent: whether the file is a quarantine file that was mended.
        """
        dataset = origin.dataset
        self._origin = origin
        self._received_on = civil_date(origin.received_at)
        self._optional = {kind: optional_fields(dataset, kind) for kind in SubjectKind}
        self._resent = resent
        self._late_on = (
            first_late(calendar, self._received_on, dataset.upload_deadline_days)
            if has_limit(dataset)
            else None
        )
        self._faults: Counter[tuple[str, str]] = Counter()
        self._wanted = self._filled = self._judged = self._late = self._doubled = 0

    def add(self, prepared: Sequence[Keyed], refused: Mapping[int, Sequence[Fault]], merged: Merged) -> None:
        """Count one chunk: the rows that passed the checks, the faults of all refused rows, and what was merged."""
        landed = [k.row for k in prepared if k.row.number not in refused]
        for kind, optional in self._optional.items():
            shapes = Counter([tuple(row.values) for row in landed if row.subject.kind is kind])
            self._wanted += len(optional) * shapes.total()
            self._filled += sum(len(optional.intersection(names)) * count for names, count in shapes.items())
        if self._late_on is not None:
            self._judged += len(merged.fresh)
            self._late += sum(row.event_date <= self._late_on for row in merged.fresh)
        for faults in refused.values():
            self._faults.update((f.code, f.column) for f in faults)
        self._doubled += sum(found.code == "DUPLICATE_KEY" for _, found in merged.faults)

    async def write(self, connection: Any, rows: int, counts: tuple[int, int, int, int]) -> None:
        """Write the totals so far; inside the transaction of the chunk.

        Args:
            connection: in that transaction.
            rows: rows read so far.
            counts: inserted, updated, unchanged and quarantined ones of them.
        """
        origin, (inserted, updated, unchanged, quarantined) = self._origin, counts
        await connection.execute(
            _WRITE, origin.batch_id, origin.source_unit, origin.dataset.id, self._received_on, rows,
            rows - quarantined, inserted, updated, unchanged + self._doubled, quarantined, self._judged, self._late,
            self._wanted, self._filled, rows if self._resent else 0,
        )  # fmt: skip
        if self._faults:
            found = sorted(self._faults.items())
            codes, fields = [code for (code, _), _ in found], [field for (_, field), _ in found]
            await connection.execute(_WRITE_FAULTS, origin.batch_id, codes, fields, [n for _, n in found])
