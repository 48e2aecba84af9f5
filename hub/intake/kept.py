"""Which new records may be kept at all: what the purge would delete on the same day is not stored again.

Source: regulation on the credit reporting industry art. 16; see `hub.lifecycle.purge`, which keeps the same day.
"""

from __future__ import annotations

from datetime import datetime

from hub.catalog.types import Dataset, Nature, SubjectKind
from hub.clock import civil_date
from hub.intake.rows import ValidRow
from hub.policies.clocks import Clocks


class Kept:
    """Judges the rows of one run."""

    def __init__(self, clocks: Clocks, dataset: Dataset, now: datetime) -> None:
        """Set up with the clocks in force; `now` is when the rows were received."""
        self._clocks = clocks
        self._dataset = dataset
        self._from = clocks.kept_from(civil_date(now))

    def allows(self, row: ValidRow) -> bool:
        """Whether a record that is not there yet may be kept: not an adverse one of a person, once its time is over."""
        if self._from is None or row.subject.kind is not SubjectKind.PERSON:
            return True
        if row.severity is None and self._dataset.nature is not Nature.NEGATIVE:
            return True
        ended = self._clocks.ended_on(self._dataset.id, row.values, row.event_date)
        return ended is None or ended >= self._from
