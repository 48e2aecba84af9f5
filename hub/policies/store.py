"""Published policies in the database: every revision as its files, and which one is in force.

A revision is never changed or deleted, so that one can always go back to it and explain what it said.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg
import orjson

CHANNEL = "hub_policy"
"""PostgreSQL notification channel on which a change of the policy in force is announced."""

_ACTIVE = "SELECT revision, sequence FROM policy_active WHERE slot = 0"
_BEGIN = """INSERT INTO policy_active (slot, revision, sequence, activated_at, activated_by)
    VALUES (0, $1, 1, $2, $3) ON CONFLICT (slot) DO NOTHING RETURNING sequence"""
_SWITCH = """UPDATE policy_active SET revision = $1, sequence = sequence + 1, activated_at = $2, activated_by = $3
    WHERE slot = 0 RETURNING sequence"""
_PAST = """INSERT INTO policy_history (sequence, revision, activated_at, activated_by)
    SELECT sequence, revision, activated_at, activated_by FROM policy_active WHERE slot = 0"""
_AT = """SELECT revision FROM policy_history WHERE activated_at <= $1 ORDER BY sequence DESC LIMIT 1"""
_KEEP = """INSERT INTO policy_revision (revision, files, published_at, published_by, note)
    VALUES ($1, $2::jsonb, $3, $4, $5) ON CONFLICT (revision) DO NOTHING"""
_FILES = "SELECT files FROM policy_revision WHERE revision = $1"
_FIND = "SELECT revision FROM policy_revision WHERE starts_with(revision, $1) ORDER BY revision LIMIT 3"
_LIST = """SELECT r.revision, r.published_at, r.published_by, r.note, a.sequence, a.activated_at, a.activated_by
    FROM policy_revision r LEFT JOIN policy_active a ON a.revision = r.revision
    ORDER BY r.published_at DESC, r.revision"""


@dataclass(frozen=True, slots=True)
class Active:
    """Which revision is in force."""

    revision: str
    sequence: int
    """Grows by one with every change, also with one back to an earlier revision."""


@dataclass(frozen=True, slots=True)
class Published:
    """One published revision."""

    revision: str
    published_at: datetime
    published_by: str
    note: str
    sequence: int | None
    """Set for the one in force."""
    activated_at: datetime | None
    activated_by: str | None


async def active(connection: asyncpg.Connection, *, lock: bool = False) -> Active | None:
    """What is in force; None before anything was published. With `lock`, nobody else changes it meanwhile."""
    row = await connection.fetchrow(f"{_ACTIVE} FOR UPDATE" if lock else _ACTIVE)
    return Active(*row) if row else None


async def begin(connection: asyncpg.Connection, revision: str, by: str, at: datetime) -> bool:
    """Make a first revision the one in force; False when there is one already."""
    if await connection.fetchval(_BEGIN, revision, at, by) is None:
        return False
    await connection.execute(_PAST)
    return True


async def switch(connection: asyncpg.Connection, revision: str, by: str, at: datetime) -> int:
    """Make another revision the one in force; gives the new sequence number."""
    sequence = int(await connection.fetchval(_SWITCH, revision, at, by))
    await connection.execute(_PAST)
    return sequence


async def in_force_at(connection: asyncpg.Connection, instant: datetime) -> str | None:
    """The revision that was in force at an instant; None before anything was published."""
    found: str | None = await connection.fetchval(_AT, instant)
    return found


async def keep(
    connection: asyncpg.Connection, revision: str, files: Mapping[str, str], by: str, note: str, at: datetime
) -> None:
    """Store a revision, unless it is stored already."""
    await connection.execute(_KEEP, revision, orjson.dumps(dict(files)).decode(), at, by, note)


async def files(connection: asyncpg.Connection, revision: str) -> dict[str, str] | None:
    """The files of a revision by name; None when it was never published."""
    text = await connection.fetchval(_FILES, revision)
    if text is None:
        return None
    found: dict[str, str] = orjson.loads(text)
    return found


async def find(connection: asyncpg.Connection, prefix: str) -> list[str]:
    """At most three revisions that begin like this."""
    rows: list[Any] = await connection.fetch(_FIND, prefix)
    return [row["revision"] for row in rows]


async def listed(connection: asyncpg.Connection) -> list[Published]:
    """Every revision, newest first."""
    return [Published(*row) for row in await connection.fetch(_LIST)]


async def announce(connection: asyncpg.Connection, revision: str) -> None:
    """Tell every process, once the transaction commits."""
    await connection.execute("SELECT pg_notify($1, $2)", CHANNEL, revision)
