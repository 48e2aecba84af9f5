"""Marks of records in the database: set, ended, and put beside the record for whoever reads it.

- Every mark that ever stood is kept, with when it began and ended. Those in force are repeated in the record's own
  row (`record.marks`), so that a report reads them with the record, and a record without marks costs nothing.
- Marks hang on the record and not on one of its versions: a correction keeps them, a settlement ends them.
- The record's row is locked first, so of two marks at the same moment none is lost.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

import asyncpg

from hub.disclosure.marks import PUT_MARKS, MarkKind, statement_aad
from hub.keys.sealing import DataKey
from hub.lifecycle import records
from hub.lifecycle.case import RecordName

_ADD = """INSERT INTO record_mark (subject_id, dataset, record_id, mark_id, kind, since, case_id, client_id, quotes,
    sealed) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"""
_END = """UPDATE record_mark SET ended_at = $5 WHERE subject_id = $1 AND dataset = $2 AND record_id = $3
    AND kind = ANY($4::text[]) AND ended_at IS NULL RETURNING mark_id"""
_IN_FORCE = """SELECT kind FROM record_mark
    WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND ended_at IS NULL ORDER BY since, kind"""


class Statement(NamedTuple):
    """What a subject says about a record."""

    text: str
    quotes: Collection[str]
    """Fields of the record whose values it quotes."""


async def begin(
    connection: asyncpg.Connection,
    name: RecordName,
    kind: MarkKind,
    client_id: str,
    now: datetime,
    *,
    case_id: str | None = None,
    said: tuple[DataKey, Statement] | None = None,
) -> str:
    """Mark a record; a mark of this kind that it has ends.

    Args:
        connection: in a transaction.
        name: the record.
        kind: of the mark.
        client_id: who sets it.
        now: since when.
        case_id: the objection it comes from.
        said: a statement, with the subject's data key.

    Returns:
        The mark's id.
    """
    await end(connection, name, now, kind)
    mark_id = "m_" + secrets.token_urlsafe(16)
    sealed = quotes = None
    if said is not None:
        key, statement = said
        sealed = key.seal(statement_aad(_place(name), mark_id), statement.text.encode())
        quotes = sorted(statement.quotes)
    await connection.execute(
        _ADD, *_place(name), mark_id, kind.value, now, case_id, client_id, quotes, sealed
    )
    await connection.execute(PUT_MARKS, *_place(name))
    return mark_id


async def end(connection: asyncpg.Connection, name: RecordName, now: datetime, *kinds: MarkKind) -> list[str]:
    """End marks of these kinds in a transaction; the ids of those that stood."""
    await records.lock(connection, name)
    ended = await connection.fetch(_END, *_place(name), [kind.value for kind in kinds], now)
    if ended:
        await connection.execute(PUT_MARKS, *_place(name))
    return [row[0] for row in ended]


async def in_force(connection: asyncpg.Connection, name: RecordName) -> list[MarkKind]:
    """Kinds of the marks that a record has, the oldest first."""
    return [MarkKind(row[0]) for row in await connection.fetch(_IN_FORCE, *_place(name))]


def _place(name: RecordName) -> tuple[bytes, str, bytes]:
    return name.subject_id, name.dataset, name.record_id
