"""Holds (保全): a record that litigation or an investigation needs is neither deleted nor put into the archive.

- The unit that supplied the record, or the operator, places and releases them, each naming the case by its number.
- A record may have several holds; it is free when all are released. A hold shows nothing and hides nothing.
- A hold may name a day of review. Holds in force are listed, those with the next day of review first, so that none
  is forgotten.
"""

from __future__ import annotations

import secrets
import unicodedata
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.errors import InputError
from hub.lifecycle import records
from hub.lifecycle.case import Actor, Capacity, RecordName
from hub.lifecycle.moment import Moment
from hub.model.resident_ids import holds_resident_id
from hub.store.database import Database

_MOST_CHARS = 200
_PLACE = """INSERT INTO record_hold (subject_id, dataset, record_id, hold_id, kind, reference, review_on, placed_at,
    placed_by)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)"""
_COLUMNS = "h.subject_id, h.dataset, h.record_id, h.hold_id, h.kind, h.reference, h.review_on, h.placed_at"
_FIND = f"""SELECT {_COLUMNS} FROM record_hold h
    JOIN record r USING (subject_id, dataset, record_id)
    WHERE h.hold_id = $1 AND h.released_at IS NULL AND ($2::text IS NULL OR r.source_unit = $2) FOR UPDATE OF h"""  # noqa: S608
_LIST = f"""SELECT {_COLUMNS} FROM record_hold h JOIN record r USING (subject_id, dataset, record_id)
    WHERE h.released_at IS NULL AND ($1::text IS NULL OR r.source_unit = $1) AND ($2::date IS NULL OR h.review_on <= $2)
      AND (coalesce(h.review_on, $3), h.hold_id) > ($4, $5)
    ORDER BY coalesce(h.review_on, $3), h.hold_id LIMIT $6"""  # noqa: S608
_RELEASE = "UPDATE record_hold SET released_at = $2, released_by = $3 WHERE hold_id = $1"


START = (date.min, "")
"""The place before the first hold of a list."""


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
    reference: str
    """Number of the case that needs the record."""
    review_on: date | None
    """Civil day on which somebody looks whether it is still needed; None: no such day."""
    placed_at: datetime
    released_at: datetime | None = None

    @property
    def place(self) -> tuple[date, str]:
        """Where it stands in a list."""
        return self.review_on or date.max, self.hold_id

    def overdue(self, today: date) -> bool:
        """Whether its day of review has come."""
        return self.released_at is None and self.review_on is not None and self.review_on <= today


class HoldService:
    """Holds of one hub."""

    def __init__(self, database: Database, log: AuditLog) -> None:
        self._database = database
        self._log = log

    async def place(
        self,
        name: RecordName,
        kind: HoldKind,
        reference: str,
        actor: Actor,
        moment: Moment,
        review_on: date | None = None,
    ) -> Hold:
        """Hold a record.

        Raises:
            InputError: when there is no such record that the actor answers for, the case has no number, or the day
                of review is not to come.
            UnavailableError: when database or log cannot take it; nothing was done then.
        """
        reference = reference.strip()
        unfit = any(unicodedata.category(c)[0] == "C" or c in "\u2028\u2029" for c in reference)
        if not 0 < len(reference) <= _MOST_CHARS or unfit:
            raise InputError(
                "A hold names the case that needs the record.",
                hint=f"Give its number, at most {_MOST_CHARS} characters on one line.",
                message_zh="请填写案件编号。",
            )
        if holds_resident_id(reference):
            raise InputError(
                "The number of the case holds a number of a person.",
                hint="Give the number of the file alone.",
                message_zh="案件编号含公民身份号码。",
            )
        if review_on is not None and review_on <= moment.today:
            raise InputError(
                "The day of review is still to come.",
                hint="Give a day from tomorrow on, or none.",
                message_zh="复核日须晚于今日。",
            )
        async with self._database.connection() as connection, connection.transaction():
            await records.lock(connection, name)  # what is held is not deleted at the same moment
            record = await records.read(connection, name)
            if record is None or _unit(actor) not in (None, record.source_unit):
                raise _nothing()
            hold = Hold("h_" + secrets.token_urlsafe(16), name, kind, reference, review_on, moment.now)
            await connection.execute(
                _PLACE, name.subject_id, name.dataset, name.record_id, hold.hold_id, kind, reference, review_on,
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
            hold = replace(_hold(row), released_at=moment.now)
            await connection.execute(_RELEASE, hold_id, moment.now, actor.client_id)
            await self._log.append_in(connection, [_entry("release", hold, actor, moment)])
        return hold

    async def in_force(
        self,
        actor: Actor,
        moment: Moment,
        limit: int,
        *,
        after: tuple[date, str] = START,
        overdue: bool = False,
    ) -> list[Hold]:
        """Holds in force on records that the actor answers for, the next day of review first, those without last.

        Args:
            actor: a source unit (sees those on its own records) or the operator (sees all).
            moment: decides what is due.
            limit: at most so many.
            after: the place of the last hold of the page before.
            overdue: only those whose day of review has come.

        Raises:
            UnavailableError: when the database is away.
        """
        before = moment.today if overdue else None
        async with self._database.connection() as connection:
            rows = await connection.fetch(_LIST, _unit(actor), before, date.max, *after, limit)
        return [_hold(row) for row in rows]


def _hold(row: Any) -> Hold:
    name = RecordName(row["subject_id"], row["dataset"], row["record_id"])
    return Hold(
        row["hold_id"], name, HoldKind(row["kind"]), row["reference"], row["review_on"], row["placed_at"]
    )


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
