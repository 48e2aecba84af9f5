"""Rows of the register of clients: how they are read, sealed and written.

- A row is read with days and instants as text, because a value that no program can take (a year before Christ) must
  close its own client and not the reading of all.
- What is sealed is what was meant to be written, not what the database gives back: a trigger cannot slip anything in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from hub.keys.client_seal import ClientSeal

SEALED = (
    *("client_id", "act", "name_zh", "name_en", "roles", "institution", "subject_id", "purposes", "jwks", "status"),
    *("demo", "ad_hoc", "country", "permit_kind", "permit_number", "permit_until", "created_at"),
)  # fmt: skip
"""Columns under the seal: all but the seal itself."""

_READ = {
    "permit_until": "to_char(permit_until, 'YYYY-MM-DD BC') AS permit_until",
    "created_at": "to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US BC') AS created_at",
}
_ERA = " AD"
_INSTANT = "%Y-%m-%d %H:%M:%S.%f"
SELECT = f"SELECT {', '.join(_READ.get(name, name) for name in SEALED)}, mac FROM client"  # noqa: S608
"""The rows as `StoredClient.of` takes them."""
_ONE = f"{SELECT} WHERE client_id = $1"
_INSTITUTION = f"{SELECT} WHERE institution = $1 ORDER BY client_id"
_UPSERT = (
    f"INSERT INTO client ({', '.join(SEALED)}, mac)"  # noqa: S608
    " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10, $11, $12, $13, $14, $15, $16, $17, $18)"
    " ON CONFLICT (client_id) DO UPDATE SET "
    + ", ".join(f"{name} = excluded.{name}" for name in (*SEALED[1:], "mac"))
)
_QUEUE = "SELECT pg_advisory_xact_lock(hashtextextended('client:' || $1, 0))"
_ENTERED = "SELECT entry_id FROM log_entry WHERE entry_id = ANY($1::text[])"
_AT_ONCE = 32
"""Numbers of acts that are looked up together."""


class StoredClient(NamedTuple):
    """One row."""

    values: Mapping[str, Any]
    """By column, as they are sealed: text, whole numbers, booleans, null and lists and objects of them."""
    mac: bytes

    @classmethod
    def of(cls, row: Mapping[str, Any]) -> StoredClient:
        """From a row that `SELECT` gave; keys that cannot be read become None, under which no seal holds.

        Nor does a seal that is missing or no bytes: who may alter the table may alter the types of its columns.
        """
        values = {name: row[name] for name in SEALED}
        try:
            values["jwks"] = orjson.loads(row["jwks"])
        except orjson.JSONDecodeError:
            values["jwks"] = None
        subject_id, mac = row["subject_id"], row["mac"]
        values["subject_id"] = subject_id.hex() if isinstance(subject_id, bytes) else subject_id
        return cls(values, mac if isinstance(mac, bytes) else b"")

    @classmethod
    def sealed(cls, values: Mapping[str, Any], seal: ClientSeal) -> StoredClient:
        """With a seal of our own.

        Raises:
            ValueFormatError: when the values have no canonical form.
        """
        return cls(values, seal.mac(values))

    @property
    def client_id(self) -> str:
        """Whose row it is."""
        return str(self.values["client_id"])

    @property
    def act(self) -> int:
        """Number of the act that made it so."""
        return int(self.values["act"])

    def holds(self, seal: ClientSeal) -> bool:
        """Whether it is as a process of the hub wrote it."""
        return seal.holds(self.values, self.mac)

    async def write(self, connection: asyncpg.Connection) -> None:
        """Insert it, or put it in the place of the one of this client."""
        values = dict(self.values)
        values["jwks"] = orjson.dumps(values["jwks"]).decode()
        values["subject_id"] = None if values["subject_id"] is None else bytes.fromhex(values["subject_id"])
        values["permit_until"] = read_day(values["permit_until"])
        values["created_at"] = _read_instant(values["created_at"])
        await connection.execute(_UPSERT, *(values[name] for name in SEALED), self.mac)


async def queue(connection: asyncpg.Connection, client_id: str) -> None:
    """Wait until no other transaction acts on this client, and keep others waiting until ours ends."""
    await connection.execute(_QUEUE, client_id)


async def read_one(connection: asyncpg.Connection, client_id: str) -> StoredClient | None:
    """The row of a client; None when there is none."""
    row = await connection.fetchrow(_ONE, client_id)
    return None if row is None else StoredClient.of(row)


async def read_institution(
    connection: asyncpg.Connection, institution: str, seal: ClientSeal
) -> list[StoredClient]:
    """The genuine rows of an institution's clients, by id.

    Args:
        connection: to the database.
        institution: USCC.
        seal: of the ring that the clients were registered with.
    """
    rows = [StoredClient.of(row) for row in await connection.fetch(_INSTITUTION, institution)]
    return [row for row in rows if await genuine(connection, row, seal)]


async def genuine(connection: asyncpg.Connection, row: StoredClient, seal: ClientSeal) -> bool:
    """Whether a row is as a process of the hub wrote it, and the log knows no later act."""
    return row.holds(seal) and not await entered(connection, [seal.act_id(row.client_id, row.act + 1)])


async def entered(connection: asyncpg.Connection, entry_ids: Iterable[str]) -> set[str]:
    """Which of these entries stand in the log, their bodies taken out or not."""
    return {row[0] for row in await connection.fetch(_ENTERED, list(entry_ids))}


async def last_act(connection: asyncpg.Connection, seal: ClientSeal, client_id: str) -> int:
    """Number of the last act on a client that stands in the log; 0 when there is none."""
    last = 0
    while True:
        ids = {seal.act_id(client_id, act): act for act in range(last + 1, last + 1 + _AT_ONCE)}
        found = await entered(connection, ids)
        if not found:
            return last
        last = max(ids[entry_id] for entry_id in found)


def write_day(day: date | None) -> str | None:
    """A day as it is sealed."""
    return None if day is None else day.isoformat() + _ERA


def read_day(text: str | None) -> date | None:
    """A day that was sealed.

    Raises:
        ValueError: when it is none.
    """
    return None if text is None else date.fromisoformat(text.removesuffix(_ERA))


def write_instant(at: datetime) -> str:
    """An instant as it is sealed, UTC to the microsecond."""
    return at.astimezone(UTC).strftime(_INSTANT) + _ERA


def _read_instant(text: str) -> datetime:
    return datetime.strptime(text, _INSTANT + _ERA).replace(tzinfo=UTC)
