"""Changes that are made outside a database, told to the log by the first process that works with them.

Keys are rotated in a folder, and a catalogue is edited in files; neither act can write to the log itself. So every
process compares what it works with against what the log was told last, and enters what is different: which keys came
and which changed their state, and from which revision of the catalogue to which. What a new log begins with is kept
without an entry: its key stands in every checkpoint, its catalogue in every entry.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import orjson

from hub.audit.entry import Entry, EntryOutcome, Kind, canonical, new_entry_id
from hub.audit.log import AuditLog
from hub.disclosure.rules import Rules
from hub.keys.ring import KeyRing, list_keys
from hub.store.database import Database

_BEGIN = "INSERT INTO log_announced (what, state, announced_at) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING"
_READ = "SELECT what, state FROM log_announced"
_LOCK = "SELECT state FROM log_announced WHERE what = $1 FOR UPDATE"
_STORE = "UPDATE log_announced SET state = $2, announced_at = $3 WHERE what = $1"

State = Mapping[str, str]
"""Names and what each of them is: key ids with purpose and status, or one revision."""


async def announce_changes(
    database: Database, log: AuditLog, ring: KeyRing, rules: Rules, actor: str, now: datetime
) -> None:
    """Enter what changed among keys and catalogue since the log was told; each change once, whoever comes first.

    Args:
        database: where the log lies.
        log: open.
        ring: the keys that this process works with.
        rules: the rules and the catalogue that it works with.
        actor: who opened the process, for the entry.
        now: the instant.

    Raises:
        UnavailableError: when the database is away.
    """
    standing: dict[str, State] = {
        "keys": {facts.id: f"{facts.purpose} {facts.status}" for facts in list_keys(ring)},
        "catalogue": {"revision": rules.catalog.revision},
    }
    async with database.connection() as connection:
        told = dict(await connection.fetch(_READ))
    for what, state in standing.items():
        if told.get(what) != _text(state):
            await _announce(database, log, what, state, rules, actor, now)


async def _announce(
    database: Database, log: AuditLog, what: str, state: State, rules: Rules, actor: str, now: datetime
) -> None:
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_BEGIN, what, _text(state), now)
        before: dict[str, str] = orjson.loads(await connection.fetchval(_LOCK, what))
        if before == state:
            return
        await connection.execute(_STORE, what, _text(state), now)
        entry = Entry(
            new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, purpose="OPERATION",
            operation=f"{what}.changed", policy=rules.policy.revision, catalogue=rules.catalog.revision,
            detail=_difference(before, state),
        )  # fmt: skip
        await log.append_in(connection, [entry])


def _difference(before: State, after: State) -> dict[str, Any]:
    """What came, what went, and what is something else now."""
    return {
        "added": {name: what for name, what in after.items() if name not in before},
        "removed": {name: what for name, what in before.items() if name not in after},
        "changed": {
            name: [before[name], what]
            for name, what in after.items()
            if name in before and before[name] != what
        },
    }


def _text(state: State) -> str:
    return canonical(dict(state)).decode()
