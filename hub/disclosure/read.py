"""The one SQL statement of a report: subject, consent and all records of all slots, in one round trip.

* It leads with `subject_id` everywhere, so that it is one index range of one shard.
* The consent is checked inside the statement: a consent that was withdrawn, has expired or is used up gives no
  row at all, on whichever process the request runs (property 17). So does one whose row no longer says what
  was signed, also where the artefact was checked earlier and remembered.
* What is visible is computed from dates at read time (invariant 6): no job has to run for a record to vanish.
* A subject whose data key was destroyed gives no row, like one that never was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg

from hub.consent.artefact import Consent
from hub.disclosure.plan import Slot

HEADER = -1
"""Slot number of the row that carries the subject's wrapped key (as record_id) and its key id (as clear)."""

_PAGE = """
      SELECT q.slot, x.record_id, x.version, x.event_date, x.clear, x.sealed
      FROM unnest({arrays}) AS q(slot, dataset, lim, after_date, after_id, ranged)
      CROSS JOIN LATERAL (
        SELECT record_id, version, event_date, clear, sealed FROM record
        WHERE subject_id = s.subject_id AND dataset = q.dataset
          AND (NOT q.ranged OR event_date BETWEEN $19 AND $20)
          AND {after}
          AND state = 'VALID'
          AND (visible_from IS NULL OR visible_from <= $2)
          AND (visible_until IS NULL OR visible_until > $2)
        ORDER BY {order} LIMIT q.lim) x"""

_DATED = _PAGE.format(
    arrays="$6::int[], $7::text[], $8::int[], $9::date[], $10::bytea[], $11::bool[]",
    after="(event_date, record_id) < (q.after_date, q.after_id)",
    order="event_date DESC, record_id DESC",
)
_UNDATED = _PAGE.format(
    arrays="$12::int[], $13::text[], $14::int[], $15::date[], $16::bytea[], $17::bool[]",
    after="record_id < q.after_id",
    order="record_id DESC",
)

REPORT = f"""
WITH s AS MATERIALIZED (
  SELECT subject_id, kek_id, wrapped_key FROM subject
  WHERE subject_id = $1 AND kind = $18 AND wrapped_key IS NOT NULL
    AND ($4::text IS NULL OR EXISTS (
      SELECT 1 FROM consent c
      WHERE c.subject_id = $1 AND c.consent_id = $4 AND c.version = $5 AND c.status = 'ACTIVE'
        AND c.valid_from = $21 AND c.valid_to = $22 AND c.max_uses IS NOT DISTINCT FROM $23
        AND c.valid_from <= $3 AND c.valid_to > $3 AND (c.max_uses IS NULL OR c.used_count < c.max_uses))))
SELECT {HEADER} AS slot, wrapped_key AS record_id, 0 AS version, NULL::date AS event_date,
  to_json(kek_id) AS clear, NULL::json AS sealed FROM s
UNION ALL
SELECT r.* FROM s CROSS JOIN LATERAL ({_DATED}
      UNION ALL {_UNDATED}
) r
"""  # noqa: S608
"""$1 subject, $2 civil date, $3 instant, $4 consent id or null, $5 its version, $6 to $11 slots by date,
$12 to $17 slots by id, $18 kind, $19 and $20 range of data, $21 to $23 validity and uses as signed."""


@dataclass(frozen=True)
class SlotArrays:
    """The slots of a plan as parameters of `REPORT`; computed once per plan."""

    parameters: tuple[Sequence[Any], ...]

    @classmethod
    def of(cls, slots: Sequence[Slot]) -> SlotArrays:
        """Slots ordered by date first, then slots ordered by id."""
        return cls((*_columns(slots, dated=True), *_columns(slots, dated=False)))


def _columns(slots: Sequence[Slot], *, dated: bool) -> tuple[list[Any], ...]:
    chosen = [(i, s) for i, s in enumerate(slots) if s.dated is dated]
    return (
        [i for i, _ in chosen],
        [s.dataset for _, s in chosen],
        [s.limit for _, s in chosen],
        [s.position.event_date for _, s in chosen],
        [s.position.record_id for _, s in chosen],
        [s.ranged for _, s in chosen],
    )


async def read_report(
    connection: asyncpg.Connection,
    subject_id: bytes,
    kind: str,
    today: date,
    now: datetime,
    consent: Consent | None,
    slots: SlotArrays,
) -> list[asyncpg.Record]:
    """Run `REPORT`. No row means: no such subject, or no consent in force. A header row alone: no records."""
    if consent is None:
        named: tuple[str | None, int | None, date, date] = (None, None, date.min, date.max)
        signed: tuple[datetime | None, datetime | None, int | None] = (None, None, None)
    else:
        named = (consent.consent_id, consent.version, consent.date_from, consent.date_to)
        signed = (consent.valid_from, consent.valid_to, consent.max_uses)
    rows: list[asyncpg.Record] = await connection.fetch(
        REPORT,
        subject_id,
        today,
        now,
        named[0],
        named[1],
        *slots.parameters,
        kind,
        named[2],
        named[3],
        *signed,
    )
    return rows
