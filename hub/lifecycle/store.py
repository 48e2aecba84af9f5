"""Cases and their events in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import asyncpg

from hub.lifecycle.case import Act, Case, CaseKind, CaseState, Event, RecordName

_COLUMNS = """c.subject_id, c.case_id, c.kind, c.dataset, c.record_id, c.record_version, c.source_unit, c.state,
    c.ground, c.opened_at, c.due_on, c.decide_by, c.decided_at, c.revoked_at, c.events"""
_INSERT = """INSERT INTO lifecycle_case (subject_id, case_id, kind, dataset, record_id, record_version, source_unit,
    state, ground, opened_at, due_on, decide_by, events)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 0) ON CONFLICT DO NOTHING RETURNING case_id"""
_GET = f"""SELECT {_COLUMNS}, s.kek_id, s.wrapped_key FROM lifecycle_case c JOIN subject s USING (subject_id)
    WHERE c.case_id = $1 AND s.wrapped_key IS NOT NULL"""  # noqa: S608
_LOCK = f"{_GET} FOR UPDATE OF c"
_SAVE = """UPDATE lifecycle_case SET state = $3, due_on = $4, decided_at = $5, revoked_at = $6, events = $7,
      decide_by = $8
    WHERE subject_id = $1 AND case_id = $2"""
_ADD_EVENT = """INSERT INTO lifecycle_event (subject_id, case_id, number, act, state, at, client_id, institution,
    operator, reason, sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)"""
_EVENTS = """SELECT number, act, state, at, client_id, institution, operator, reason, sealed FROM lifecycle_event
    WHERE subject_id = $1 AND case_id = $2 ORDER BY number"""
_OWN = f"""SELECT {_COLUMNS} FROM lifecycle_case c
    WHERE c.subject_id = $1 ORDER BY c.opened_at DESC, c.case_id LIMIT $2"""  # noqa: S608
_DUE = f"""SELECT {_COLUMNS} FROM lifecycle_case c JOIN subject s USING (subject_id)
    WHERE c.due_on IS NOT NULL AND s.wrapped_key IS NOT NULL AND ($1::text IS NULL OR c.source_unit = $1)
      AND ($2::date IS NULL OR c.due_on < $2) ORDER BY c.due_on, c.case_id LIMIT $3"""  # noqa: S608
_OPEN = """SELECT case_id FROM lifecycle_case
    WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND kind = $4 AND source_unit = $5
      AND due_on IS NOT NULL"""
_LAST_REVOKED = """SELECT max(revoked_at) FROM lifecycle_case
    WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"""
_SUBJECT_KEY = "SELECT kek_id, wrapped_key FROM subject WHERE subject_id = $1 AND wrapped_key IS NOT NULL"

WrappedKey = tuple[str, bytes]
"""Id of the key-encryption key, and the subject's data key wrapped under it."""


def _case(row: Any) -> Case:
    return Case(
        row["case_id"],
        CaseKind(row["kind"]),
        RecordName(row["subject_id"], row["dataset"], row["record_id"]),
        row["record_version"],
        row["source_unit"],
        CaseState(row["state"]),
        row["ground"],
        row["opened_at"],
        row["due_on"],
        row["decide_by"],
        row["decided_at"],
        row["revoked_at"],
        row["events"],
    )


async def subject_key(connection: asyncpg.Connection, subject_id: bytes) -> WrappedKey | None:
    """The wrapped data key of a subject; None when there is no such subject or its key was destroyed."""
    row = await connection.fetchrow(_SUBJECT_KEY, subject_id)
    return None if row is None else (row[0], row[1])


async def insert(connection: asyncpg.Connection, case: Case) -> bool:
    """Store a new case; False when its record has an open one of this kind."""
    record = case.record
    return (
        await connection.fetchval(
            _INSERT, record.subject_id, case.case_id, case.kind, record.dataset, record.record_id,
            case.record_version, case.source_unit, case.state, case.ground, case.opened_at, case.due_on, case.decide_by,
        )
        is not None
    )  # fmt: skip


async def get(
    connection: asyncpg.Connection, case_id: str, *, lock: bool = False
) -> tuple[Case, WrappedKey] | None:
    """A case with its subject's key; None also when that key was destroyed.

    Args:
        connection: to the database; in a transaction where the case is locked.
        case_id: of the case.
        lock: whether to hold the case until the transaction ends.
    """
    row = await connection.fetchrow(_LOCK if lock else _GET, case_id)
    return None if row is None else (_case(row), (row["kek_id"], row["wrapped_key"]))


async def save(connection: asyncpg.Connection, case: Case) -> None:
    """Store how far a case is."""
    await connection.execute(
        _SAVE, case.record.subject_id, case.case_id, case.state, case.due_on, case.decided_at, case.revoked_at,
        case.events, case.decide_by,
    )  # fmt: skip


async def add_event(connection: asyncpg.Connection, case: Case, event: Event) -> None:
    """Store an act."""
    await connection.execute(_ADD_EVENT, case.record.subject_id, case.case_id, *event)


async def events(connection: asyncpg.Connection, case: Case) -> list[Event]:
    """The acts of a case, oldest first."""
    rows = await connection.fetch(_EVENTS, case.record.subject_id, case.case_id)
    return [Event(row[0], Act(row[1]), CaseState(row[2]), *row[3:]) for row in rows]


async def own(connection: asyncpg.Connection, subject_id: bytes, limit: int) -> list[Case]:
    """Cases of a subject, newest first."""
    return [_case(row) for row in await connection.fetch(_OWN, subject_id, limit)]


async def due(
    connection: asyncpg.Connection, source_unit: str | None, before: date | None, limit: int
) -> Sequence[Case]:
    """Open cases, the most urgent first.

    Args:
        connection: to the database.
        source_unit: of the records; None: of every unit.
        before: only cases due before this civil day; None: all.
        limit: at most so many.
    """
    return [_case(row) for row in await connection.fetch(_DUE, source_unit, before, limit)]


async def open_case(
    connection: asyncpg.Connection, record: RecordName, kind: CaseKind, unit: str
) -> str | None:
    """Id of a record's open case of a kind that a unit handles; None when there is none."""
    found: str | None = await connection.fetchval(
        _OPEN, record.subject_id, record.dataset, record.record_id, kind, unit
    )
    return found


async def last_revoked(connection: asyncpg.Connection, record: RecordName) -> Any:
    """When a repair of a record was last taken back; None: never."""
    return await connection.fetchval(_LAST_REVOKED, record.subject_id, record.dataset, record.record_id)
