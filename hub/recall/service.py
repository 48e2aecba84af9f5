"""Issuing recalls, giving them to their recipients, and closing them.

How a recall is issued
1. What changed and since when is read: a correction concerns those who saw a field that it changed; every other
   cause concerns all who got the record.
2. The log is searched for recipients, without holding anybody up.
3. The log is locked, and the few entries that came meanwhile are searched too: the recall names whoever the log
   names at that instant, none more and none fewer.
4. Recall and notices are stored, each signed for its recipient; the caller appends the entry and commits.

* Issued again for the same cause (and, for a correction, the same version), a recall names only those who got
  the record since; if there are none, nothing is issued. So an act may be repeated after any breakdown.
* An answer that was on its way while the record was recalled is found by the next sweep (`hub.recall.sweep`).
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import OPENED, Entry, EntryOutcome, Kind, SubjectPart, new_entry_id, record_ref
from hub.audit.log import AuditLog
from hub.clock import to_millis
from hub.errors import InputError
from hub.keys.cache import DataKeyCache
from hub.keys.ring import KeyRing
from hub.keys.signing import sign_document
from hub.recall import store
from hub.recall.changes import changed_fields
from hub.recall.notice import TERM, Cause, Notice, State, recall_body
from hub.recall.recipients import Recipients, Window, recipients_of
from hub.store.database import Database

FEED_START = (-1, "")
"""The place before the first notice of a feed."""
LIST_START = (-1, "", "")
"""The place before the first unclosed notice."""


class Issued(NamedTuple):
    """A recall that was stored and waits for its entry in the log."""

    recall_id: str
    institutions: tuple[str, ...]
    """Who is told; may be empty."""
    withheld: int
    """Entries of the log that no longer say which records they showed: they may hide further recipients."""
    entry: Entry
    """Append it with `AuditLog.append_in`, after everything else of the transaction."""


class _Scope(NamedTuple):
    """Whom a recall concerns."""

    version: int
    fields: frozenset[str] | None
    first: int
    """Index from which the log is searched."""
    until: datetime | None
    repeated: bool
    opened: int = 0
    """How many sealed values were opened, to tell what changed."""


class RecallService:
    """Recalls of one database."""

    def __init__(self, database: Database, log: AuditLog, ring: KeyRing) -> None:
        self._database = database
        self._log = log
        self._ring = ring
        self._keys = DataKeyCache(ring.sealer(), capacity=1_000)

    async def issue(
        self,
        connection: asyncpg.Connection,
        subject_id: bytes,
        dataset: str,
        record_id: bytes,
        cause: Cause,
        now: datetime,
        actor: str,
        *,
        keep_empty: bool = True,
    ) -> Issued | None:
        """Store a recall inside the caller's transaction, so that act and recall stand or fall together.

        Call it when the record already is as it will be. From here to the commit the log is locked: do nothing
        more than append `Issued.entry`, with the entry of the act, by `AuditLog.append_in`.

        Args:
            connection: in a transaction (read committed) that did what causes the recall.
            subject_id: whose record it is.
            dataset: dataset of the record.
            record_id: 16 bytes.
            cause: why.
            now: the instant of the act.
            actor: who acts, as the log names it.
            keep_empty: whether a first recall is stored also when nobody got the record.

        Returns:
            The recall; None when there is nobody to tell (any more).

        Raises:
            InputError: when there is no such record and nobody ever got it.
            VerificationError, SealError: when an entry or the record cannot be read.
        """
        record = (subject_id, dataset, record_id)
        before = await self._scope(connection, *record, cause)
        if before is None:
            return None
        size = await store.log_size(connection)
        found = await self._search(connection, record, before, before.first, size)
        if not found.found and not keep_empty:
            return None
        position = await store.log_size(connection, lock=True)
        scope = await self._scope(connection, *record, cause)
        if scope is None:
            return None
        if scope == before:
            found = found.with_later(await self._search(connection, record, scope, size, position))
        else:  # somebody else issued meanwhile
            found = await self._search(connection, record, scope, scope.first, position)
        if not found.found and (scope.repeated or not keep_empty):
            return None
        if not found.found and await store.current_version(connection, *record) is None:
            raise _no_record()
        return await self._store(connection, record, cause, scope, found, position, now, actor)

    async def issue_alone(
        self,
        subject_id: bytes,
        dataset: str,
        record_id: bytes,
        cause: Cause,
        now: datetime,
        actor: str,
        *,
        keep_empty: bool = True,
    ) -> Issued | None:
        """Issue a recall and its entry in a transaction of their own; arguments and errors as for `issue`.

        Raises:
            UnavailableError: when database or log cannot take it; nothing was issued then.
        """
        async with self._database.connection() as connection, connection.transaction():
            issued = await self.issue(
                connection, subject_id, dataset, record_id, cause, now, actor, keep_empty=keep_empty
            )
            if issued is not None:
                await self._log.append_in(connection, [issued.entry])
        return issued

    async def recipients(self, subject_id: bytes, dataset: str, record_id: bytes) -> Recipients:
        """Who got a record so far, for officers and operators.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection, connection.transaction(readonly=True):
            return await recipients_of(connection, subject_id, dataset, record_id)

    async def feed(
        self,
        institution: str,
        after: tuple[int, str] = FEED_START,
        limit: int = 50,
        *,
        unanswered: bool = False,
    ) -> list[Notice]:
        """What an institution is asked to do, oldest first; never a word about a record it did not get.

        Args:
            institution: USCC.
            after: position and recall id of the last notice that it read.
            limit: how many at most.
            unanswered: leave out what it has acknowledged.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            return await store.feed(connection, institution, after, limit, unanswered=unanswered)

    async def acknowledge(self, institution: str, recall_id: str, client: str, now: datetime) -> Notice:
        """Close an institution's notice: it did what was asked. The first acknowledgement stays.

        Args:
            institution: USCC.
            recall_id: id of the recall.
            client: client id that acknowledges.
            now: the instant.

        Raises:
            InputError: when the institution has no notice of this id.
            UnavailableError: when database or log cannot take it; the notice is open then.
        """
        async with self._database.connection() as connection, connection.transaction():
            done = await store.acknowledge(connection, institution, recall_id, now, client)
            notice = await store.own(connection, institution, recall_id)
            if notice is None:
                raise InputError(
                    "There is no recall of this id.",
                    hint="`recalls` lists yours.",
                    message_zh="没有该编号的召回通知。",
                )
            if done:
                detail = {"recall": recall_id, "state": notice.state(now).value, "late": notice.late}
                entry = _entry("recall.acknowledge", notice.subject_id, client, now, detail, institution)
                await self._log.append_in(connection, [entry])
        return notice

    async def unclosed(
        self,
        now: datetime,
        *,
        least: State = State.OPEN,
        after: tuple[int, str, str] = LIST_START,
        limit: int = 50,
    ) -> list[Notice]:
        """Notices that nobody acknowledged, in the order of their issue.

        Args:
            now: the instant at which states are computed.
            least: OVERDUE leaves out those within their term, ESCALATED all but the latest.
            after: position, recall id and institution of the last notice of the page before.
            limit: how many at most.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            return await store.unclosed(connection, now, least, after, limit)

    async def notices(self, recall_id: str) -> list[Notice]:
        """All notices of a recall, by institution; empty when there is none of this id or nobody was told.

        Raises:
            UnavailableError: when the database is away.
        """
        async with self._database.connection() as connection:
            return await store.of_recall(connection, recall_id)

    async def _scope(
        self, connection: asyncpg.Connection, subject_id: bytes, dataset: str, record_id: bytes, cause: Cause
    ) -> _Scope | None:
        """Whom a recall concerns; None: a correction that changed no field, or of a record that is no more."""
        last = await store.last_recall(connection, subject_id, dataset, record_id, cause)
        if cause is not Cause.CORRECTED:
            return _Scope(0, None, last.scanned if last else 0, None, repeated=last is not None)
        version = await store.current_version(connection, subject_id, dataset, record_id)
        if version is None and last is None:
            raise _no_record()
        if version is None:
            return None
        if last is not None and last.version == version:
            return _Scope(version, last.fields, last.scanned, last.issued_at, repeated=True)
        since = last.version if last is not None else 1
        found = await changed_fields(connection, self._keys, subject_id, dataset, record_id, since)
        if not found.fields:
            return None
        return _Scope(version, found.fields, 0, None, repeated=False, opened=found.opened)

    async def _search(
        self,
        connection: asyncpg.Connection,
        record: tuple[bytes, str, bytes],
        scope: _Scope,
        first: int,
        end: int,
    ) -> Recipients:
        window = Window(first, end, until=scope.until)
        return await recipients_of(connection, *record, window, shown=scope.fields)

    async def _store(
        self,
        connection: asyncpg.Connection,
        record: tuple[bytes, str, bytes],
        cause: Cause,
        scope: _Scope,
        found: Recipients,
        position: int,
        now: datetime,
        actor: str,
    ) -> Issued:
        subject_id, dataset, record_id = record
        recall_id = "r_" + secrets.token_urlsafe(16)
        recall = store.NewRecall(
            subject_id, recall_id, dataset, record_id, cause.value, scope.version,
            None if scope.fields is None else sorted(scope.fields), now, now + TERM, actor, position,
            found.withheld,
        )  # fmt: skip
        notices = self._notices(recall, cause, found, position)
        await store.add(connection, recall, position, notices)
        institutions = tuple(notice.institution for notice in notices)
        detail = {
            "recall": recall_id, "dataset": dataset, "record": record_ref(record_id), "cause": cause.value,
            "institutions": list(institutions), "due": to_millis(recall.due_at), "withheld": found.withheld,
            **({OPENED: scope.opened} if scope.opened else {}),
        }  # fmt: skip
        entry = _entry("recall.issue", subject_id, actor, now, detail)
        return Issued(recall_id, institutions, found.withheld, entry)

    def _notices(
        self, recall: store.NewRecall, cause: Cause, found: Recipients, position: int
    ) -> Sequence[Notice]:
        key = self._ring.notice.active
        place = (recall.dataset, recall.record_id, cause, recall.issued_at, recall.due_at, position)
        made = []
        for institution, received in found.by_institution().items():
            body = recall_body(
                recall.recall_id, recall.subject_id, recall.dataset, recall.record_id, cause.action,
                institution, received, recall.issued_at,
            )  # fmt: skip
            signed = sign_document(key, body)
            made.append(Notice(recall.subject_id, recall.recall_id, institution, *place, signed))
        return made


def _entry(
    act: str,
    subject_id: bytes,
    actor: str,
    now: datetime,
    detail: Mapping[str, Any],
    institution: str = "",
) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor, institution=institution,
        purpose="OPERATION", operation=act, subjects=(SubjectPart(subject_id, EntryOutcome.DONE),),
        detail=detail,
    )  # fmt: skip


def _no_record() -> InputError:
    return InputError(
        "There is no such record.",
        hint="Give subject, dataset and record id as a receipt shows them.",
        message_zh="没有该记录。",
    )
