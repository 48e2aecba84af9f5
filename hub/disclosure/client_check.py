"""The register of clients against the log: each client is as its last act left it, none is gone, none was added.

- A running hub closes by itself what was altered or set back (`hub.identity.clients`). This tells what has happened to
  the row, and finds clients that were deleted and rows whose act stands in no log, too.
- The entries rest on the log, which `hub audit verify` proves. An act whose body was pruned or withheld by rule is
  known by its id alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, NamedTuple

from hub.audit.entry import read_body
from hub.errors import VerificationError
from hub.identity import client_rows
from hub.identity.client_rows import StoredClient
from hub.keys.client_seal import ClientSeal
from hub.store.database import Database

_ACTS = """
SELECT body FROM log_entry WHERE log_id = 0 AND kind = 'ADMIN' AND body IS NOT NULL
  AND position(convert_to('"operation":"client.', 'UTF8') IN body) > 0 ORDER BY idx
"""
_ENTRIES = "SELECT entry_id, body FROM log_entry WHERE log_id = 0 AND entry_id = ANY($1::text[])"


class ClientProblem(StrEnum):
    """In what a row of the register differs from the log."""

    GONE = "GONE"
    """The log tells of a client that is not stored."""
    ADDED = "ADDED"
    """A row is stored that no process of the hub with this ring has written, or of whose act the log does not tell."""
    CHANGED = "CHANGED"
    """A row was changed after its last act."""
    SET_BACK = "SET_BACK"
    """A row is as the hub wrote it once, and the log knows a later act."""


class ClientMisfit(NamedTuple):
    """One difference."""

    client_id: str
    problem: ClientProblem


async def check_clients(database: Database, seal: ClientSeal) -> tuple[int, list[ClientMisfit]]:
    """How many clients are stored, and where they differ from the log.

    Args:
        database: where register and log lie.
        seal: of the ring that the clients were registered with.

    Raises:
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    async with (
        database.connection() as connection,
        connection.transaction(isolation="repeatable_read", readonly=True),
    ):
        rows = map(StoredClient.of, await connection.fetch(client_rows.SELECT))
        stored = {row.client_id: row for row in rows}
        logged = {_about(row["body"]) for row in await connection.fetch(_ACTS)}
        wanted = [seal.act_id(one.client_id, one.act + more) for one in stored.values() for more in (0, 1)]
        entries = dict(await connection.fetch(_ENTRIES, wanted))
    misfits = [ClientMisfit(client_id, ClientProblem.GONE) for client_id in logged - stored.keys()]
    for client_id, row in stored.items():
        problem = _problem(row, seal, entries, known=client_id in logged)
        if problem is not None:
            misfits.append(ClientMisfit(client_id, problem))
    return len(stored), sorted(misfits)


def _problem(
    row: StoredClient, seal: ClientSeal, entries: Mapping[str, bytes | None], *, known: bool
) -> ClientProblem | None:
    if not row.holds(seal):
        return ClientProblem.CHANGED if known else ClientProblem.ADDED
    if seal.act_id(row.client_id, row.act + 1) in entries:
        return ClientProblem.SET_BACK
    own = seal.act_id(row.client_id, row.act)
    if own not in entries:
        return ClientProblem.ADDED
    body = entries[own]
    return None if body is None or _state(body) == row.mac.hex() else ClientProblem.CHANGED


def _about(body: bytes) -> str:
    return str(_detail(body).get("client", ""))


def _state(body: bytes) -> Any:
    return _detail(body).get("state")


def _detail(body: bytes) -> Mapping[str, Any]:
    detail = read_body(body).get("detail", {})
    if not isinstance(detail, Mapping):
        raise VerificationError("An entry of an act on a client is none.", hint="Run `hub audit verify`.")
    return detail
