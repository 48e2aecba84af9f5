"""The watch list: subjects whose every reading is pointed out, because many are curious about them.

- It holds pseudonyms, since when, and who put them there; not who they are and not why.
- Adding and removing are administrative acts, each with its entry; the subject finds them in its ledger.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, subject_ref
from hub.audit.log import AuditLog
from hub.audit.reviewer import Reviewer
from hub.errors import InputError
from hub.store.database import Database

ADD, REMOVE = "audit.watch.add", "audit.watch.remove"
MOST = 10_000
"""Subjects on the list; more would be no watch list any more."""
_IDS = "SELECT subject_id FROM audit_watch"
_LIST = (
    "SELECT subject_id, since, client_id, person FROM audit_watch ORDER BY since DESC, subject_id LIMIT $1"
)
_COUNT = "SELECT count(*) FROM audit_watch"
_ADD = """
INSERT INTO audit_watch (subject_id, since, client_id, person) VALUES ($1, $2, $3, $4)
ON CONFLICT DO NOTHING RETURNING since
"""
_REMOVE = "DELETE FROM audit_watch WHERE subject_id = $1 RETURNING since"


@dataclass(frozen=True, slots=True)
class Watched:
    """One subject of the list."""

    subject: str
    """Pseudonym."""
    since: datetime
    client_id: str
    person: str


async def watched_subjects(connection: asyncpg.Connection) -> frozenset[str]:
    """The pseudonyms of the list."""
    return frozenset(subject_ref(row["subject_id"]) for row in await connection.fetch(_IDS))


async def list_watched(database: Database, limit: int) -> list[Watched]:
    """The list, the newest first.

    Raises:
        UnavailableError: when the database is away.
    """
    async with database.connection() as connection:
        rows = await connection.fetch(_LIST, limit)
    return [Watched(subject_ref(row[0]), row[1], row[2], row[3]) for row in rows]


async def watch(
    database: Database, log: AuditLog, reviewer: Reviewer, subject_id: bytes, now: datetime, *, on: bool
) -> None:
    """Put a subject on the list, or take it off.

    Whether there is such a subject is neither asked nor told: a pseudonym is watched that may never be read.

    Args:
        database: where the list lies.
        log: takes the entry.
        reviewer: who acts.
        subject_id: 16 bytes.
        now: the instant.
        on: whether to add; else to remove.

    Raises:
        InputError: when it is on the list already, is not on it, or the list is full.
        UnavailableError: when database or log cannot take it; nothing was changed then.
    """
    async with database.connection() as connection, connection.transaction():
        if on and int(await connection.fetchval(_COUNT)) >= MOST:
            raise InputError(
                f"The watch list holds {MOST:,} subjects already.",
                hint="Take off who is read like everybody else.",
                message_zh="关注名单已满。",
            )
        if on:
            changed = await connection.fetchval(_ADD, subject_id, now, reviewer.client_id, reviewer.person)
        else:
            changed = await connection.fetchval(_REMOVE, subject_id)
        if changed is None:
            raise InputError(
                "The watch list is so already.",
                hint="Look at it with `hub audit watch list`.",
                message_zh="关注名单已是如此。",
            )
        await log.append_in(
            connection,
            [act_entry(reviewer, ADD if on else REMOVE, now, {"person": reviewer.person}, (subject_id,))],
        )


def act_entry(
    reviewer: Reviewer,
    act: str,
    now: datetime,
    detail: Mapping[str, object],
    subjects: tuple[bytes, ...] = (),
) -> Entry:
    """The entry of an act of review.

    Args:
        reviewer: who acts.
        act: its name, for example `audit.case.open`.
        now: the instant.
        detail: ids, codes and counts, never values or texts.
        subjects: in whose ledgers it stands.
    """
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, reviewer.client_id, institution=reviewer.institution,
        operator=reviewer.operator, purpose="AUDIT_REVIEW", operation=act, policy=reviewer.policy, detail=detail,
        subjects=tuple(SubjectPart(s, EntryOutcome.DONE) for s in subjects),
    )  # fmt: skip
