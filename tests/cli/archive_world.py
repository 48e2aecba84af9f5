"""A log that is years old: entries of several civil months, signed with the demo's key ring."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from datetime import datetime

import asyncpg
from audit.audit_world import an_entry

from hub.audit.entry import Entry
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.clock import SystemClock
from hub.config import Settings
from hub.keys.ring import load_ring
from hub.store.database import Database, asyncpg_arguments, parse_url

from .conftest import Shell

OLD = [datetime.fromisoformat(f"{day}T10:00:00+08:00") for day in ("2019-01-31", "2019-02-01", "2019-02-28")]
"""Instants in two months that are past the term."""


def grow(shell: Shell, entries: Iterable[Entry]) -> None:
    """Append these entries."""

    async def body() -> None:
        ring = load_ring(shell.places.ring, demo=True)
        database = await Database.open(shell.database_url, pool_size=2)
        try:
            signer = LogKeySigner(Settings.from_environment().log_origin, ring.log.active)
            log = await AuditLog.open(database, signer.name, signer, SystemClock())
            for entry in entries:
                await log.append(entry)
            await log.close()
        finally:
            await database.close()

    asyncio.run(body())


def old_log(shell: Shell, each: int = 3, **changes: object) -> None:
    """So many entries at each old instant, and one of long after."""
    later = datetime.fromisoformat("2025-05-05T10:00:00+08:00")
    grow(
        shell,
        [an_entry(at=at, **changes) for at in [*OLD[:1] * each, *OLD[1:2] * each, *OLD[2:] * each, later]],
    )


def sql(shell: Shell, *statements: str) -> list[tuple[object, ...]]:
    """Run SQL as administrator; gives the rows of the last statement."""

    async def body() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(shell.database_url)))
        try:
            rows = []
            for statement in statements:
                rows = await connection.fetch(statement)
            return [tuple(row) for row in rows]
        finally:
            await connection.close()

    return asyncio.run(body())


def verifier_key(shell: Shell) -> str:
    """The log's verifier key."""
    os.environ.setdefault("HUB_DEMO", "1")
    return " ".join(str(v) for v in load_ring(shell.places.ring, demo=True).public().note_verifiers())
