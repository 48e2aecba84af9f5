"""Notices (告知书): what subjects and source units are told about cases and records, as a feed for each.

- A notice is written in the transaction of the act that it tells of, from the template in force at that moment; a
  later change of the template does not change what was told.
- Its text is sealed under the subject's data key, bound to the notice. Erasing that key erases it.
- Places in a feed are sizes of the log, read under its lock, so that a reader who pages by them misses nothing.
- Whoever reads a notice may mark it as read; the first mark stays, and is recorded.
- Nobody is told what its own institution has done.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import asyncpg
import orjson

from hub.audit.entry import Entry, EntryOutcome, Kind, SubjectPart, new_entry_id
from hub.audit.log import AuditLog
from hub.audit.store import LOG_ID
from hub.catalog.types import Label
from hub.clock import civil_date
from hub.errors import InputError
from hub.keys.cache import DataKeyCache
from hub.keys.sealing import DataKey, Sealer, aad_prefix
from hub.lifecycle.case import Actor, Capacity, RecordName
from hub.lifecycle.desk import Session
from hub.policies.model import PolicySet
from hub.policies.notices import NoticeTemplate
from hub.store.database import Database

START = (-1, "")
"""The place before the first notice."""
_KEYS = 1_000
_PLACE = "notice"
_POSITION = "SELECT size FROM log_state WHERE log_id = $1 FOR UPDATE"
_UNIT = "SELECT source_unit FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"
_ADD = """INSERT INTO notice (subject_id, notice_id, recipient, position, code, case_id, dataset, record_id, at, sealed)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING notice_id"""
_COLUMNS = """n.subject_id, n.notice_id, n.recipient, n.position, n.code, n.case_id, n.dataset, n.record_id, n.at,
    n.sealed, n.read_at, s.kek_id, s.wrapped_key FROM notice n JOIN subject s USING (subject_id)
    WHERE s.wrapped_key IS NOT NULL AND n.recipient = $1"""
_FEED = f"""SELECT {_COLUMNS} AND ($2::bytea IS NULL OR n.subject_id = $2)
    AND (n.position, n.notice_id) > ($3, $4) AND (NOT $5 OR n.read_at IS NULL)
    ORDER BY n.position, n.notice_id LIMIT $6"""
_ONE = f"SELECT {_COLUMNS} AND ($2::bytea IS NULL OR n.subject_id = $2) AND n.notice_id = $3"
_READ = """UPDATE notice SET read_at = $3, read_by = $4
    WHERE subject_id = $1 AND notice_id = $2 AND read_at IS NULL RETURNING notice_id"""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice as its recipient reads it."""

    notice_id: str
    code: str
    record: RecordName
    case_id: str
    """Empty when it is about a record and no case."""
    title: Label
    text: Label
    at: datetime
    position: int
    read_at: datetime | None


class NoticeService:
    """Notices of one hub."""

    def __init__(
        self, database: Database, log: AuditLog, sealer: Sealer, titles: Mapping[str, Label]
    ) -> None:
        """Set up.

        Args:
            database: where notices lie.
            log: gives places in the feed, and records that a notice was read.
            sealer: opens data keys.
            titles: names of datasets by id.
        """
        self.database = database
        self._log = log
        self.keys = DataKeyCache(sealer, _KEYS)
        self._titles = titles

    async def tell(self, connection: asyncpg.Connection, session: Session) -> None:
        """Write the notices of the act that a session has done; the log is locked from here to the commit."""
        case, event, policy = session.case, session.done, session.moment.policy
        assert event is not None
        code = f"{case.kind}.{event.act}".lower()
        templates = policy.notices.templates
        template = templates.get(f"{code}.{case.state.lower()}") or templates.get(code)
        if template is None:
            return
        name = case.record
        unit: str = await connection.fetchval(_UNIT, name.subject_id, name.dataset, name.record_id) or ""
        values: dict[str, str | date | Label] = {
            "day": session.moment.today,
            "reason": policy.notices.reason(event.reason) if event.reason else "—",
        }
        if case.due_on:
            values["due"] = case.due_on
        position = await self.position(connection)
        for audience in template.recipients:
            recipient = "" if audience == "SUBJECT" else unit
            if audience == "SOURCE_UNIT" and recipient in ("", session.actor.institution):
                continue
            await self.put(
                connection, session.key, name, template, values, "n_" + secrets.token_urlsafe(16),
                recipient=recipient, case_id=case.case_id, position=position, now=session.moment.now,
            )  # fmt: skip

    async def position(self, connection: asyncpg.Connection) -> int:
        """The place in the feeds of what is written now; locks the log to the commit."""
        return int(await connection.fetchval(_POSITION, LOG_ID) or 0)

    async def put(
        self,
        connection: asyncpg.Connection,
        key: DataKey,
        name: RecordName,
        template: NoticeTemplate,
        values: Mapping[str, str | date | Label],
        notice_id: str,
        *,
        recipient: str,
        case_id: str,
        position: int,
        now: datetime,
    ) -> bool:
        """Write one notice; False when it is there already.

        Args:
            connection: in a transaction, after `position`.
            key: the subject's data key.
            name: of the record.
            template: what is told.
            values: for the placeholders.
            notice_id: id; the same id is told once.
            recipient: USCC of an institution; empty: the subject.
            case_id: of the case; empty when there is none.
            position: from `position`.
            now: the instant of the act.
        """
        dataset = self._titles.get(name.dataset) or Label(name.dataset, name.dataset)
        title, text = template.fill({"dataset": dataset, **values})
        plain = orjson.dumps([title.zh, title.en, text.zh, text.en])
        sealed = key.seal(_aad(name.subject_id, notice_id), plain)
        added = await connection.fetchval(
            _ADD, name.subject_id, notice_id, recipient, position, template.code, case_id, name.dataset,
            name.record_id, now, sealed,
        )  # fmt: skip
        return added is not None

    async def feed(
        self, actor: Actor, after: tuple[int, str], limit: int, *, unread: bool = False
    ) -> list[Notice]:
        """What an actor was told after a place, oldest first.

        Raises:
            InputError: when the actor is neither a subject nor a source unit.
            SealError: when a text does not open.
        """
        whose = _whose(actor)
        async with self.database.connection() as connection:
            rows = await connection.fetch(_FEED, *whose, *after, unread, limit)
        return [self._notice(row) for row in rows]

    async def read(self, notice_id: str, actor: Actor, policy: PolicySet, now: datetime) -> Notice:
        """Mark a notice as read.

        Raises:
            InputError: when the actor has no such notice.
            UnavailableError: when database or log cannot take it; it is unread then.
        """
        whose = _whose(actor)
        async with self.database.connection() as connection, connection.transaction():
            row = await connection.fetchrow(_ONE, *whose, notice_id)
            if row is None:
                raise InputError(
                    "There is no notice of this id.",
                    hint="`notices` lists yours.",
                    message_zh="没有该编号的告知书。",
                )
            if await connection.fetchval(_READ, row["subject_id"], notice_id, now, actor.client_id):
                await self._log.append_in(connection, [_entry(row, actor, policy, now)])
            row = await connection.fetchrow(_ONE, *whose, notice_id)
        return self._notice(row)

    def _notice(self, row: Any) -> Notice:
        key = self.keys.open(row["subject_id"], row["kek_id"], row["wrapped_key"])
        aad = _aad(row["subject_id"], row["notice_id"])
        title_zh, title_en, text_zh, text_en = orjson.loads(key.unseal(aad, row["sealed"]))
        return Notice(
            row["notice_id"], row["code"], RecordName(row["subject_id"], row["dataset"], row["record_id"]),
            row["case_id"], Label(title_zh, title_en), Label(text_zh, text_en), row["at"], row["position"],
            row["read_at"],
        )  # fmt: skip


def _whose(actor: Actor) -> tuple[str, bytes | None]:
    if actor.capacity is Capacity.SUBJECT and actor.subject_id is not None:
        return "", actor.subject_id
    if actor.capacity is Capacity.SOURCE_UNIT and actor.institution:
        return actor.institution, None
    raise InputError(
        "Notices are for subjects and source units.",
        hint="`dueCases` lists what is to be done.",
        message_zh="告知书仅面向主体和数据源单位。",
    )


def _aad(subject_id: bytes, notice_id: str) -> bytes:
    return aad_prefix(subject_id, _PLACE, notice_id.encode(), 1) + b"text"


def _entry(row: Any, actor: Actor, policy: PolicySet, now: datetime) -> Entry:
    return Entry(
        new_entry_id(), now, Kind.ADMIN, EntryOutcome.DONE, actor.client_id, institution=actor.institution,
        operator=actor.operator, purpose=actor.purpose, operation="lifecycle.notice.read", policy=policy.revision,
        subjects=(SubjectPart(row["subject_id"], EntryOutcome.DONE),),
        detail={"notice": row["notice_id"], "code": row["code"], "day": civil_date(now).isoformat()},
    )  # fmt: skip
