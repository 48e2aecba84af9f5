"""Data keys wrapped anew under the active key-encryption key, while the hub runs.

A data key stays the same, so nothing that it sealed changes. Rows are taken in the order of their keys, some at a time;
each such turn is one transaction with an entry of the log. Whoever reads meanwhile finds a key wrapped under the one
or the other; a data key that is destroyed meanwhile stays destroyed. Cut off anywhere, it is run again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

import asyncpg

from hub.audit.case_text import case_key
from hub.audit.entry import Entry
from hub.audit.log import AuditLog
from hub.errors import InputError, SealError
from hub.keys.sealing import Sealer
from hub.store.database import Database

TURN: Final = 2_000
"""Rows in one transaction."""
EntryOf = Callable[[str, Mapping[str, Any]], Entry]
"""Makes the entry of an act from its name and facts."""
Progress = Callable[[str, int], None]
"""Told a table and how many of its data keys are wrapped anew."""


class _Place(NamedTuple):
    """A table with data keys: the column of its key, and the place that the wrapped key is bound to."""

    table: str
    column: str
    type: str
    context: Callable[[Any], bytes]


_PLACES: Final = (
    _Place("subject", "subject_id", "bytea", bytes),
    _Place("match_case", "case_id", "bytea", bytes),
    _Place("audit_case", "case_id", "text", case_key),
)


@dataclass
class Rewrapped:
    """What was done."""

    keys: dict[str, int] = field(default_factory=dict)
    """Data keys wrapped anew, by table."""
    broken: dict[str, int] = field(default_factory=dict)
    """Data keys that did not open, by table; they stay as they are."""


async def rewrap(
    database: Database, log: AuditLog, sealer: Sealer, entry_of: EntryOf, progress: Progress
) -> Rewrapped:
    """Wrap every data key anew that is not under the active key-encryption key.

    Raises:
        UnavailableError: when database or log are away; turns that were committed stay.
    """
    done = Rewrapped()
    for place in _PLACES:
        last: Any = None
        while True:
            async with database.connection() as connection, connection.transaction():
                turn = await _turn(connection, place, sealer, last)
                if turn is None:
                    break
                last, active, wrapped, broken = turn
                if wrapped:
                    facts = {"table": place.table, "keys": wrapped, "kek": active}
                    await log.append_in(connection, [entry_of("keys.rewrap", facts)])
            done.keys[place.table] = done.keys.get(place.table, 0) + wrapped
            if broken:
                done.broken[place.table] = done.broken.get(place.table, 0) + broken
            progress(place.table, done.keys[place.table])
    return done


async def _turn(
    connection: asyncpg.Connection, place: _Place, sealer: Sealer, last: Any
) -> tuple[Any, str, int, int] | None:
    """The next rows; gives the key of the last, the active key-encryption key, how many were done and how many not."""
    active = sealer.active_id
    after = "" if last is None else f" AND {place.column} > $3"
    rows = await connection.fetch(
        f"SELECT {place.column} AS id, kek_id, wrapped_key FROM {place.table} "  # noqa: S608 - names of ours
        f"WHERE kek_id <> $1 AND wrapped_key IS NOT NULL{after} ORDER BY {place.column} LIMIT $2 FOR UPDATE",
        active, TURN, *(() if last is None else (last,)),
    )  # fmt: skip
    if not rows:
        return None
    fresh: list[tuple[Any, str, bytes]] = []
    for row in rows:
        try:
            fresh.append(
                (row["id"], *sealer.rewrap(place.context(row["id"]), row["kek_id"], row["wrapped_key"]))
            )
        except SealError:
            continue
    await connection.execute(
        f"UPDATE {place.table} t SET kek_id = f.kek_id, wrapped_key = f.wrapped_key "  # noqa: S608 - names of ours
        f"FROM unnest($1::{place.type}[], $2::text[], $3::bytea[]) AS f(id, kek_id, wrapped_key) "
        f"WHERE t.{place.column} = f.id",
        *([list(column) for column in zip(*fresh, strict=True)] if fresh else ([], [], [])),
    )
    return rows[-1]["id"], active, len(fresh), len(rows) - len(fresh)


async def shut_out(connection: asyncpg.Connection, kek_id: str) -> None:
    """Check that no data key is wrapped under a key-encryption key, and keep writers out until the transaction ends.

    Args:
        connection: in a transaction.
        kek_id: the key that is to be destroyed.

    Raises:
        InputError: when one is.
    """
    await connection.execute(f"LOCK TABLE {', '.join(place.table for place in _PLACES)} IN SHARE MODE")
    for place in _PLACES:
        count = await connection.fetchval(
            f"SELECT count(*) FROM {place.table} WHERE kek_id = $1 AND wrapped_key IS NOT NULL",  # noqa: S608
            kek_id,
        )
        if count:
            raise InputError(
                f"{count} data keys of {place.table} are wrapped under this key.",
                hint="Run `hub keys rewrap` first.",
                message_zh=f"仍有 {count} 个数据密钥由该密钥封装。",
            )
