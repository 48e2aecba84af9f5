"""Taking a record out of publication and putting it back: a new version of the record with another state.

- The version that was there goes to `record_history`, the next takes its place. Content and content hash stay, so
  a row that the source sends once more is still recognised.
- Sealed values are bound to their version, so they are sealed anew.
- The new version says which case made it: the case stands where the intake batch stood.
- Nobody waits for a lock here. When a source's correction lands at the same moment, one of the two gives up, whole.
- What is shown follows from state and dates at read time, and from nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum

import asyncpg
import orjson

from hub.errors import UnavailableError
from hub.keys.sealing import DataKey, aad_prefix
from hub.lifecycle.case import RecordName

_READ = """SELECT version, event_date, severity, state, visible_from, visible_until, source_unit FROM record
    WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"""
_CORRECTED = """SELECT EXISTS (
    SELECT 1 FROM record r JOIN record_history h USING (subject_id, dataset, record_id)
    WHERE r.subject_id = $1 AND r.dataset = $2 AND r.record_id = $3 AND h.version = $4
      AND h.content_hash <> r.content_hash)"""
_READ_SEALED = """SELECT sealed FROM record
    WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND version = $4"""
_KEEP = """INSERT INTO record_history (
    subject_id, dataset, record_id, version, edition, event_date, severity, severity_source, state, visible_from,
    visible_until, source_unit, batch_id, batch_row, received_at, replaced_at, content_hash, clear, sealed)
SELECT subject_id, dataset, record_id, version, edition, event_date, severity, severity_source, state, visible_from,
    visible_until, source_unit, batch_id, batch_row, received_at, $5, content_hash, clear, sealed
FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND version = $4
ON CONFLICT DO NOTHING"""
_REPLACE = """UPDATE record SET version = version + 1, state = $5, visible_until = $6, received_at = $7,
    batch_id = $8, batch_row = 0, sealed = $9
WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND version = $4"""


_LOCK = "SELECT 1 FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 FOR UPDATE"


class RecordState(StrEnum):
    """Whether a record may be published at all."""

    VALID = "VALID"
    REPAIRED = "REPAIRED"
    REVOKED = "REVOKED"
    ARCHIVED = "ARCHIVED"
    SHIELDED = "SHIELDED"


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What cases need to know of a record; nothing of its content."""

    name: RecordName
    version: int
    event_date: date
    severity: str | None
    state: RecordState
    visible_from: date | None
    visible_until: date | None
    source_unit: str

    def shown(self, today: date) -> bool:
        """Whether it is published on a day."""
        begun = self.visible_from is None or self.visible_from <= today
        return (
            self.state is RecordState.VALID
            and begun
            and (self.visible_until is None or today < self.visible_until)
        )


async def lock(connection: asyncpg.Connection, name: RecordName) -> None:
    """Hold a record until the transaction ends, if there is one of this name."""
    await connection.execute(_LOCK, name.subject_id, name.dataset, name.record_id)


async def read(connection: asyncpg.Connection, name: RecordName) -> RecordFacts | None:
    """The facts of a record; None when there is none."""
    row = await connection.fetchrow(_READ, name.subject_id, name.dataset, name.record_id)
    if row is None:
        return None
    return RecordFacts(
        name, row["version"], row["event_date"], row["severity"], RecordState(row["state"]), row["visible_from"],
        row["visible_until"], row["source_unit"],
    )  # fmt: skip


async def corrected_since(connection: asyncpg.Connection, name: RecordName, version: int) -> bool:
    """Whether a record says something else now than this version of it said."""
    found: bool = await connection.fetchval(
        _CORRECTED, name.subject_id, name.dataset, name.record_id, version
    )
    return found


async def change(
    connection: asyncpg.Connection,
    record: RecordFacts,
    key: DataKey,
    case_id: str,
    now: datetime,
    *,
    state: RecordState,
    visible_until: date | None,
) -> int:
    """Put a new version of a record in place of the one that was read, with another state.

    Args:
        connection: in a transaction.
        record: as it was read in this transaction.
        key: the subject's data key.
        case_id: of the case that decided it.
        now: the instant from which on the version holds.
        state: of the new version.
        visible_until: first civil day on which the new version is no longer shown; None: no end.

    Returns:
        How many sealed values were opened, to be sealed anew.

    Raises:
        UnavailableError: when somebody else changed the record meanwhile.
        SealError: when a sealed value does not open.
    """
    name, version = record.name, record.version
    place = (name.subject_id, name.dataset, name.record_id, version)
    kept = await connection.execute(_KEEP, *place, now)
    stored = await connection.fetchval(_READ_SEALED, *place)
    if kept != "INSERT 0 1" or stored is None:
        raise _changed()
    sealed, opened = _sealed_anew(key, record, stored)
    done = await connection.execute(_REPLACE, *place, state, visible_until, now, case_id, sealed)
    if done != "UPDATE 1":
        raise _changed()
    return opened


def _sealed_anew(key: DataKey, record: RecordFacts, stored: str) -> tuple[str, int]:
    name = record.name
    old = aad_prefix(name.subject_id, name.dataset, name.record_id, record.version)
    new = aad_prefix(name.subject_id, name.dataset, name.record_id, record.version + 1)
    fields: dict[str, str] = orjson.loads(stored)
    anew = {
        field: key.seal(new + field.encode(), key.unseal(old + field.encode(), token))
        for field, token in fields.items()
    }
    return orjson.dumps(anew).decode(), len(anew)


def _changed() -> UnavailableError:
    return UnavailableError(
        "The record was changed by somebody else at the same moment; nothing was done.",
        hint="Look at it again and repeat the act.",
        message_zh="该记录同时被他人变更，本次操作未生效，请核对后重试。",
    )
