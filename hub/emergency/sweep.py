"""Tells subjects of emergency grants about them that are over. Run it every day (`hub jobs`).

- Told is what was allowed, to whom, why, and by when it is reviewed; once the ledger shows the lookups, never before.
- One more notice says that a review found the grant not justified.
- Each is told once: its id says so. A page is one transaction with one entry.
- A subject that is not registered, or whose key was destroyed, has nobody to tell; it owes nothing.

Source: personal information protection law art. 18 (2).
"""

from __future__ import annotations

import hashlib
from datetime import date, datetime
from typing import Any, NamedTuple

from hub.audit.callers import CallerNames, read_names
from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.catalog.types import Catalog, Label
from hub.clock import civil_date
from hub.emergency.case import Verdict
from hub.lifecycle.case import RecordName
from hub.lifecycle.notices import NoticeService
from hub.policies.model import PolicySet
from hub.policies.notices import EMERGENCY_OVER, NOT_JUSTIFIED

PAGE = 200
_DUE = """
SELECT e.subject_id, e.emergency_id, e.institution, e.danger, e.approved_at, e.review_by, e.told_at, e.verdict,
  e.verdict_told_at, s.kek_id, s.wrapped_key
FROM emergency e JOIN subject s USING (subject_id)
WHERE s.wrapped_key IS NOT NULL AND e.approved_at IS NOT NULL AND e.over_at <= $1 AND e.tell_from <= $2
  AND (e.told_at IS NULL OR (e.verdict = $3 AND e.verdict_told_at IS NULL))
ORDER BY e.emergency_id LIMIT $4 FOR UPDATE OF e SKIP LOCKED
"""
_INSTITUTIONS = """SELECT DISTINCT institution FROM emergency WHERE approved_at IS NOT NULL
    AND (told_at IS NULL OR (verdict = $1 AND verdict_told_at IS NULL))"""
_TOLD = """UPDATE emergency SET told_at = coalesce(told_at, $3),
    verdict_told_at = CASE WHEN verdict = $4 THEN coalesce(verdict_told_at, $3) END
    WHERE subject_id = $1 AND emergency_id = $2"""


class Told(NamedTuple):
    """What a sweep did."""

    emergencies: int
    notices: int


class EmergencySweep:
    """Sweeps one database."""

    def __init__(self, notices: NoticeService, log: AuditLog, catalog: Catalog) -> None:
        self._notices = notices
        self._log = log
        self._catalog = catalog

    async def run(self, policy: PolicySet, now: datetime, actor: str, *, page: int = PAGE) -> Told:
        """Write every notice that is due and not written yet.

        Args:
            policy: templates in force.
            now: the instant.
            actor: who runs it, as the log names it.
            page: emergencies of one transaction.

        Raises:
            UnavailableError: when database or log cannot take it; run it again.
        """
        emergencies = notices = 0
        async with self._notices.database.connection() as connection:
            institutions = {
                row[0] for row in await connection.fetch(_INSTITUTIONS, Verdict.NOT_JUSTIFIED.value)
            }
        names = await read_names(self._notices.database, (), institutions, self._catalog.units)
        while True:
            found, written = await self._page(names, policy, now, actor, page)
            emergencies, notices = emergencies + found, notices + written
            if found < page:
                return Told(emergencies, notices)

    async def _page(
        self, names: CallerNames, policy: PolicySet, now: datetime, actor: str, page: int
    ) -> tuple[int, int]:
        async with self._notices.database.connection() as connection, connection.transaction():
            rows = await connection.fetch(_DUE, now, civil_date(now), Verdict.NOT_JUSTIFIED.value, page)
            if not rows:
                return 0, 0
            position, written = await self._notices.position(connection), 0
            for row in rows:
                key = self._notices.keys.open(row["subject_id"], row["kek_id"], row["wrapped_key"])
                for code in _codes(row):
                    written += await self._notices.put(
                        connection, key, RecordName(row["subject_id"], "", b""), policy.notices.templates[code],
                        _values(row, names, policy), _id(row, code), recipient="", case_id=row["emergency_id"],
                        position=position, now=now,
                    )  # fmt: skip
                verdict = Verdict.NOT_JUSTIFIED.value
                await connection.execute(_TOLD, row["subject_id"], row["emergency_id"], now, verdict)
            subjects = {row["subject_id"] for row in rows}
            await self._log.append_in(connection, [_entry(sorted(subjects), written, policy, now, actor)])
        return len(rows), written


def _codes(row: Any) -> list[str]:
    codes = [] if row["told_at"] else [EMERGENCY_OVER]
    if row["verdict"] == Verdict.NOT_JUSTIFIED and not row["verdict_told_at"]:
        codes.append(NOT_JUSTIFIED)
    return codes


def _values(row: Any, names: CallerNames, policy: PolicySet) -> dict[str, str | date | Label]:
    return {
        "day": civil_date(row["approved_at"]),
        "due": row["review_by"],
        "institution": names.institution(row["institution"]),
        "reason": policy.notices.reason(row["danger"]),
    }


def _id(row: Any, code: str) -> str:
    parts = (row["subject_id"], row["emergency_id"].encode(), code.encode())
    return "n_" + hashlib.sha256(b"\0".join(parts)).hexdigest()[:32]


def _entry(subjects: list[bytes], notices: int, policy: PolicySet, now: datetime, actor: str) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, purpose="OPERATION", operation="emergency.notice",
        policy=policy.revision, subjects=tuple(SubjectPart(s, EntryOutcome.DONE) for s in subjects),
        detail={"notices": notices},
    )  # fmt: skip
