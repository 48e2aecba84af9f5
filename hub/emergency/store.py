"""Emergencies in the database."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from hub.clock import civil_date
from hub.emergency.case import Danger, Emergency, EmergencyAct, EmergencyState, Verdict
from hub.intake.acting import Steward

_STATE = """CASE WHEN e.state = 'REQUESTED' AND e.lapses_at <= $1 THEN 'LAPSED'
    WHEN e.state = 'APPROVED' AND e.over_at <= $1 THEN 'OVER' WHEN e.state = 'APPROVED' THEN 'IN_FORCE'
    ELSE e.state END"""
_SELECT = f"""
SELECT e.emergency_id, e.subject_id, e.purpose, e.institution, e.danger, e.reason, e.reference, {_STATE} AS state,
  e.requested_at, e.lapses_at, e.approved_at, e.over_at, coalesce(c.used_count, 0) AS uses, e.review_by, e.tell_by,
  e.told_at, e.approved_at IS NOT NULL AND e.told_at IS NULL AND EXISTS (
    SELECT 1 FROM subject s WHERE s.subject_id = e.subject_id AND s.wrapped_key IS NOT NULL) AS owes_notice,
  e.verdict, e.verdict_words, e.reviewed_at
FROM emergency e LEFT JOIN consent c ON c.subject_id = e.subject_id AND c.consent_id = e.emergency_id
"""  # noqa: S608
_ONE = f"{_SELECT} WHERE e.emergency_id = $2 FOR UPDATE OF e"
_LIST = f"""{_SELECT} WHERE ($2::text IS NULL OR {_STATE} = $2) AND ($3::text IS NULL OR e.institution = $3)
  AND ($4::text[] IS NULL OR e.purpose = ANY($4))
  AND (NOT $5 OR ({_STATE} = 'OVER' AND e.review_by < $6))
  AND ($7::text IS NULL OR (e.requested_at, e.emergency_id) > (
    SELECT p.requested_at, p.emergency_id FROM emergency p
    WHERE p.emergency_id = $7 AND ($3::text IS NULL OR p.institution = $3)))
ORDER BY e.requested_at, e.emergency_id LIMIT $8"""  # noqa: S608
_QUEUE = "SELECT pg_advisory_xact_lock(hashtextextended('emergency:' || $1, 0))"
_OPEN = """SELECT count(*) FROM emergency
    WHERE institution = $1 AND purpose = $2 AND state = 'REQUESTED' AND lapses_at > $3"""
_INSERT = """INSERT INTO emergency (subject_id, emergency_id, purpose, institution, danger, reason, reference, state,
    requested_at, lapses_at) VALUES ($1, $2, $3, $4, $5, $6, $7, 'REQUESTED', $8, $9)"""
_ACT = """INSERT INTO emergency_act (subject_id, emergency_id, act, at, client_id, institution, operator)
    VALUES ($1, $2, $3, $4, $5, $6, $7)"""
_ACTS = "SELECT act, client_id, institution, operator FROM emergency_act WHERE subject_id = $1 AND emergency_id = $2"


async def open_requests(connection: asyncpg.Connection, institution: str, purpose: str, now: datetime) -> int:
    """How many requests of an institution wait for approval; until the transaction ends, nobody adds one of it."""
    await connection.execute(_QUEUE, institution)
    return int(await connection.fetchval(_OPEN, institution, purpose, now))


class Wanted(NamedTuple):
    """Which emergencies are wanted."""

    state: EmergencyState | None = None
    institution: str | None = None
    purposes: Sequence[str] | None = None
    overdue: bool = False
    """Only those whose review is late."""


def _emergency(row: Any) -> Emergency:
    return Emergency(
        row["emergency_id"], row["subject_id"], row["purpose"], row["institution"], Danger(row["danger"]),
        row["reason"], row["reference"], EmergencyState(row["state"]), row["requested_at"], row["lapses_at"],
        row["approved_at"], row["over_at"], row["uses"], row["review_by"], row["tell_by"], row["told_at"],
        row["owes_notice"], Verdict(row["verdict"]) if row["verdict"] else None, row["verdict_words"] or "",
        row["reviewed_at"],
    )  # fmt: skip


async def locked(connection: asyncpg.Connection, emergency_id: str, now: datetime) -> Emergency | None:
    """One emergency, which nobody else moves before the transaction ends."""
    row = await connection.fetchrow(_ONE, now, emergency_id)
    return None if row is None else _emergency(row)


async def listed(
    connection: asyncpg.Connection, wanted: Wanted, now: datetime, limit: int, after: str | None
) -> list[Emergency]:
    """Emergencies, the oldest request first, after the one of an id."""
    rows = await connection.fetch(
        _LIST, now, wanted.state.value if wanted.state else None, wanted.institution,
        None if wanted.purposes is None else list(wanted.purposes), wanted.overdue, civil_date(now), after, limit,
    )  # fmt: skip
    return [_emergency(row) for row in rows]


async def insert(connection: asyncpg.Connection, emergency: Emergency) -> None:
    """Store a request."""
    await connection.execute(
        _INSERT, emergency.subject_id, emergency.emergency_id, emergency.purpose, emergency.institution,
        emergency.danger.value, emergency.reason, emergency.reference, emergency.requested_at,
        emergency.lapses_at,
    )  # fmt: skip


async def add_act(
    connection: asyncpg.Connection, emergency: Emergency, act: EmergencyAct, steward: Steward, now: datetime
) -> None:
    """Note who did it."""
    await connection.execute(
        _ACT, emergency.subject_id, emergency.emergency_id, act.value, now, steward.client_id,
        steward.institution, steward.operator,
    )  # fmt: skip


async def acts(connection: asyncpg.Connection, emergency: Emergency) -> dict[EmergencyAct, dict[str, str]]:
    """Who did what: client, institution and pseudonym of the person, by act."""
    rows = await connection.fetch(_ACTS, emergency.subject_id, emergency.emergency_id)
    return {
        EmergencyAct(row["act"]): {
            "client": row["client_id"], "institution": row["institution"], "operator": row["operator"],
        }
        for row in rows
    }  # fmt: skip


async def move(connection: asyncpg.Connection, emergency: Emergency, **columns: Any) -> None:
    """Write these columns of an emergency; their names are those of the table."""
    sets = ", ".join(f"{name} = ${number}" for number, name in enumerate(columns, start=3))
    query = f"UPDATE emergency SET {sets} WHERE subject_id = $1 AND emergency_id = $2"  # noqa: S608
    await connection.execute(query, emergency.subject_id, emergency.emergency_id, *columns.values())
