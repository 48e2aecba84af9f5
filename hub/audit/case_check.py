"""Stored review cases against the log: every act that the log tells of must be stored as it was, and no other.

Whoever can write to the database can delete a case, or set it to closed; the entries of its acts cannot be changed
unseen (`hub audit verify`). So both are compared: case by case and act by act.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import asyncpg

from hub.audit import case_store as store
from hub.audit.case_model import PREFIX, CaseAct, CaseEvent, ReviewCase
from hub.audit.case_text import open_key, unseal_text
from hub.audit.entry import read_body
from hub.errors import SealError
from hub.keys.sealing import Sealer
from hub.store.database import Database

_LOGGED = """
SELECT idx, entry_id, body FROM log_entry WHERE log_id = 0 AND kind = 'ADMIN' AND body IS NOT NULL
  AND position(convert_to('"operation":"' || $1, 'UTF8') IN body) > 0 ORDER BY idx
"""
_IDS = "SELECT case_id FROM audit_case UNION SELECT case_id FROM audit_case_event ORDER BY case_id"
_BOOKKEEPING = ("state", "person", "outcome", "assignee")


class CaseProblem(StrEnum):
    """In what a stored case differs from the log."""

    GONE = "GONE"
    """The log tells of a case, or an act, that is not stored."""
    ADDED = "ADDED"
    """A case or an act is stored of which the log does not tell."""
    CHANGED = "CHANGED"
    """It is stored otherwise than the log tells."""
    TEXT = "TEXT"
    """What was written was changed."""


@dataclass(frozen=True, slots=True)
class CaseMisfit:
    """One difference."""

    case_id: str
    number: int
    """Of the act; 0: the case itself."""
    problem: CaseProblem


async def check_cases(database: Database, sealer: Sealer) -> tuple[int, list[CaseMisfit]]:
    """How many cases the log tells of, and where stored ones differ from it.

    Raises:
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    found: list[CaseMisfit] = []
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        logged = await _logged(connection)
        stored = {row["case_id"] for row in await connection.fetch(_IDS)}
        for case_id in sorted({*logged, *stored}):
            found += await _compare(connection, sealer, case_id, logged.get(case_id, {}))
    return len(logged), found


async def _logged(connection: asyncpg.Connection) -> dict[str, dict[int, Mapping[str, Any]]]:
    """Entries of acts, by case and number."""
    found: dict[str, dict[int, Mapping[str, Any]]] = {}
    for row in await connection.fetch(_LOGGED, PREFIX):
        body = read_body(row["body"])
        if body["operation"].startswith(PREFIX):
            detail = body["detail"]
            found.setdefault(detail["case"], {})[detail["number"]] = body
    return found


async def _compare(
    connection: asyncpg.Connection, sealer: Sealer, case_id: str, logged: Mapping[int, Mapping[str, Any]]
) -> list[CaseMisfit]:
    got = await store.get(connection, case_id)
    events = {event.number: event for event in await store.events(connection, case_id)}
    if got is None or not logged:
        return [CaseMisfit(case_id, 0, CaseProblem.GONE if logged else CaseProblem.ADDED)]
    case, wrapped = got
    found = [CaseMisfit(case_id, 0, CaseProblem.CHANGED)] if _differs(case, logged) else []
    for number in sorted({*logged, *events}):
        if number not in events or number not in logged:
            problem = CaseProblem.GONE if number in logged else CaseProblem.ADDED
            found.append(CaseMisfit(case_id, number, problem))
        elif _event_differs(events[number], logged[number]):
            found.append(CaseMisfit(case_id, number, CaseProblem.CHANGED))
        elif not _text_holds(sealer, case_id, wrapped, events[number], logged[number]["detail"]["text"]):
            found.append(CaseMisfit(case_id, number, CaseProblem.TEXT))
    return found


def _differs(case: ReviewCase, logged: Mapping[int, Mapping[str, Any]]) -> bool:
    last = logged[max(logged)]["detail"]
    first = logged[min(logged)]["detail"]
    said = (
        case.origin, case.rule, case.severity, case.four_eyes, list(case.entries), sorted(case.concerned)
    )  # fmt: skip
    told = tuple(
        first.get(name) for name in ("origin", "rule", "severity", "fourEyes", "entries", "concerned")
    )
    now = (case.state, case.events, case.due_on.isoformat(), case.outcome, case.assignee)
    then = (last["state"], max(logged), last["due"], *_standing(logged))
    return said != told or now != then


def _standing(logged: Mapping[int, Mapping[str, Any]]) -> tuple[str, str]:
    """Outcome and assignee after all acts."""
    outcome = assignee = ""
    for _, body in sorted(logged.items()):
        act, detail = body["operation"].removeprefix(PREFIX), body["detail"]
        if act in (CaseAct.CONCLUDE, CaseAct.REJECT, CaseAct.REOPEN):
            outcome = detail["outcome"]
        if act == CaseAct.ASSIGN:
            assignee = detail["assignee"]
    return outcome, assignee


def _event_differs(event: CaseEvent, body: Mapping[str, Any]) -> bool:
    detail = body["detail"]
    same = all(str(getattr(event, name)) == detail[name] for name in _BOOKKEEPING)
    named = (event.entry_id, event.act.operation, event.client_id) == (
        body["id"], body["operation"], body["caller"],
    )  # fmt: skip
    return not (same and named)


def _text_holds(
    sealer: Sealer, case_id: str, wrapped: store.WrappedKey, event: CaseEvent, digest: str
) -> bool:
    try:
        key = open_key(sealer, case_id, wrapped)
        return unseal_text(key, case_id, event.number, event.sealed).digest == digest
    except SealError:
        return False
