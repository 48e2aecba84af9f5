"""The log's statements. One connection of its own, so that a request that waits for the log cannot starve it.

The append is one statement. It takes effect only when the log still has the size the writer built on, every
consent it spends is still in force and every quota has the uses left that it counts; otherwise it changes
nothing. Locks are taken in this order everywhere: consents in key order, then the log's state row; rows of
quotas are written under the lock of the state only.

Why a quota is never overdrawn, although the statement reads the counts without locking them: a writer knows the
size it builds on from a commit that it has seen, so the snapshot of its statement, taken later, holds that commit.
Counts are changed only by statements that also raise the size and hold the state row until they commit, so commits
follow one another, and the snapshot holds all of them up to that size. If one came in between, the row has
another size when the writer gets it (READ COMMITTED looks at the row again after waiting), and the statement
changes nothing. So whoever wins the row has judged by all counts there are. The locked path reads them after it
has locked the row. Other than by appends, counts are only ever deleted, long after their window has ended.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
from sqlalchemy.engine import URL

from hub.audit.batch import Plan
from hub.audit.reservation import QuotaKey, QuotaUse, UseGroup
from hub.clock import to_millis
from hub.store.database import SESSION, asyncpg_arguments

LOG_ID = 0
CONNECT_SECONDS = 5.0
STATEMENT_SECONDS = 10.0
BY_INDEX = {"enable_seqscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off"}
"""Every row the writer touches is found by its key. Statements are planned once, often while tables are small; a
scan of the whole table, right then, would stay the plan while they grow."""

_TEMPLATE = """
WITH {quotas}wanted AS MATERIALIZED (
  SELECT * FROM unnest($7::bytea[], $8::text[], $9::int[], $10::int[], $11::timestamptz[], $12::timestamptz[])
    AS w(subject_id, consent_id, version, uses, earliest, latest)
), held AS MATERIALIZED (
  SELECT c.subject_id, c.consent_id
  FROM consent c JOIN wanted w ON c.subject_id = w.subject_id AND c.consent_id = w.consent_id
  WHERE c.status = 'ACTIVE' AND c.version = w.version AND c.valid_from <= w.earliest AND c.valid_to > w.latest
    AND (c.max_uses IS NULL OR c.used_count + w.uses <= c.max_uses)
  ORDER BY c.subject_id, c.consent_id FOR UPDATE OF c
), state AS (
  UPDATE log_state SET size = $2, root = $3, frontier = $4, checkpoint = $5, updated_at = $6
  WHERE log_id = 0 AND size = $1 AND (SELECT count(*) FROM held) = cardinality($7::bytea[]) {within}
  RETURNING log_id
), spent AS (
  UPDATE consent c SET used_count = c.used_count + w.uses FROM wanted w, state
  WHERE c.subject_id = w.subject_id AND c.consent_id = w.consent_id{count}
), added AS (
  INSERT INTO log_entry
    (log_id, idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id)
  SELECT state.log_id, $1 + e.n - 1, substring($13::bytea FROM (e.n::int - 1) * 32 + 1 FOR 32),
    convert_to(e.body, 'UTF8'), to_timestamp(e.at / 1000.0),
    e.kind, coalesce(e.caller, ''), coalesce(e.purpose, ''), e.outcome,
    e.subjects::bytea[], e.entry_id
  FROM state, unnest(
    string_to_array($14, E'\\x1f'), string_to_array($15, E'\\x1f')::bigint[], string_to_array($16, E'\\x1f'),
    string_to_array($17, E'\\x1f'), string_to_array($18, E'\\x1f'), string_to_array($19, E'\\x1f'),
    string_to_array($20, E'\\x1f'), string_to_array($21, E'\\x1f')
  ) WITH ORDINALITY AS e(body, at, kind, caller, purpose, outcome, subjects, entry_id, n)
)
SELECT count(*) FROM state
"""
_QUOTAS = """
  SELECT decode(coalesce(subject_id, ''), 'hex') AS subject_id, coalesce(institution, '') AS institution,
    coalesce(purpose, '') AS purpose, coalesce(dataset, '') AS dataset, unit,
    to_timestamp(window_start) AS window_start, uses, most, n
  FROM unnest(
    string_to_array({}, E'\\x1f'), string_to_array({}, E'\\x1f'), string_to_array({}, E'\\x1f'),
    string_to_array({}, E'\\x1f'), string_to_array({}, E'\\x1f'), string_to_array({}, E'\\x1f')::bigint[],
    string_to_array({}, E'\\x1f')::int[], string_to_array({}, E'\\x1f')::bigint[]
  ) WITH ORDINALITY AS q(subject_id, institution, purpose, dataset, unit, window_start, uses, most, n)
"""
"""An empty text is split into no text at all; hence `coalesce`."""
_USED = """coalesce((
    SELECT c.used FROM quota_count c
    WHERE c.subject_id = q.subject_id AND c.institution = q.institution AND c.purpose = q.purpose
      AND c.dataset = q.dataset AND c.unit = q.unit AND c.window_start = q.window_start
  ), 0)"""
_COUNT = """
), counted AS (
  INSERT INTO quota_count AS c (subject_id, institution, purpose, dataset, unit, window_start, used)
  SELECT q.subject_id, q.institution, q.purpose, q.dataset, q.unit, q.window_start, q.uses FROM quotas q, state
  ON CONFLICT (subject_id, institution, purpose, dataset, unit, window_start)
  DO UPDATE SET used = c.used + excluded.used"""
_READ = "SELECT {used} FROM ({quotas}) q ORDER BY q.n"
_APPEND = _TEMPLATE.format(quotas="", within="", count="")
_APPEND_COUNTING = _TEMPLATE.format(
    quotas="quotas AS MATERIALIZED (" + _QUOTAS.format(*(f"${n}" for n in range(22, 30))) + "), ",
    within="AND NOT EXISTS (SELECT FROM quotas q WHERE " + _USED + " + q.uses > q.most)",
    count=_COUNT,
)
"""Judges and counts quotas as well; their columns come after the others."""
_READ_QUOTAS = _READ.format(used=_USED, quotas=_QUOTAS.format(*(f"${n}" for n in range(1, 9))))
_LOCK_CONSENTS = """
SELECT subject_id, consent_id, version, status, valid_from, valid_to, max_uses, used_count
FROM consent WHERE (subject_id, consent_id) IN (SELECT * FROM unnest($1::bytea[], $2::text[]))
ORDER BY subject_id, consent_id FOR UPDATE
"""
_STATE = "SELECT origin, size, root, frontier, checkpoint FROM log_state WHERE log_id = 0"
_FIND = "SELECT entry_id, idx FROM log_entry WHERE log_id = 0 AND entry_id = ANY($1::text[])"
_CREATE = """
INSERT INTO log_state (log_id, origin, size, root, frontier, checkpoint, updated_at)
VALUES (0, $1, 0, $2, ''::bytea, $3, $4) ON CONFLICT DO NOTHING
"""


class StateRow(NamedTuple):
    """The log's state as stored; not verified."""

    origin: str
    size: int
    root: bytes
    frontier: bytes
    checkpoint: str


async def append(connection: asyncpg.Connection, plan: Plan) -> bool:
    """Store a planned batch, spend its consents and count its quotas; says whether it took effect."""
    groups = plan.uses
    entries = [pending.entry for pending in plan.items]
    done = await connection.fetchval(
        _APPEND_COUNTING if plan.quotas else _APPEND,
        plan.old_size,
        plan.new_size,
        plan.root,
        plan.frontier.encode(),
        plan.checkpoint,
        plan.at,
        *_columns(groups),
        b"".join(plan.leaves),
        b"\x1f".join([e.body for e in entries]).decode(),
        _joined([str(to_millis(e.at)) for e in entries]),
        _joined([e.kind for e in entries]),
        _joined([e.caller for e in entries]),
        _joined([e.purpose for e in entries]),
        _joined([e.outcome for e in entries]),
        _joined([_array(e.subjects) for e in entries]),
        _joined([e.entry_id for e in entries]),
        *(_quota_columns(plan.quotas) if plan.quotas else ()),
    )
    return bool(done)


async def lock_consents(connection: asyncpg.Connection, groups: Sequence[UseGroup]) -> list[Any]:
    """Lock the rows of these consents, in key order, and read them."""
    if not groups:
        return []
    keys = sorted({(g.use.subject_id, g.use.consent_id) for g in groups})
    rows: list[Any] = await connection.fetch(_LOCK_CONSENTS, [k[0] for k in keys], [k[1] for k in keys])
    return rows


async def read_quotas(connection: asyncpg.Connection, quotas: Sequence[QuotaUse]) -> dict[QuotaKey, int]:
    """Uses counted so far, by key; final while the caller holds the lock of the state."""
    if not quotas:
        return {}
    rows = await connection.fetch(_READ_QUOTAS, *_quota_columns(quotas))
    return {quota.key: row[0] for quota, row in zip(quotas, rows, strict=True)}


async def read_state(connection: asyncpg.Connection, *, lock: bool = False) -> StateRow | None:
    """The log's state; with `lock`, no other writer appends until the transaction ends."""
    row = await connection.fetchrow(f"{_STATE} FOR UPDATE" if lock else _STATE)
    return StateRow(*row) if row else None


async def find_entries(connection: asyncpg.Connection, entry_ids: Sequence[str]) -> dict[str, int]:
    """Indices of those of these entries that are in the log."""
    rows = await connection.fetch(_FIND, list(entry_ids))
    return {row["entry_id"]: row["idx"] for row in rows}


async def create_state(
    connection: asyncpg.Connection, origin: str, root: bytes, checkpoint: str, at: datetime
) -> None:
    """Begin the log with the empty tree, unless it exists."""
    await connection.execute(_CREATE, origin, root, checkpoint, at)


class LogConnection:
    """The writer's own connection, opened when needed and dropped after any failure."""

    def __init__(self, url: URL) -> None:
        self._url = url
        self._connection: asyncpg.Connection | None = None

    async def get(self) -> asyncpg.Connection:
        """The connection. A commit on it is durable when it returns, whatever the server's defaults are."""
        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                **asyncpg_arguments(self._url),
                timeout=CONNECT_SECONDS,
                command_timeout=STATEMENT_SECONDS,
                server_settings={
                    "application_name": "hub-audit-log",
                    "synchronous_commit": "on",
                    "default_transaction_isolation": "read committed",
                    **SESSION,
                    **BY_INDEX,
                },
            )
        return self._connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A transaction on the connection."""
        connection = await self.get()
        async with connection.transaction():
            yield connection

    def drop(self) -> None:
        """Forget the connection: what it was doing has an unknown end."""
        if self._connection is not None:
            self._connection.terminate()
            self._connection = None

    async def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            with suppress(Exception):
                await self._connection.close(timeout=CONNECT_SECONDS)
            self._connection = None


def _columns(groups: Sequence[UseGroup]) -> tuple[list[Any], ...]:
    return (
        [g.use.subject_id for g in groups],
        [g.use.consent_id for g in groups],
        [g.use.version for g in groups],
        [g.uses for g in groups],
        [g.earliest for g in groups],
        [g.latest for g in groups],
    )


def _quota_columns(quotas: Sequence[QuotaUse]) -> tuple[str, ...]:
    subjects, institutions, purposes, datasets, units, starts, uses, most = zip(*quotas, strict=True)
    seconds = {start: str(int(start.timestamp())) for start in set(starts)}
    return (
        _joined([subject.hex() for subject in subjects]),
        _joined(institutions),
        _joined(purposes),
        _joined(datasets),
        _joined(units),
        _joined([seconds[start] for start in starts]),
        _joined(map(str, uses)),
        _joined(map(str, most)),
    )


def _joined(column: Iterable[str]) -> str:
    """A column as one text, split again by the server: a fifth of what the driver takes for an array."""
    return "\x1f".join(column)


def _array(subjects: tuple[bytes, ...]) -> str:
    """Subject ids as a PostgreSQL array literal; arrays of arrays cannot be ragged."""
    return "{" + ",".join([f'"\\\\x{s.hex()}"' for s in subjects]) + "}"
