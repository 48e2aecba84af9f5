"""The officer's list of entries, newest first, with the last index as cursor.

It cannot show a field's value: there is none in the log. Reading the log is itself an operation that its caller
logs (`Kind.AUDIT_READ`). What the subject sees is `hub.audit.ledger`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Text, cast, func, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from hub.audit.archived import archived_among
from hub.audit.entry import EntryOutcome, Kind, read_body, subject_ref
from hub.audit.store import LOG_ID
from hub.errors import UnavailableError
from hub.store.database import TRANSIENT, Database
from hub.store.tables import log_entry

MAX_LIMIT = 1000
_AT_ONCE = 4
"""Rows fetched together: the entry of a thousand subjects is megabytes long."""

View = TypeVar("View")


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What the officer looks for; parts that are None do not narrow."""

    subject_id: bytes | None = None
    caller: str | None = None
    purpose: str | None = None
    outcome: EntryOutcome | None = None
    kind: Kind | None = None
    reason: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    """First instant that is no longer wanted."""

    def conditions(self) -> list[ColumnElement[bool]]:
        """The filter over the log's table."""
        c = log_entry.c
        wanted: list[ColumnElement[bool]] = [c.log_id == LOG_ID]
        if self.subject_id is not None:
            wanted.append(c.subjects.contains([self.subject_id]))
        for column, value in (
            (c.caller, self.caller),
            (c.purpose, self.purpose),
            (c.outcome, self.outcome),
            (c.kind, self.kind),
        ):
            if value is not None:
                wanted.append(column == str(value))
        if self.reason is not None:
            wanted.append(_reason() == self.reason)
        if self.since is not None:
            wanted.append(c.at >= self.since)
        if self.until is not None:
            wanted.append(c.at < self.until)
        return wanted


@dataclass(frozen=True, slots=True)
class ListedEntry:
    """One line of the officer's list."""

    index: int
    at: datetime
    kind: str
    outcome: str
    caller: str
    purpose: str
    subjects: tuple[str, ...]
    """Pseudonyms, `sub_` and hex."""
    entry_id: str
    body: Mapping[str, Any] | None
    """The whole entry; None once it is withheld or archived."""
    archived: bool = False
    """Whether the body went because its time was over."""


async def list_entries(
    database: Database, wanted: EntryFilter, *, limit: int = 50, before: int | None = None
) -> list[ListedEntry]:
    """Entries that match, newest first.

    Args:
        database: where the log lies.
        wanted: the filter.
        limit: at most this many, up to 1000.
        before: only entries with a smaller index; the cursor.

    Raises:
        UnavailableError: when the database is away.
    """
    found = await _rows(database, wanted, limit, before, _listed)
    gone = [(entry.index, entry.kind, entry.at) for entry in found if entry.body is None]
    archived = await archived_among(database, gone)
    return [replace(entry, archived=True) if entry.index in archived else entry for entry in found]


async def _rows(
    database: Database, wanted: EntryFilter, limit: int, before: int | None, view: Callable[[Any], View]
) -> list[View]:
    """What `view` makes of each entry; only a few of them are held at a time."""
    conditions = wanted.conditions()
    if before is not None:
        conditions.append(log_entry.c.idx < before)
    query = select(log_entry).where(*conditions).order_by(log_entry.c.idx.desc())
    try:
        async with database.engine.connect() as connection:
            query = query.limit(max(1, min(limit, MAX_LIMIT))).execution_options(yield_per=_AT_ONCE)
            return [view(row) async for row in await connection.stream(query)]
    except (DBAPIError, *TRANSIENT) as error:
        raise UnavailableError("The audit log is not reachable.", hint="Try again shortly.") from error


def _reason() -> ColumnElement[str]:
    body: ColumnElement[Any] = cast(func.convert_from(log_entry.c.body, "UTF8").cast(Text), JSONB)
    reason: ColumnElement[str] = body["reason"].astext
    return reason


def _listed(row: Any) -> ListedEntry:
    subjects = tuple(subject_ref(s) for s in row.subjects)
    body = read_body(row.body) if row.body is not None else None
    return ListedEntry(
        row.idx, row.at, row.kind, row.outcome, row.caller, row.purpose, subjects, row.entry_id, body
    )
