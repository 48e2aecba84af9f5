"""The one SQL statement of a report: subject, consent and all records of all slots, in one round trip.

* It leads with `subject_id` everywhere, so that it is one index range of one shard.
* The consent is checked inside the statement: a consent that was withdrawn, has expired or is used up gives no
  row at all, on whichever process the request runs (property 17). So does one whose row no longer says what
  was signed, also where the artefact was checked earlier and remembered.
* What is visible is computed from dates at read time (invariant 6): no job has to run for a record to vanish.
* A subject whose data key was destroyed gives no row, like one that never was. Nor does one of which nothing is
  stored that the caller may see, where no consent and no query of its own says that it is there: else the
  existence of hidden records would show.
* A county or city reads subjects of its own division alone: any other gives no row, like one that never was.
* For many subjects there is the same statement over arrays of subjects and consents: one round trip for a chunk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from hub.consent.artefact import Consent
from hub.disclosure.plan import Slot
from hub.policies.model import FairUse

HEADER = -1
"""Slot number of the row that carries the subject's wrapped key (as record_id) and its key id (as clear)."""

_PUBLISHED = """state = 'VALID' AND (visible_from IS NULL OR visible_from <= $2)
          AND (visible_until IS NULL OR visible_until > $2)"""
_PAGE = """
      SELECT q.slot, x.record_id, x.version, x.event_date, x.clear, x.sealed, x.marks
      FROM unnest({arrays}) AS q(slot, dataset, lim, after_date, after_id, ranged, earliest)
      CROSS JOIN LATERAL (
        SELECT record_id, version, event_date, clear, sealed, marks FROM record
        WHERE subject_id = s.subject_id AND dataset = q.dataset
          AND event_date >= CASE WHEN q.ranged THEN greatest(s.date_from, q.earliest) ELSE '-infinity' END
          AND event_date <= CASE WHEN q.ranged THEN s.date_to ELSE 'infinity' END
          AND {after}
          AND {published}
        ORDER BY {order} LIMIT q.lim) x"""

_DATED = _PAGE.format(
    arrays="$12::int[], $13::text[], $14::int[], $15::date[], $16::bytea[], $17::bool[], $18::date[]",
    after="(event_date, record_id) < (q.after_date, q.after_id)",
    published=_PUBLISHED,
    order="event_date DESC, record_id DESC",
)
_UNDATED = _PAGE.format(
    arrays="$19::int[], $20::text[], $21::int[], $22::date[], $23::bytea[], $24::bool[], $25::date[]",
    after="record_id < q.after_id",
    published=_PUBLISHED,
    order="record_id DESC",
)
_IN_FORCE = """
    SELECT 1 FROM consent c
    WHERE c.subject_id = {subject} AND c.consent_id = {id} AND c.version = {version} AND c.status = 'ACTIVE'
      AND c.valid_from = {valid_from} AND c.valid_to = {valid_to} AND c.max_uses IS NOT DISTINCT FROM {max_uses}
      AND c.valid_from <= $3 AND c.valid_to > $3 AND (c.max_uses IS NULL OR c.used_count < c.max_uses)"""

_KNOWN = """($26::text[] IS NULL OR EXISTS (
      SELECT 1 FROM unnest($26::text[], $27::date[]) AS k(dataset, earliest) CROSS JOIN LATERAL (
        SELECT 1 FROM record WHERE subject_id = {subject} AND dataset = k.dataset AND event_date >= k.earliest
          AND {published} LIMIT 1) x))"""

_WITHIN = "($28::text IS NULL OR starts_with(division_code, $28))"

REPORT = f"""
WITH s AS MATERIALIZED (
  SELECT subject_id, kek_id, wrapped_key, $5::date AS date_from, $6::date AS date_to FROM subject
  WHERE subject_id = $1 AND kind = $4 AND wrapped_key IS NOT NULL
    AND ($7::text IS NULL OR EXISTS ({
    _IN_FORCE.format(subject="$1", id="$7", version="$8", valid_from="$9", valid_to="$10", max_uses="$11")
}))
    AND {_KNOWN.format(subject="$1", published=_PUBLISHED)}
    AND {_WITHIN}
)
SELECT {HEADER} AS slot, wrapped_key AS record_id, 0 AS version, NULL::date AS event_date,
  to_json(kek_id) AS clear, NULL::json AS sealed, NULL::json AS marks FROM s
UNION ALL
SELECT r.* FROM s CROSS JOIN LATERAL ({_DATED}
      UNION ALL {_UNDATED}
) r
"""  # noqa: S608
"""$1 subject, $2 civil date, $3 instant, $4 kind, $5 and $6 range of data, $7 consent id or null, $8 its version,
$9 to $11 its validity and uses as signed, $12 to $18 slots by date, $19 to $25 slots by id, $26 datasets of which a
record makes the subject known to the caller (null: it is known), $27 their earliest dates, $28 what the code of the
subject's division begins with (null: any)."""

REPORT_MANY = f"""
WITH s AS MATERIALIZED (
  SELECT w.n::int AS n, t.subject_id, t.kek_id, t.wrapped_key, w.date_from, w.date_to
  FROM unnest($1::bytea[], $5::date[], $6::date[], $7::text[], $8::int[], $9::timestamptz[], $10::timestamptz[],
    $11::int[]) WITH ORDINALITY
    AS w(subject_id, date_from, date_to, consent_id, version, valid_from, valid_to, max_uses, n)
  JOIN subject t ON t.subject_id = w.subject_id AND t.kind = $4 AND t.wrapped_key IS NOT NULL
  WHERE (w.consent_id IS NULL OR EXISTS ({
    _IN_FORCE.format(
        subject="w.subject_id",
        id="w.consent_id",
        version="w.version",
        valid_from="w.valid_from",
        valid_to="w.valid_to",
        max_uses="w.max_uses",
    )
}))
    AND {_KNOWN.format(subject="w.subject_id", published=_PUBLISHED)}
    AND {_WITHIN}
)
SELECT n, {HEADER} AS slot, wrapped_key AS record_id, 0 AS version, NULL::date AS event_date,
  to_json(kek_id) AS clear, NULL::json AS sealed, NULL::json AS marks FROM s
UNION ALL
SELECT s.n, r.* FROM s CROSS JOIN LATERAL ({_DATED}
      UNION ALL {_UNDATED}
) r
"""  # noqa: S608
"""The same with arrays in $1 and $5 to $11; the first column is the subject's number in them, from 1."""


class Wanted(NamedTuple):
    """A subject to be read, with the consent it is read under and the range of data that this covers."""

    subject_id: bytes
    date_from: date
    date_to: date
    consent_id: str | None
    version: int | None
    valid_from: datetime | None
    valid_to: datetime | None
    max_uses: int | None

    @classmethod
    def under(cls, subject_id: bytes, consent: Consent | None) -> Wanted:
        """The subject, under a consent or without one."""
        if consent is None:
            return cls(subject_id, date.min, date.max, None, None, None, None, None)
        return cls(
            subject_id, consent.date_from, consent.date_to, consent.consent_id, consent.version,
            consent.valid_from, consent.valid_to, consent.max_uses,
        )  # fmt: skip


@dataclass
class SlotArrays:
    """The slots of a plan as parameters of `REPORT`; computed once per plan and day."""

    slots: Sequence[Slot]
    fair_use: FairUse | None = None
    """Says how far back each dataset may be looked at; None: as far as the consent."""
    signed: Mapping[str, int] = field(default_factory=dict)
    """Months looked back at most by dataset, where the consent says so; the tighter of both holds."""
    known_by: Sequence[tuple[str, bool]] | None = None
    """Datasets of which the caller sees something, and whether they are cut by date; None: the subject is known."""
    _today: date | None = None
    _parameters: tuple[Sequence[Any] | None, ...] = field(default=(), repr=False)
    _start: date = date.min

    def parameters(self, today: date) -> tuple[Sequence[Any] | None, ...]:
        """Slots ordered by date first, then slots ordered by id, then what makes the subject known.

        Args:
            today: civil date of the request.
        """
        self._turn_to(today)
        return self._parameters

    def start(self, today: date) -> date:
        """The first date of any data that may be read on a day, by the fair-use template."""
        self._turn_to(today)
        return self._start

    def _turn_to(self, today: date) -> None:
        if today != self._today:
            self._parameters = (
                *self._columns(today, dated=True), *self._columns(today, dated=False), *self._known(today)
            )  # fmt: skip
            self._start = self.earliest("", today)
            self._today = today

    def earliest(self, dataset: str, today: date) -> date:
        """The first date of a dataset that may be read on a day, by the fair-use template and as signed."""
        if self.fair_use is None:
            return date.min
        return self.fair_use.earliest(today, dataset, self.signed.get(dataset, 0)) or date.min

    def _known(self, today: date) -> tuple[list[Any] | None, list[Any] | None]:
        if self.known_by is None:
            return None, None
        return (
            [dataset for dataset, _ in self.known_by],
            [self.earliest(dataset, today) if ranged else date.min for dataset, ranged in self.known_by],
        )

    def _columns(self, today: date, *, dated: bool) -> tuple[list[Any], ...]:
        chosen = [(i, s) for i, s in enumerate(self.slots) if s.dated is dated]
        return (
            [i for i, _ in chosen],
            [s.dataset for _, s in chosen],
            [s.limit for _, s in chosen],
            [s.position.event_date for _, s in chosen],
            [s.position.record_id for _, s in chosen],
            [s.ranged for _, s in chosen],
            [self.earliest(s.dataset, today) for _, s in chosen],
        )


async def read_report(
    connection: asyncpg.Connection,
    kind: str,
    today: date,
    now: datetime,
    wanted: Wanted,
    slots: SlotArrays,
    within: str | None = None,
) -> list[asyncpg.Record]:
    """Run `REPORT`. No row means: no such subject, or no consent in force. A header row alone: no records."""
    subject_id, *rest = wanted
    rows: list[asyncpg.Record] = await connection.fetch(
        REPORT, subject_id, today, now, kind, *rest, *slots.parameters(today), within
    )
    return rows


async def read_many(
    connection: asyncpg.Connection,
    kind: str,
    today: date,
    now: datetime,
    wanted: Sequence[Wanted],
    slots: SlotArrays,
    within: str | None = None,
) -> list[list[Sequence[Any]]]:
    """Run `REPORT_MANY`; the rows of each subject, as `read_report` gives them, in the order of `wanted`."""
    subjects, *rest = (list(column) for column in zip(*wanted, strict=True))
    rows = await connection.fetch(
        REPORT_MANY, subjects, today, now, kind, *rest, *slots.parameters(today), within
    )
    found: list[list[Sequence[Any]]] = [[] for _ in wanted]
    for row in rows:
        found[row[0] - 1].append(row[1:])
    return found
