"""Review cases and their acts in the database."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import asyncpg

from hub.audit.case_model import CaseAct, CaseEvent, CaseOrigin, ReviewCase, ReviewState
from hub.policies.detections import Severity

_COLUMNS = """case_id, origin, rule, severity, four_eyes, subject_id, entries, concerned, state, outcome, assignee,
    opened_at, due_on, closed_at, events"""
_EVENT = (
    "number, act, state, at, client_id, institution, operator, person, outcome, assignee, entry_id, sealed"
)
_INSERT = f"""INSERT INTO audit_case ({_COLUMNS}, kek_id, wrapped_key)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)"""  # noqa: S608
_GET = f"SELECT {_COLUMNS}, kek_id, wrapped_key FROM audit_case WHERE case_id = $1"  # noqa: S608
_SAVE = """UPDATE audit_case SET state = $2, outcome = $3, assignee = $4, due_on = $5, closed_at = $6, events = $7
    WHERE case_id = $1"""
_ADD_EVENT = f"""INSERT INTO audit_case_event (case_id, {_EVENT})
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)"""  # noqa: S608
_EVENTS = f"SELECT {_EVENT} FROM audit_case_event WHERE case_id = $1 ORDER BY number"  # noqa: S608
_LIST = f"""SELECT {_COLUMNS} FROM audit_case
    WHERE ($1::text[] IS NULL OR state = ANY($1)) AND ($2::text IS NULL OR assignee = $2)
      AND ($3::date IS NULL OR (closed_at IS NULL AND due_on < $3))
      AND ($4::date IS NULL OR (due_on, case_id) > ($4, $5))
    ORDER BY due_on, case_id LIMIT $6"""  # noqa: S608
_COVERING = (
    "SELECT case_id, rule, entries FROM audit_case WHERE entries && $1::bigint[] AND rule = ANY($2::text[])"
)

WrappedKey = tuple[str, bytes]
"""Id of the key-encryption key, and the key of the case's texts wrapped under it."""


def _case(row: Any) -> ReviewCase:
    return ReviewCase(
        row["case_id"], CaseOrigin(row["origin"]), row["rule"], Severity(row["severity"]), row["four_eyes"],
        row["subject_id"], tuple(row["entries"]), frozenset(row["concerned"]), ReviewState(row["state"]),
        row["outcome"], row["assignee"], row["opened_at"], row["due_on"], row["closed_at"], row["events"],
    )  # fmt: skip


async def insert(connection: asyncpg.Connection, case: ReviewCase, key: WrappedKey) -> None:
    """Store a new case."""
    await connection.execute(
        _INSERT, case.case_id, case.origin, case.rule, case.severity, case.four_eyes, case.subject_id,
        list(case.entries), sorted(case.concerned), case.state, case.outcome, case.assignee, case.opened_at,
        case.due_on, case.closed_at, case.events, *key,
    )  # fmt: skip


async def get(
    connection: asyncpg.Connection, case_id: str, *, lock: bool = False
) -> tuple[ReviewCase, WrappedKey] | None:
    """A case with the key of its texts; None: there is none.

    Args:
        connection: to the database; in a transaction where the case is locked.
        case_id: of the case.
        lock: whether to hold it until the transaction ends.
    """
    row = await connection.fetchrow(_GET + (" FOR UPDATE" if lock else ""), case_id)
    return None if row is None else (_case(row), (row["kek_id"], row["wrapped_key"]))


async def save(connection: asyncpg.Connection, case: ReviewCase) -> None:
    """Store how far a case is."""
    await connection.execute(
        _SAVE, case.case_id, case.state, case.outcome, case.assignee, case.due_on, case.closed_at, case.events
    )


async def add_event(connection: asyncpg.Connection, case_id: str, event: CaseEvent) -> None:
    """Store an act."""
    await connection.execute(_ADD_EVENT, case_id, *event)


async def events(connection: asyncpg.Connection, case_id: str) -> list[CaseEvent]:
    """The acts of a case, oldest first."""
    rows = await connection.fetch(_EVENTS, case_id)
    return [CaseEvent(row[0], CaseAct(row[1]), ReviewState(row[2]), *tuple(row)[3:]) for row in rows]


async def listed(
    connection: asyncpg.Connection,
    states: Iterable[ReviewState] | None,
    assignee: str | None,
    due_before: date | None,
    after: tuple[date, str] | None,
    limit: int,
) -> list[ReviewCase]:
    """Cases, the soonest due first.

    Args:
        connection: to the database.
        states: None: all.
        assignee: pseudonym of a reviewer; None: everybody's.
        due_before: only cases not closed that were due before this civil day.
        after: due day and id of the last case of the page before.
        limit: at most so many.
    """
    wanted = None if states is None else [state.value for state in states]
    day, case_id = after if after is not None else (None, "")
    return [
        _case(row) for row in await connection.fetch(_LIST, wanted, assignee, due_before, day, case_id, limit)
    ]


async def covering(
    connection: asyncpg.Connection, findings: Sequence[tuple[str, Sequence[int]]]
) -> list[list[str]]:
    """For each rule and its entries the ids of the cases that were opened from that rule about one of them."""
    indices = sorted({index for _, entries in findings for index in entries})
    rows = await connection.fetch(_COVERING, indices, sorted({rule for rule, _ in findings}))
    by_rule: Mapping[str, list[tuple[str, frozenset[int]]]] = {
        rule: [(row["case_id"], frozenset(row["entries"])) for row in rows if row["rule"] == rule]
        for rule in {row["rule"] for row in rows}
    }
    return [
        sorted(case for case, about in by_rule.get(rule, ()) if about & set(entries))
        for rule, entries in findings
    ]
