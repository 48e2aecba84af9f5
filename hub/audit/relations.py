"""The declarations of avoidance (回避申报): of which subjects a person acting must stand aside.

- An institution declares, for a person acting of its own, that a subject is a relative, a neighbour or of the same
  household, of other interest to it, or the person itself. The log holds no kinship; nothing is unsealed to find it.
- It holds pseudonyms alone: of the person as entries name it, and of the subject. Index keys do not rotate, so a
  pseudonym that was declared stays the one in entries, as with the watch list.
- Whether there is such a subject, or such a person, is neither asked nor told.
- Declaring and ending are administrative acts, each one transaction with one entry; rows are ended, never deleted, and
  `hub.audit.relation_check` holds them to the log.
- The person concerned does not end its own declaration at its institution; another, who is named, does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, subject_ref
from hub.audit.log import AuditLog
from hub.clock import CST, civil_date
from hub.errors import InputError
from hub.policies.detections import RelationKind
from hub.store.database import Database

PREFIX = "audit.relation."
DECLARE, END = PREFIX + "declare", PREFIX + "end"
MOST = 20_000
"""Declarations in force of one institution."""
LONGEST = timedelta(days=3_660)
"""How far ahead the last day may lie; what has no end has none."""
_COLUMNS = "relation_id, institution, person, subject_id, kind, since, until, client_id, ended_at"
_ID = re.compile(r"dr_[0-9a-f]{32}")
_QUEUE = "SELECT pg_advisory_xact_lock(hashtextextended('relation:' || $1, 0))"
_COUNT = """
SELECT count(*) FROM audit_relation WHERE institution = $1 AND ended_at IS NULL AND (until IS NULL OR until >= $2)
"""
_COVERED = """
SELECT EXISTS (SELECT FROM audit_relation
  WHERE institution = $1 AND person = $2 AND subject_id = $3 AND kind = $4 AND ended_at IS NULL
    AND (until IS NULL OR until >= $5))
"""
"""Whether one is in force that lasts at least to a day, or without an end where none is given."""
_ADD = """
INSERT INTO audit_relation
  (relation_id, institution, person, subject_id, kind, since, until, client_id, declared_by, declared_entry)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
"""
_GET = f"SELECT {_COLUMNS} FROM audit_relation WHERE relation_id = $1 AND ended_at IS NULL FOR UPDATE"  # noqa: S608
_END = """
UPDATE audit_relation SET ended_at = $2, ended_by = $3, ended_entry = $4 WHERE relation_id = $1
"""
_LIST = f"""
SELECT {_COLUMNS} FROM audit_relation WHERE ($1 = '' OR institution = $1)
  AND ($2::text IS NULL
    OR (since, relation_id) < (SELECT l.since, l.relation_id FROM audit_relation l
      WHERE l.relation_id = $2 AND ($1 = '' OR l.institution = $1)))
ORDER BY since DESC, relation_id DESC LIMIT $3
"""  # noqa: S608
_OF = f"SELECT {_COLUMNS} FROM audit_relation WHERE person = ANY($1::text[])"  # noqa: S608


class Declarer(NamedTuple):
    """Who declares or ends."""

    client_id: str
    institution: str
    """USCC; empty at the command line, which acts for any."""
    operator: str
    """Pseudonym of the person who acts; empty when none is named."""
    purpose: str
    policy: str
    """Revision in force."""


@dataclass(frozen=True, slots=True)
class Relation:
    """One declaration."""

    relation_id: str
    institution: str
    """USCC; whose person it is."""
    person: str
    """Pseudonym of the person acting, as in entries."""
    subject: str
    """Pseudonym of whom the person stands aside from."""
    kind: RelationKind
    since: datetime
    until: date | None
    """Last civil day; None: until it is ended."""
    client_id: str
    """Who declared it."""
    ended_at: datetime | None

    def covers(self, at: datetime, after_days: int = 0) -> bool:
        """Whether it counts at an instant: from its declaration to its end, and so many days longer."""
        ends = [end for end in (self.ended_at, _end_of(self.until)) if end is not None]
        return self.since <= at and (not ends or at < min(ends) + timedelta(days=after_days))


class Declared(NamedTuple):
    """What is to be declared."""

    institution: str
    person: str
    subject_id: bytes
    kind: RelationKind
    until: date | None = None


async def declare(
    database: Database, log: AuditLog, by: Declarer, declared: Declared, now: datetime
) -> Relation:
    """Declare a relation; it counts from now on.

    Args:
        database: where the register lies.
        log: takes the entry.
        by: who declares.
        declared: what.
        now: the instant.

    Raises:
        InputError: when it is declared for as long already, its last day has passed or is too far ahead, or the
            institution has declared too many.
        UnavailableError: when database or log cannot take it; nothing was changed then.
    """
    institution, person, subject_id, kind, until = declared
    today = civil_date(now)
    if until is not None and not today <= until <= today + LONGEST:
        raise InputError(
            "The last day has passed, or lies more than ten years ahead.",
            hint="Write a day from today on, or none.",
            message_zh="截止日期已过，或在十年以后。",
        )
    relation_id = "dr_" + os.urandom(16).hex()
    detail = {
        "relation": relation_id, "kind": kind.value, "of": institution, "person": person,
        "until": until.isoformat() if until else "",
    }  # fmt: skip
    entry = _entry(by, DECLARE, now, detail, subject_id)
    async with database.connection() as connection, connection.transaction():
        await connection.execute(_QUEUE, institution)
        if int(await connection.fetchval(_COUNT, institution, today)) >= MOST:
            raise InputError(
                f"The institution has {MOST:,} declarations in force already.",
                hint="End those that do not hold any more.",
                message_zh=f"该机构的有效回避申报已达 {MOST} 件。",
            )
        if await connection.fetchval(_COVERED, institution, person, subject_id, kind.value, until):
            raise InputError(
                "This relation is declared already, for at least as long.",
                hint="`declaredRelations` lists them; end it first to let it end earlier.",
                message_zh="该回避关系已经申报，且期限不短于此。",
            )
        await connection.execute(
            _ADD, relation_id, institution, person, subject_id, kind.value, now, until, by.client_id, by.operator,
            entry.entry_id,
        )  # fmt: skip
        await log.append_in(connection, [entry])
    return Relation(
        relation_id, institution, person, subject_ref(subject_id), kind, now, until, by.client_id, None
    )


async def end(database: Database, log: AuditLog, by: Declarer, relation_id: str, now: datetime) -> None:
    """End a declaration; detection rules may count it for some days more.

    Raises:
        InputError: when there is none of this id that the institution may end, whatever the reason; or when the
            person concerned, or nobody by name, would end it.
        UnavailableError: when database or log cannot take it; nothing was changed then.
    """
    async with database.connection() as connection, connection.transaction():
        row = await connection.fetchrow(_GET, relation_id) if _ID.fullmatch(relation_id) else None
        if row is None or by.institution not in ("", row["institution"]):
            raise InputError(
                "There is no such declaration in force of your institution.",
                hint="`declaredRelations` lists them.",
                message_zh="本机构没有该项有效的回避申报。",
            )
        if by.institution and by.operator in ("", row["person"]):
            raise InputError(
                "A declaration is ended by another person than the one it is about, who is named.",
                hint="Name that person as `operator` in the token's authorization_details.",
                message_zh="回避申报须由本人以外的经办人撤销，请在令牌的 operator 中写明。",
            )
        detail = {
            "relation": relation_id, "kind": row["kind"], "of": row["institution"], "person": row["person"],
        }  # fmt: skip
        entry = _entry(by, END, now, detail, row["subject_id"])
        await connection.execute(_END, relation_id, now, by.operator or by.client_id, entry.entry_id)
        await log.append_in(connection, [entry])


async def list_relations(
    database: Database, institution: str, *, limit: int, after: str | None = None
) -> list[Relation]:
    """Declarations, ended ones too, the newest first.

    Args:
        database: where the register lies.
        institution: whose; empty: of all.
        limit: at most so many.
        after: id of the last one of the page before.

    Raises:
        UnavailableError: when the database is away.
    """
    if after is not None and not _ID.fullmatch(after):
        return []
    async with database.connection() as connection:
        return [_relation(row) for row in await connection.fetch(_LIST, institution, after, limit)]


Relations = Mapping[tuple[str, str, str], Sequence[Relation]]
"""By institution, person and subject."""


async def relations_of(connection: asyncpg.Connection, persons: Iterable[str]) -> Relations:
    """All declarations about these persons acting, by their pseudonyms."""
    found: dict[tuple[str, str, str], list[Relation]] = {}
    for row in await connection.fetch(_OF, sorted(set(persons))):
        relation = _relation(row)
        found.setdefault((relation.institution, relation.person, relation.subject), []).append(relation)
    return found


def _relation(row: Any) -> Relation:
    return Relation(
        row["relation_id"], row["institution"], row["person"], subject_ref(row["subject_id"]),
        RelationKind(row["kind"]), row["since"], row["until"], row["client_id"], row["ended_at"],
    )  # fmt: skip


def _end_of(day: date | None) -> datetime | None:
    """The first instant after a civil day."""
    if day is None or day.year == date.max.year:
        return None
    return datetime(day.year, day.month, day.day, tzinfo=CST) + timedelta(days=1)


def _entry(by: Declarer, act: str, now: datetime, detail: Mapping[str, object], subject_id: bytes) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, by.client_id, institution=by.institution,
        operator=by.operator, purpose=by.purpose, operation=act, policy=by.policy, detail=detail,
        subjects=(SubjectPart(subject_id, EntryOutcome.DONE),),
    )  # fmt: skip
