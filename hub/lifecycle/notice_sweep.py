"""Tells subjects of their published negative records, and when they may apply for repair. Run it every day.

- Three notices arrive together with a record (三书同达): what is published and until when, how to repair it, and the
  template of the commitment. A record that is not repaired here brings the first alone.
- One more on the first day on which repair may be applied for.
- Each is told once for each run of the record's clocks: its id says so, so a sweep that is cut off is run again.
- One page of records is one transaction with one entry. Nothing that is shown depends on this having run.

Source: Hainan social credit document 2025, art. 30.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.catalog.types import Label
from hub.clock import civil_date
from hub.lifecycle.case import RecordName
from hub.lifecycle.notices import NoticeService
from hub.policies.model import PolicySet
from hub.policies.notices import MAY_APPLY, PUBLISHED

PAGE = 500
_START = (b"", "", b"")
_NEGATIVE = """
SELECT r.subject_id, r.dataset, r.record_id, r.severity, r.event_date, r.visible_until, s.kek_id, s.wrapped_key,
  (SELECT max(c.revoked_at) FROM lifecycle_case c WHERE c.subject_id = r.subject_id AND c.dataset = r.dataset
     AND c.record_id = r.record_id) AS revoked_at
FROM record r JOIN subject s USING (subject_id)
WHERE (r.subject_id, r.dataset, r.record_id) > ($1, $2, $3) AND r.severity IS NOT NULL AND r.state = 'VALID'
  AND s.wrapped_key IS NOT NULL AND (r.visible_from IS NULL OR r.visible_from <= $4)
  AND (r.visible_until IS NULL OR r.visible_until > $4)
ORDER BY r.subject_id, r.dataset, r.record_id LIMIT $5
"""


class Told(NamedTuple):
    """What a sweep did."""

    looked_at: int
    notices: int


class _Due(NamedTuple):
    code: str
    values: dict[str, str | date | Label]
    begun: date


class NoticeSweep:
    """Sweeps one database."""

    def __init__(self, notices: NoticeService, log: AuditLog) -> None:
        self._notices = notices
        self._log = log

    async def run(self, policy: PolicySet, now: datetime, actor: str, *, page: int = PAGE) -> Told:
        """Write every notice that is due and not written yet.

        Args:
            policy: clocks and templates in force.
            now: the instant; what is due is judged by its civil date.
            actor: who runs it, as the log names it.
            page: records of one transaction.

        Raises:
            UnavailableError: when database or log cannot take it; run it again.
        """
        looked_at = written = 0
        after = _START
        today = civil_date(now)
        while True:
            async with self._notices.database.connection() as connection:
                rows = await connection.fetch(_NEGATIVE, *after, today, page)
            if rows:
                written += await self._page(rows, policy, now, actor)
                last = rows[-1]
                after = (last["subject_id"], last["dataset"], last["record_id"])
                looked_at += len(rows)
            if len(rows) < page:
                return Told(looked_at, written)

    async def _page(self, rows: list[Any], policy: PolicySet, now: datetime, actor: str) -> int:
        told: dict[bytes, int] = {}
        async with self._notices.database.connection() as connection, connection.transaction():
            wanted = [(row, due, _id(row, due)) for row in rows for due in _due(row, policy, civil_date(now))]
            known = await _known(connection, [notice_id for _, _, notice_id in wanted])
            fresh = [one for one in wanted if one[2] not in known]
            if not fresh:
                return 0
            position = await self._notices.position(connection)
            for row, due, notice_id in fresh:
                name = RecordName(row["subject_id"], row["dataset"], row["record_id"])
                key = self._notices.keys.open(name.subject_id, row["kek_id"], row["wrapped_key"])
                added = await self._notices.put(
                    connection, key, name, policy.notices.templates[due.code], due.values, notice_id,
                    recipient="", case_id="", position=position, now=now,
                )  # fmt: skip
                told[name.subject_id] = told.get(name.subject_id, 0) + added
            await self._log.append_in(connection, [_entry(told, policy, now, actor)])
        return sum(told.values())


def _due(row: Any, policy: PolicySet, today: date) -> Iterator[_Due]:
    clocks = policy.clocks
    revoked = row["revoked_at"]
    begun = max(row["event_date"], civil_date(revoked) if revoked else date.min)
    earliest = clocks.publication_of(row["dataset"], row["severity"]).earliest_repair(begun)
    values: dict[str, str | date | Label] = {"day": row["event_date"], "repair_from": earliest}
    if row["visible_until"]:
        values["shown_until"] = row["visible_until"]
    repairable = row["dataset"] not in clocks.not_repairable
    for code in PUBLISHED if repairable else PUBLISHED[:1]:
        yield _Due(code, values, begun)
    if repairable and begun < earliest <= today:
        yield _Due(MAY_APPLY, values, begun)


def _id(row: Any, due: _Due) -> str:
    parts = (
        row["subject_id"],
        row["dataset"].encode(),
        row["record_id"],
        due.code.encode(),
        due.begun.isoformat().encode(),
    )
    return "n_" + hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


async def _known(connection: asyncpg.Connection, ids: list[str]) -> frozenset[str]:
    rows = await connection.fetch("SELECT notice_id FROM notice WHERE notice_id = ANY($1::text[])", ids)
    return frozenset(row[0] for row in rows)


def _entry(told: dict[bytes, int], policy: PolicySet, now: datetime, actor: str) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, purpose="OPERATION",
        operation="lifecycle.notice.deliver", policy=policy.revision,
        subjects=tuple(SubjectPart(subject_id, EntryOutcome.DONE) for subject_id in told),
        detail={"notices": sum(told.values())},
    )  # fmt: skip
