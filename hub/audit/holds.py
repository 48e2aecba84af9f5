"""Holds on the log: entries that a case still needs keep their bodies when their time is over.

- A hold names a subject, a caller, months, or several of these; an entry is under it when all of them meet.
- Entries about a subject who has a record under hold (`hub.lifecycle.holds`) are kept as well.
- Placing and releasing are acts, each in one transaction with its entry; a hold is known by the index of that entry.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from hub.audit.columns import Row
from hub.audit.entry import Json, subject_ref
from hub.audit.log import AuditLog
from hub.audit.months import month_of
from hub.audit.withhold import EntryOf
from hub.errors import InputError
from hub.model.words import fit_words
from hub.store.database import Database

PLACE, RELEASE = "audit.hold", "audit.release"
LONGEST_REFERENCE = 100

_PLACE = """
INSERT INTO log_hold (log_id, act, subject_id, caller, since, until, reference, placed_at)
VALUES (0, $1, $2, $3, $4, $5, $6, $7)
"""
_IN_FORCE = """
SELECT act, subject_id, caller, since, until, reference, placed_at FROM log_hold
WHERE log_id = 0 AND released_at IS NULL ORDER BY act
"""
_RELEASE = """
UPDATE log_hold SET released_at = $2 WHERE log_id = 0 AND act = $1 AND released_at IS NULL RETURNING reference
"""
_SUBJECTS = "SELECT DISTINCT subject_id FROM record_hold WHERE released_at IS NULL"


_KNOWN = """
SELECT EXISTS (SELECT FROM client WHERE client_id = $1)
    OR EXISTS (SELECT FROM log_entry WHERE log_id = 0 AND caller = $1)
"""
"""A hold on a misspelt name would keep nothing, and nobody would see it before the bodies are gone."""


@dataclass(frozen=True, slots=True)
class Scope:
    """What a hold covers; parts that are empty do not narrow, and one is given."""

    subject_id: bytes | None = None
    caller: str = ""
    since: str = ""
    """First civil month."""
    until: str = ""
    """Last civil month."""

    def covers(self, row: Row) -> bool:
        """Whether an entry is under it."""
        month = month_of(row["at"])
        return (
            (self.subject_id is None or self.subject_id in row["subjects"])
            and (not self.caller or self.caller == row["caller"])
            and (not self.since or month >= self.since)
            and (not self.until or month <= self.until)
        )

    def said(self) -> dict[str, Json]:
        """As it goes into the entry."""
        subject = subject_ref(self.subject_id) if self.subject_id else ""
        named = {"subject": subject, "caller": self.caller, "since": self.since, "until": self.until}
        return {name: value for name, value in named.items() if value}


@dataclass(frozen=True, slots=True)
class LogHold:
    """A hold in force."""

    act: int
    """Index of the entry that placed it."""
    scope: Scope
    reference: str
    placed_at: datetime


class Held:
    """Everything that is under hold."""

    def __init__(self, holds: Sequence[LogHold], subjects: frozenset[bytes]) -> None:
        self._holds, self._subjects = frozenset(holds), subjects

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Held:
        """The holds in force."""
        subjects = frozenset(row["subject_id"] for row in await connection.fetch(_SUBJECTS))
        return cls(await holds_in_force(connection), subjects)

    def covers(self, row: Row) -> bool:
        """Whether an entry is under any hold."""
        return not self._subjects.isdisjoint(row["subjects"]) or any(h.scope.covers(row) for h in self._holds)

    def within(self, earlier: Held) -> bool:
        """Whether no hold is among these that was not among earlier ones."""
        return self._holds <= earlier._holds and self._subjects <= earlier._subjects


async def holds_in_force(connection: asyncpg.Connection) -> list[LogHold]:
    """All of them, oldest first."""
    return [_hold(row) for row in await connection.fetch(_IN_FORCE)]


async def place(
    database: Database, log: AuditLog, entry_of: EntryOf, scope: Scope, reference: str
) -> LogHold:
    """Place a hold.

    Raises:
        InputError: when it names nothing or a client that nobody knows, or has no reference.
        UnavailableError: when the database or the log cannot take it; nothing was changed.
    """
    if not scope.said() or (scope.since and scope.until and scope.since > scope.until):
        raise InputError(
            "The hold covers nothing.", hint="Name a subject, a caller, or months in their order.",
            message_zh="保全未指明范围。",
        )  # fmt: skip
    if not fit_words(reference, LONGEST_REFERENCE):
        raise InputError(
            "The reference is blank, too long, or holds control characters or a resident identity number.",
            hint=f"Give the number of the case, {LONGEST_REFERENCE} characters at most.",
            message_zh="案号为空、过长，或含控制字符、公民身份号码。",
        )
    entry = entry_of(PLACE, {"reference": reference.strip()} | scope.said())
    async with database.connection() as connection, connection.transaction():
        if scope.caller and not await connection.fetchval(_KNOWN, scope.caller):
            raise InputError(
                "There is no such client, and the log has no entry of one; nothing was put under hold.",
                hint="Take the id from `hub audit list` or `hub client list`.",
                message_zh="没有该客户端，未保全任何条目。",
            )
        done = (await log.append_in(connection, [entry]))[0]
        await connection.execute(
            _PLACE, done.index, scope.subject_id, scope.caller, scope.since, scope.until, reference.strip(), entry.at
        )  # fmt: skip
    return LogHold(done.index, scope, reference.strip(), entry.at)


async def release(database: Database, log: AuditLog, entry_of: EntryOf, act: int) -> int:
    """Release a hold; gives the index of the entry that says so.

    Raises:
        InputError: when no hold of this number is in force.
        UnavailableError: when the database or the log cannot take it; nothing was changed.
    """
    async with database.connection() as connection, connection.transaction():
        entry = entry_of(RELEASE, {"hold": act})
        if await connection.fetchval(_RELEASE, act, entry.at) is None:
            raise InputError(
                "No hold of this number is in force.", hint="Look with `hub audit holds`.",
                message_zh="没有此编号的有效保全。",
            )  # fmt: skip
        return (await log.append_in(connection, [entry]))[0].index


def _hold(row: Any) -> LogHold:
    scope = Scope(row["subject_id"], row["caller"], row["since"], row["until"])
    return LogHold(row["act"], scope, row["reference"], row["placed_at"])
