"""Stored declarations of avoidance against the log: each is as it was declared and ended, none is gone, none was added.

Whoever can write to the database can delete a declaration or end it; the entries of these acts cannot be changed
unseen (`hub audit verify`). A declaration whose entry was pruned by rule is not compared.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import read_body, subject_ref
from hub.audit.relations import DECLARE, END, PREFIX
from hub.clock import to_millis
from hub.store.database import Database

_LOGGED = """
SELECT body FROM log_entry WHERE log_id = 0 AND kind = 'ADMIN' AND body IS NOT NULL
  AND position(convert_to('"operation":"' || $1, 'UTF8') IN body) > 0 ORDER BY idx
"""
_STORED = "SELECT * FROM audit_relation"
_GONE = "SELECT entry_id FROM log_entry WHERE log_id = 0 AND body IS NULL AND entry_id = ANY($1::text[])"


class RelationProblem(StrEnum):
    """In what a stored declaration differs from the log."""

    GONE = "GONE"
    """The log tells of a declaration that is not stored."""
    ADDED = "ADDED"
    """A declaration is stored of which the log does not tell."""
    CHANGED = "CHANGED"
    """It is stored otherwise than the log tells: other parts, ended without an act, or not ended in spite of one."""


class RelationMisfit(NamedTuple):
    """One difference."""

    relation_id: str
    problem: RelationProblem


_Acts = Mapping[str, Mapping[str, Any]]
"""Entries about one declaration, by operation."""


async def check_relations(database: Database) -> tuple[int, list[RelationMisfit]]:
    """How many declarations the log tells of, and where stored ones differ from it.

    Raises:
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        logged = await _logged(connection)
        stored = {row["relation_id"]: row for row in await connection.fetch(_STORED)}
        named = [row[name] for row in stored.values() for name in ("declared_entry", "ended_entry")]
        pruned = {row[0] for row in await connection.fetch(_GONE, [name for name in named if name])}
    misfits = []
    for relation_id in sorted({*logged, *stored}):
        problem = _problem(stored.get(relation_id), logged.get(relation_id, {}), pruned)
        if problem is not None:
            misfits.append(RelationMisfit(relation_id, problem))
    return len(logged), misfits


async def _logged(connection: asyncpg.Connection) -> dict[str, dict[str, Mapping[str, Any]]]:
    found: dict[str, dict[str, Mapping[str, Any]]] = {}
    for row in await connection.fetch(_LOGGED, PREFIX):
        body = read_body(row["body"])
        if body["operation"] in (DECLARE, END):
            found.setdefault(body["detail"]["relation"], {})[body["operation"]] = body
    return found


def _problem(row: Any, acts: _Acts, pruned: set[str]) -> RelationProblem | None:
    if row is None:
        return RelationProblem.GONE if DECLARE in acts else None
    if DECLARE not in acts:
        known = row["declared_entry"] in pruned
        if not known:
            return RelationProblem.ADDED
    elif _declared(row) != _told(acts[DECLARE]):
        return RelationProblem.CHANGED
    if END in acts:
        same = _ended(row) == (acts[END]["at"], acts[END]["id"])
    else:
        same = row["ended_at"] is None or row["ended_entry"] in pruned
    return None if same else RelationProblem.CHANGED


def _declared(row: Any) -> tuple[Any, ...]:
    return (
        to_millis(row["since"]), row["declared_entry"], row["client_id"], row["declared_by"],
        subject_ref(row["subject_id"]), row["institution"], row["person"], row["kind"],
        row["until"].isoformat() if row["until"] else "",
    )  # fmt: skip


def _told(body: Mapping[str, Any]) -> tuple[Any, ...]:
    detail, (part,) = body["detail"], body["subjects"]
    return (
        body["at"], body["id"], body["caller"], body["operator"], part["subject"], detail["of"], detail["person"],
        detail["kind"], detail["until"],
    )  # fmt: skip


def _ended(row: Any) -> tuple[Any, ...]:
    return (to_millis(row["ended_at"]) if row["ended_at"] else None, row["ended_entry"])
