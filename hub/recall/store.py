"""Recalls and their notices in the database.

Places in the feed are sizes of the log, read under its lock: whoever issues holds that lock until the commit, so
places become visible in their order and a reader that pages by them misses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from hub.audit.store import LOG_ID
from hub.recall.notice import ESCALATE_AFTER, Cause, Notice, State

_LOCK = "SELECT size FROM log_state WHERE log_id = $1 FOR UPDATE"
_SIZE = "SELECT size FROM log_state WHERE log_id = $1"
_VERSION = "SELECT version FROM record WHERE subject_id = $1 AND dataset = $2 AND record_id = $3"
_LAST = """
SELECT version, fields, scanned, issued_at FROM recall
WHERE subject_id = $1 AND dataset = $2 AND record_id = $3 AND cause = $4 ORDER BY scanned DESC LIMIT 1
"""
_ADD = """
INSERT INTO recall (subject_id, recall_id, dataset, record_id, cause, version, fields, issued_at, due_at, actor,
                    scanned, withheld)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""
_ADD_NOTICES = """
INSERT INTO recall_notice (subject_id, recall_id, institution, position, document)
SELECT $1, $2, n.institution, $3, n.document FROM unnest($4::text[], $5::json[]) AS n(institution, document)
"""
_NOTICE = """
SELECT n.subject_id, n.recall_id, n.institution, r.dataset, r.record_id, r.cause, r.issued_at, r.due_at, n.position,
  n.document, n.acknowledged_at, n.acknowledged_by
FROM recall_notice n JOIN recall r ON r.subject_id = n.subject_id AND r.recall_id = n.recall_id
"""
_FEED = f"""{_NOTICE}
WHERE n.institution = $1 AND (n.position, n.recall_id) > ($2, $3) AND (NOT $4 OR n.acknowledged_at IS NULL)
ORDER BY n.position, n.recall_id LIMIT $5
"""
_OWN = f"{_NOTICE} WHERE n.institution = $1 AND n.recall_id = $2"
_ACKNOWLEDGE = """
UPDATE recall_notice SET acknowledged_at = $3, acknowledged_by = $4
WHERE institution = $1 AND recall_id = $2 AND acknowledged_at IS NULL RETURNING subject_id
"""
_UNCLOSED = f"""{_NOTICE}
WHERE n.acknowledged_at IS NULL AND r.due_at <= $1 AND (n.position, n.recall_id, n.institution) > ($2, $3, $4)
ORDER BY n.position, n.recall_id, n.institution LIMIT $5
"""
_OF_RECALL = f"{_NOTICE} WHERE n.recall_id = $1 ORDER BY n.institution"
_MOST = datetime.max


class Last(NamedTuple):
    """The last recall of a record for a cause."""

    version: int
    fields: frozenset[str] | None
    scanned: int
    issued_at: datetime


class NewRecall(NamedTuple):
    """A recall about to be stored; columns in the order of the table."""

    subject_id: bytes
    recall_id: str
    dataset: str
    record_id: bytes
    cause: str
    version: int
    """The version that a correction brought; 0 for other causes."""
    fields: list[str] | None
    issued_at: datetime
    due_at: datetime
    actor: str
    scanned: int
    """Size of the log up to which recipients were looked for."""
    withheld: int


async def log_size(connection: asyncpg.Connection, *, lock: bool = False) -> int:
    """Size of the log; with `lock`, nothing is appended by others until the transaction ends."""
    return int(await connection.fetchval(_LOCK if lock else _SIZE, LOG_ID) or 0)


async def current_version(
    connection: asyncpg.Connection, subject_id: bytes, dataset: str, record_id: bytes
) -> int | None:
    """The record's version; None when there is no such record."""
    found: int | None = await connection.fetchval(_VERSION, subject_id, dataset, record_id)
    return found


async def last_recall(
    connection: asyncpg.Connection, subject_id: bytes, dataset: str, record_id: bytes, cause: Cause
) -> Last | None:
    """The record's last recall for a cause."""
    row = await connection.fetchrow(_LAST, subject_id, dataset, record_id, cause.value)
    if row is None:
        return None
    fields = None if row["fields"] is None else frozenset(row["fields"])
    return Last(row["version"], fields, row["scanned"], row["issued_at"])


async def add(
    connection: asyncpg.Connection, recall: NewRecall, position: int, notices: Sequence[Notice]
) -> None:
    """Store a recall with its notices."""
    await connection.execute(_ADD, *recall)
    await connection.execute(
        _ADD_NOTICES, recall.subject_id, recall.recall_id, position,
        [notice.institution for notice in notices],
        [orjson.dumps(dict(notice.document)).decode() for notice in notices],
    )  # fmt: skip


async def feed(
    connection: asyncpg.Connection, institution: str, after: tuple[int, str], limit: int, *, unanswered: bool
) -> list[Notice]:
    """An institution's notices after a place of its feed, oldest first."""
    rows = await connection.fetch(_FEED, institution, *after, unanswered, limit)
    return [_notice(row) for row in rows]


async def own(connection: asyncpg.Connection, institution: str, recall_id: str) -> Notice | None:
    """An institution's notice of a recall; None when it got none."""
    row = await connection.fetchrow(_OWN, institution, recall_id)
    return None if row is None else _notice(row)


async def acknowledge(
    connection: asyncpg.Connection, institution: str, recall_id: str, now: datetime, client: str
) -> bool:
    """Close an institution's notice; False when it has none or has closed it before."""
    return await connection.fetchval(_ACKNOWLEDGE, institution, recall_id, now, client) is not None


async def unclosed(
    connection: asyncpg.Connection,
    now: datetime,
    least: State,
    after: tuple[int, str, str],
    limit: int,
) -> list[Notice]:
    """Notices that nobody acknowledged and that are at least so late, in the order of their issue."""
    late = {State.OVERDUE: now, State.ESCALATED: now - ESCALATE_AFTER}
    before = late.get(least, _MOST.replace(tzinfo=now.tzinfo))
    return [_notice(row) for row in await connection.fetch(_UNCLOSED, before, *after, limit)]


async def of_recall(connection: asyncpg.Connection, recall_id: str) -> list[Notice]:
    """All notices of a recall, by institution."""
    return [_notice(row) for row in await connection.fetch(_OF_RECALL, recall_id)]


def _notice(row: Any) -> Notice:
    return Notice(
        row["subject_id"], row["recall_id"], row["institution"], row["dataset"], row["record_id"],
        Cause(row["cause"]), row["issued_at"], row["due_at"], row["position"], orjson.loads(row["document"]),
        row["acknowledged_at"], row["acknowledged_by"],
    )  # fmt: skip
