"""Holds (保全): a record that litigation or an investigation needs is neither deleted nor put into the archive.

- The unit that supplied the record, or the operator, places and releases them, each naming the case by its number.
- A record may have several holds; it is free when all are released. A hold shows nothing and hides nothing.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.errors import InputError
from hub.lifecycle import records
from hub.lifecycle.case import Actor, Capacity, RecordName
from hub.lifecycle.moment import Moment
from hub.store.database import Database

_MOST_CHARS = 200
_PLACE = """INSERT INTO record_hold (subject_id, dataset, record_id, hold_id, kind, reference, placed_at, placed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"""
_FIND = """SELECT h.subject_id, h.dataset, h.record_id, h.kind, h.placed_at FROM record_hold h
    JOIN record r USING (subject_id, dataset, record_id)
    WHERE h.hold_id = $1 AND h.released_at IS NULL AND ($2::text IS NULL OR r.source_unit = $2) FOR UPDATE OF h"""
_RELEASE = "UPDATE record_hold SET released_at = $2, released_by = $3 WHERE hold_id = $1"


class HoldKind(StrEnum):
    """Why a record is held."""

    LITIGATION = "LITIGATION"
    INVESTIGATION = "INVESTIGATION"


@dataclass(frozen=True, slots=True)
class Hold:
    """A hold on a record."""

    hold_id: str
    record: RecordName
    kind: HoldKind
    placed_at: datetime
    released_at: datetime | None = None


class HoldService:
    """Holds of one hub."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log

    async def place(
        self, name: RecordName, kind: HoldKind, reference: str, actor: Actor, moment: Moment
    ) -> Hold:
        """Hold a record.

        Raises:
            InputError: when there is no such record that the actor answers for, or the case has no number.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        if not 0 < len(reference.strip()) <= _MOST_CHARS:
            raise InputError(
                "A hold names the case that needs the record.",
                hint=f"Give its number, at most {_MOST_CHARS} characters.",
                message_zh="请填写案件编号。",
            )
        async with self._database.connection() as connection, connection.transaction():
            record = await records.read(connection, name)
            if record is None or _unit(actor) not in (None, record.source_unit):
                raise _nothing()
            hold = Hold("h_" + secrets.token_urlsafe(16), name, kind, moment.now)
            await connection.execute(
                _PLACE, name.subject_id, name.dataset, name.record_id, hold.hold_id, kind, reference.strip(),
                moment.now, actor.client_id,
            )  # fmt: skip
            await self._log.append_in(connection, [_entry("place", hold, actor, moment)])
        return hold

    async def release(self, hold_id: str, actor: Actor, moment: Moment) -> Hold:
        """Release a hold.

        Raises:
            InputError: when there is no such hold on a record that the actor answers for.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        async with self._database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(_FIND, hold_id, _unit(actor))
            if row is None:
                raise _nothing()
            name = RecordName(row["subject_id"], row["dataset"], row["record_id"])
            hold = Hold(hold_id, name, HoldKind(row["kind"]), row["placed_at"], moment.now)
            await connection.execute(_RELEASE, hold_id, moment.now, actor.client_id)
            await self._log.append_in(connection, [_entry("release", hold, actor, moment)])
        return hold


def _unit(actor: Actor) -> str | None:
    """The unit whose records the actor may hold; None: every unit's."""
    if actor.capacity is Capacity.OPERATOR:
        return None
    return actor.institution if actor.capacity is Capacity.SOURCE_UNIT else ""


def _entry(act: str, hold: Hold, actor: Actor, moment: Moment) -> Entry:
    name = hold.record
    return Entry(
        new_entry_id(), moment.now, Kind.ADMIN, EntryOutcome.DONE, actor.client_id,
        institution=actor.institution, operator=actor.operator, purpose=actor.purpose,
        operation=f"lifecycle.hold.{act}", policy=moment.policy.revision,
        subjects=(SubjectPart(name.subject_id, EntryOutcome.DONE),),
        detail={"hold": hold.hold_id, "dataset": name.dataset, "record": name.record_id.hex(), "kind": hold.kind},
    )  # fmt: skip


def _nothing() -> InputError:
    return InputError(
        "There is no such record or hold that you answer for.",
        hint="Name a record of your own unit, or a hold on one.",
        message_zh="没有您可以办理的该记录或保全。",
    )
