"""Deletes what may not be kept any longer, and puts into the archive what is not shown any more.

- Adverse records of natural persons are deleted five years after the conduct ended, with their history, index,
  cases, notices, marks (and so statements) and lineage (regulation on the credit reporting industry art. 16). When it
  ended is said by the field that `[[ended_by]]` in `policies/clocks.toml` names (empty: it has not), elsewhere by
  the day of the decision.
- Every other negative record whose display is over becomes ARCHIVED: it stays, and nothing else changes.
- What is held, is marked as in litigation or reconsideration, or has an open case, is left alone.
- Recalls of a deleted record stay: they are the proof that its readers were told, and hold pseudonymous ids only.
- One page is one transaction with one entry that names the records. A run that is cut off is simply run again.
- What is shown never depends on this: dates decide when somebody asks.

Recalls of deleted records must go out before: run `RecallSweep` first, as the command does.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, record_ref
from hub.audit.log import AuditLog
from hub.catalog.types import Catalog, Nature
from hub.clock import civil_date
from hub.policies.model import PolicySet
from hub.store.database import Database

PAGE = 200
_START = (b"", "", b"")
_FREE = """NOT EXISTS (SELECT 1 FROM record_hold h WHERE h.subject_id = r.subject_id AND h.dataset = r.dataset
      AND h.record_id = r.record_id AND h.released_at IS NULL)
    AND NOT EXISTS (SELECT 1 FROM lifecycle_case c WHERE c.subject_id = r.subject_id AND c.dataset = r.dataset
      AND c.record_id = r.record_id AND c.due_on IS NOT NULL)
    AND NOT EXISTS (SELECT 1 FROM record_mark m WHERE m.subject_id = r.subject_id AND m.dataset = r.dataset
      AND m.record_id = r.record_id AND m.ended_at IS NULL AND m.kind IN ('IN_LITIGATION', 'IN_RECONSIDERATION'))"""
_OVER = f"""SELECT r.subject_id, r.dataset, r.record_id FROM record r JOIN subject s USING (subject_id)
WHERE (r.subject_id, r.dataset, r.record_id) > ($1, $2, $3) AND s.kind = 'PERSON'
  AND (r.severity IS NOT NULL OR r.dataset = ANY($4::text[]))
  AND CASE WHEN r.dataset = ANY($5::text[])
        THEN (r.clear ->> ($6::text[])[array_position($5::text[], r.dataset)])::date
        ELSE r.event_date END < $7
  AND {_FREE}
ORDER BY r.subject_id, r.dataset, r.record_id LIMIT $8"""  # noqa: S608
_EXPIRED = f"""SELECT r.subject_id, r.dataset, r.record_id FROM record r
WHERE (r.subject_id, r.dataset, r.record_id) > ($1, $2, $3) AND r.severity IS NOT NULL AND r.state = 'VALID'
  AND r.visible_until <= $4 AND {_FREE}
ORDER BY r.subject_id, r.dataset, r.record_id LIMIT $5"""  # noqa: S608
_CHOSEN = "(subject_id, dataset, record_id) IN (SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[]))"
_DELETE = (
    "DELETE FROM blind_index b USING unnest($1::bytea[], $2::text[], $3::bytea[]) AS u (subject_id, dataset, record_id)"
    " WHERE b.subject_id = u.subject_id AND b.record_id = u.record_id AND starts_with(b.field, u.dataset || '.')",
    "DELETE FROM lifecycle_event e USING lifecycle_case c WHERE e.subject_id = c.subject_id AND e.case_id = c.case_id"
    " AND (c.subject_id, c.dataset, c.record_id) IN (SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[]))",
    f"DELETE FROM lifecycle_case WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM notice WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM record_hold WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM record_mark WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM record_lineage WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM record_history WHERE {_CHOSEN}",  # noqa: S608
    f"DELETE FROM record WHERE {_CHOSEN}",  # noqa: S608
)
_ARCHIVE = f"UPDATE record SET state = 'ARCHIVED' WHERE {_CHOSEN}"  # noqa: S608
_LOCK = f"SELECT 1 FROM record WHERE {_CHOSEN} ORDER BY subject_id, dataset, record_id FOR UPDATE"  # noqa: S608


class Fate(StrEnum):
    """What becomes of a record."""

    DELETE = "DELETE"
    ARCHIVE = "ARCHIVE"


class Purged(NamedTuple):
    """What a run did, or would do."""

    deleted: int
    archived: int


class Purge:
    """Purges one database."""

    def __init__(self, database: Database, log: AuditLog, catalog: Catalog) -> None:
        self._database = database
        self._log = log
        self._negative = [dataset.id for dataset in catalog if dataset.nature is Nature.NEGATIVE]

    async def run(
        self, policy: PolicySet, now: datetime, actor: str, *, dry_run: bool = False, page: int = PAGE
    ) -> Purged:
        """Delete and archive everything that is due.

        Args:
            policy: clocks in force.
            now: the instant; what is due is judged by its civil date.
            actor: who runs it, as the log names it.
            dry_run: only count.
            page: records of one transaction.

        Raises:
            UnavailableError: when database or log cannot take it; run it again.
        """
        clocks, today = policy.clocks, civil_date(now)
        deleted = 0
        before = clocks.kept_from(today)
        if before is not None:
            ended = clocks.ended_by
            arguments = (self._negative, list(ended), list(ended.values()), before)
            deleted = await self._every(Fate.DELETE, arguments, policy, now, actor, page, dry_run=dry_run)
        archived = await self._every(Fate.ARCHIVE, (today,), policy, now, actor, page, dry_run=dry_run)
        return Purged(deleted, archived)

    async def _every(
        self,
        fate: Fate,
        arguments: Sequence[Any],
        policy: PolicySet,
        now: datetime,
        actor: str,
        page: int,
        *,
        dry_run: bool,
    ) -> int:
        query = _OVER if fate is Fate.DELETE else _EXPIRED
        count, after = 0, _START
        while True:
            async with self._database.connection() as connection, connection.transaction():
                rows = await connection.fetch(query, *after, *arguments, page)
                if rows:
                    last = rows[-1]
                    first, after = after, (last["subject_id"], last["dataset"], last["record_id"])
                    if not dry_run:  # what was held or changed since it was read is left to the next run
                        await connection.fetch(_LOCK, *_columns(rows))
                        again = await connection.fetch(query, *first, *arguments, page)
                        rows = [row for row in again if row in rows]
                        await _carry_out(connection, fate, rows)
                        if rows:
                            entry = _entry(fate, rows, policy, now, actor)
                            await self._log.append_in(connection, [entry])
                    count += len(rows)
                    continue
            return count


async def _carry_out(connection: asyncpg.Connection, fate: Fate, rows: Sequence[Any]) -> None:
    for statement in _DELETE if fate is Fate.DELETE else (_ARCHIVE,):
        await connection.execute(statement, *_columns(rows))


def _columns(rows: Sequence[Any]) -> tuple[list[bytes], list[str], list[bytes]]:
    return (
        [row["subject_id"] for row in rows],
        [row["dataset"] for row in rows],
        [row["record_id"] for row in rows],
    )


def _entry(fate: Fate, rows: Sequence[Any], policy: PolicySet, now: datetime, actor: str) -> Entry:
    named: dict[str, list[str]] = {}
    for row in rows:
        named.setdefault(row["dataset"], []).append(record_ref(row["record_id"]))
    detail: Mapping[str, Any] = {"records": named, "day": civil_date(now).isoformat()}
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, purpose="OPERATION",
        operation=f"records.{fate.lower()}", policy=policy.revision,
        subjects=tuple(SubjectPart(s, EntryOutcome.DONE) for s in {row["subject_id"]: None for row in rows}),
        detail=detail,
    )  # fmt: skip
