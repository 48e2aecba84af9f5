"""The officer's list: entries that match a filter, newest first, with the last index as cursor.

No entry holds a field's value. Reading the log is itself an operation that its caller logs (`Kind.AUDIT_READ`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from hub.audit.archived import archived_among
from hub.audit.entry import read_body, subject_ref
from hub.audit.review_filter import EntryFilter
from hub.audit.review_read import SECONDS, reading, rows
from hub.store.database import Database

MAX_LIMIT = 1000
"""The longest page; one line more may be asked for, to know whether another follows."""
_ONE = """SELECT idx, at, kind, outcome, caller, purpose, subjects, entry_id, body FROM log_entry
    WHERE log_id = 0 AND idx = $1"""
_BY_ID = "SELECT idx FROM log_entry WHERE log_id = 0 AND entry_id = $1 LIMIT 1"


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
    database: Database,
    wanted: EntryFilter,
    *,
    limit: int = 50,
    before: int | None = None,
    seconds: float = SECONDS,
) -> list[ListedEntry]:
    """Entries that match, newest first.

    Args:
        database: where the log lies.
        wanted: the filter.
        limit: at most this many, up to 1001.
        before: only entries with a smaller index; the cursor.
        seconds: longest time.

    Raises:
        InputError: when it would take longer.
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    most, found = max(1, min(limit, MAX_LIMIT + 1)), list[ListedEntry]()
    async with reading(database, seconds) as connection:
        async for row in rows(connection, wanted, before):
            listed = _listed(row)
            if listed.body is None or wanted.matches(listed.body):
                found.append(listed)
                if len(found) == most:
                    break
    return await _told(database, found)


async def find_entry(database: Database, name: int | str) -> ListedEntry | None:
    """One entry by index or id; None when there is none.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        index = name if isinstance(name, int) else await connection.fetchval(_BY_ID, name)
        row = await connection.fetchrow(_ONE, index)
    return None if row is None else (await _told(database, [_listed(row)]))[0]


async def _told(database: Database, found: list[ListedEntry]) -> list[ListedEntry]:
    """The entries, of which those without a body say whether it was archived."""
    gone = [(entry.index, entry.kind, entry.at) for entry in found if entry.body is None]
    archived = await archived_among(database, gone)
    return [replace(entry, archived=True) if entry.index in archived else entry for entry in found]


def _listed(row: Any) -> ListedEntry:
    subjects = tuple(subject_ref(s) for s in row["subjects"])
    body = read_body(row["body"]) if row["body"] is not None else None
    return ListedEntry(
        row["idx"], row["at"], row["kind"], row["outcome"], row["caller"], row["purpose"], subjects,
        row["entry_id"], body,
    )  # fmt: skip
