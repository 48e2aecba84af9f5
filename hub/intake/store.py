"""The SQL of intake. Every statement works on a chunk of rows at a time and takes its values as arrays.

Locks, in the order they are taken, so that two runs never wait for each other in a circle:
1. one session lock per file and source unit (the same file is not taken in twice at once);
2. one transaction lock per dataset (files of one dataset are merged one chunk after the other);
3. rows of `subject`, in the order of their ids.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncIterator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import date, datetime
from typing import Any, NamedTuple, TypeAlias

import asyncpg

from hub.errors import IntakeError, UnavailableError
from hub.intake.record_copy import COLUMNS
from hub.keys.index import ID_BYTES

_READ_SUBJECTS = """
SELECT s.subject_id, s.kek_id, s.wrapped_key
FROM (SELECT substr($1::bytea, n * 16 + 1, 16) AS id
      FROM generate_series(0, length($1::bytea) / 16 - 1) AS n) AS u
JOIN subject s ON s.subject_id = u.id
"""
"""Ids come laid end to end: the driver encodes a long array at ten times the cost."""
_ADD_SUBJECTS = """
INSERT INTO subject (subject_id, kind, identifier_sealed, kek_id, wrapped_key, division_code, created_at)
SELECT decode(u.id, 'hex'), u.kind, u.sealed, u.kek, decode(u.wrapped, 'hex'), u.division, $7::timestamptz
FROM unnest(string_to_array($1, E'\n'), string_to_array($2, E'\n'), string_to_array($3, E'\n'),
            string_to_array($4, E'\n'), string_to_array($5, E'\n'), string_to_array($6, E'\n', ''))
    AS u (id, kind, sealed, kek, wrapped, division)
ON CONFLICT (subject_id) DO NOTHING RETURNING subject_id
"""
"""Columns come as texts of a line each, for the same reason."""
_MOVE_SUBJECTS = """
UPDATE subject s SET division_code = u.division
FROM unnest($1::bytea[], $2::text[]) AS u (id, division)
WHERE s.subject_id = u.id AND s.division_code IS DISTINCT FROM u.division
"""
_ADD_ALIASES = """
INSERT INTO subject_alias (alias_hash, scheme, subject_id)
SELECT decode(u.alias, 'hex'), u.scheme, decode(u.subject, 'hex')
FROM unnest(string_to_array($1, E'\n'), string_to_array($2, E'\n'), string_to_array($3, E'\n'))
    AS u (alias, scheme, subject)
ON CONFLICT DO NOTHING
"""
_READ_RECORDS = """
SELECT r.record_id, r.version, r.content_hash, r.source_unit, r.batch_id
FROM (SELECT substr($1::bytea, n * 32 + 1, 16) AS subject_id, substr($1::bytea, n * 32 + 17, 16) AS record_id
      FROM generate_series(0, length($1::bytea) / 32 - 1) AS n) AS u
JOIN record r ON r.subject_id = u.subject_id AND r.dataset = $2 AND r.record_id = u.record_id
"""
_READ_REPLACED = """
SELECT h.record_id
FROM (SELECT substr($1::bytea, n * 32 + 1, 16) AS subject_id, substr($1::bytea, n * 32 + 17, 16) AS record_id
      FROM generate_series(0, length($1::bytea) / 32 - 1) AS n) AS u
JOIN record_history h ON h.subject_id = u.subject_id AND h.dataset = $2 AND h.record_id = u.record_id
WHERE h.batch_id = $3
"""
_KEEP_HISTORY = """
INSERT INTO record_history (
    subject_id, dataset, record_id, version, edition, event_date, severity, severity_source, state, visible_from,
    visible_until, source_unit, batch_id, batch_row, received_at, replaced_at, content_hash, clear, sealed)
SELECT r.subject_id, r.dataset, r.record_id, r.version, r.edition, r.event_date, r.severity, r.severity_source,
    r.state, r.visible_from, r.visible_until, r.source_unit, r.batch_id, r.batch_row, r.received_at, $4,
    r.content_hash, r.clear, r.sealed
FROM unnest($1::bytea[], $2::bytea[]) AS u (subject_id, record_id)
JOIN record r ON r.subject_id = u.subject_id AND r.dataset = $3 AND r.record_id = u.record_id
"""
_REPLACE_RECORDS = """
UPDATE record r SET
    version = u.version, edition = u.edition, event_date = u.event_date, severity = u.severity,
    severity_source = u.severity_source, visible_from = u.visible_from, visible_until = u.visible_until,
    source_unit = u.source_unit, batch_id = u.batch_id, batch_row = u.batch_row, received_at = u.received_at,
    content_hash = u.content_hash, clear = u.clear, sealed = u.sealed,
    state = CASE r.state WHEN 'ARCHIVED' THEN 'VALID' ELSE r.state END -- its new dates decide what is shown
FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::int[], $5::text[], $6::date[], $7::text[], $8::text[],
            $9::date[], $10::date[], $11::text[], $12::text[], $13::int[], $14::timestamptz[], $15::bytea[],
            $16::json[], $17::json[])
    AS u (subject_id, dataset, record_id, version, edition, event_date, severity, severity_source, visible_from,
          visible_until, source_unit, batch_id, batch_row, received_at, content_hash, clear, sealed)
WHERE r.subject_id = u.subject_id AND r.dataset = u.dataset AND r.record_id = u.record_id
  AND r.version = u.version - 1
"""
_DROP_TOKENS = """
DELETE FROM blind_index b USING unnest($1::bytea[], $2::bytea[]) AS u (subject_id, record_id)
WHERE b.subject_id = u.subject_id AND b.record_id = u.record_id
"""
_ADD_TOKENS = """
INSERT INTO blind_index (subject_id, field, token, record_id)
SELECT * FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::bytea[]) ON CONFLICT DO NOTHING
"""
_MAKE_SEEN = "CREATE TEMPORARY TABLE IF NOT EXISTS intake_seen (record_id bytea PRIMARY KEY)"
_MARK_SEEN = """
INSERT INTO intake_seen
SELECT substr($1::bytea, n * 16 + 1, 16) FROM generate_series(0, length($1::bytea) / 16 - 1) AS n
ON CONFLICT DO NOTHING RETURNING record_id
"""
_LOCK_DATASET = """
SELECT set_config('plan_cache_mode', 'force_custom_plan', true), pg_advisory_xact_lock($1)
"""
_OPEN_BATCH = """
SELECT batch_id, rows_done FROM intake_batch
WHERE dataset = $1 AND source_unit = $2 AND file_sha256 = $3 AND finished_at IS NULL ORDER BY started_at LIMIT 1
"""
_COUNT_BATCHES = (
    "SELECT count(*) FROM intake_batch WHERE dataset = $1 AND source_unit = $2 AND file_sha256 = $3"
)
_ADD_BATCH = """
INSERT INTO intake_batch (batch_id, dataset, source_unit, file_name, file_sha256, started_at, rows_done, inserted,
                          updated, unchanged, quarantined)
VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, 0, 0)
"""
_COUNT_ROWS = """
UPDATE intake_batch SET rows_done = $2, inserted = $3, updated = $4, unchanged = $5, quarantined = $6
WHERE batch_id = $1
"""
_FINISH_BATCH = "UPDATE intake_batch SET finished_at = $2 WHERE batch_id = $1"
_CLIENT_UNIT = """
SELECT institution FROM client WHERE client_id = $1 AND status = 'ACTIVE' AND 'source_unit' = ANY(roles)
"""
_CLIENT_IDS = (
    "SELECT client_id FROM client WHERE status = 'ACTIVE' AND 'source_unit' = ANY(roles) ORDER BY client_id"
)

_STATE = COLUMNS.index("state")

Connection: TypeAlias = asyncpg.Connection
"""One connection of the pool; a run keeps it from beginning to end."""
StoredKey: TypeAlias = "tuple[str, bytes | None]"
"""Id of the key-encryption key of a subject's data key, and that wrapped; None once it was destroyed."""


class FileInProgressError(IntakeError):
    """The same file of the same source unit is being taken in right now."""


@asynccontextmanager
async def only_run(connection: Connection, *parts: str) -> AsyncIterator[None]:
    """Hold the lock of a file, and the list of records it has brought, for the length of a run.

    Raises:
        FileInProgressError: when another process holds the lock.
        UnavailableError: when the database refuses a statement; its own words may hold values and are dropped.
    """
    if not await connection.fetchval("SELECT pg_try_advisory_lock($1)", _lock_number("file", *parts)):
        raise FileInProgressError(
            "Another process is taking in this file right now.",
            hint="Wait until it has finished.",
            message_zh="该文件正在由另一进程入库，请等待其完成。",
        )
    try:
        await connection.execute(_MAKE_SEEN)
        await connection.execute("TRUNCATE intake_seen")
        yield
    except asyncpg.PostgresConnectionError:
        raise
    except asyncpg.PostgresError:
        raise UnavailableError(
            "The database could not take the rows; the chunks before have landed.",
            hint="Check the database's log and its free space, then run the file again.",
            message_zh="数据库无法写入；此前各批已入库，请检查后重新运行该文件。",
        ) from None
    finally:
        with suppress(
            asyncpg.InterfaceError, asyncpg.PostgresError, OSError
        ):  # a lost connection holds no lock
            await connection.execute("DROP TABLE IF EXISTS intake_seen")
            await connection.execute("SELECT pg_advisory_unlock($1)", _lock_number("file", *parts))


class SubjectRow(NamedTuple):
    """A new subject."""

    subject_id: bytes
    kind: str
    identifier_sealed: str
    kek_id: str
    wrapped_key: bytes
    division_code: str | None


class RecordRow(NamedTuple):
    """One version of a record, columns in the order of the table."""

    subject_id: bytes
    dataset: str
    record_id: bytes
    version: int
    edition: str
    event_date: date
    severity: str | None
    severity_source: str | None
    state: str
    visible_from: date | None
    visible_until: date | None
    source_unit: str
    batch_id: str
    batch_row: int
    received_at: datetime
    content_hash: bytes
    clear: str
    sealed: str


class Existing(NamedTuple):
    """What the database holds of a record."""

    version: int
    content_hash: bytes
    source_unit: str
    batch_id: str


class Token(NamedTuple):
    """One entry of the blind index."""

    subject_id: bytes
    field: str
    token: bytes
    record_id: bytes


def _lock_number(*parts: str) -> int:
    digest = hashlib.sha256("\0".join(("credit-hub/intake", *parts)).encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


async def begin_chunk(connection: Connection) -> None:
    """Let this transaction end without waiting for the disk.

    Nothing is lost by it that anybody was told of. The end of the batch does wait, and so does the log's entry about
    whoever reads the chunk's records; both come after it in the database's journal. A file whose batch was not
    finished is taken in again.
    """
    await connection.execute("SET LOCAL synchronous_commit = off")


async def lock_dataset(connection: Connection, dataset: str) -> None:
    """Wait for the lock of a dataset and hold it until the transaction ends.

    Until then statements are planned afresh: a plan made while the tables were empty reads them from end to end.
    """
    await connection.execute(_LOCK_DATASET, _lock_number("dataset", dataset))


async def read_subjects(connection: Connection, subject_ids: Collection[bytes]) -> dict[bytes, StoredKey]:
    """The data keys of the subjects that exist."""
    if not subject_ids:
        return {}
    rows = await connection.fetch(_READ_SUBJECTS, b"".join(subject_ids))
    return {subject_id: (kek_id, wrapped) for subject_id, kek_id, wrapped in rows}


async def add_subjects(connection: Connection, rows: Iterable[SubjectRow], now: datetime) -> set[bytes]:
    """Add subjects; one that another transaction has added meanwhile stays as it is. The result are those added."""
    ordered = sorted(rows, key=lambda row: row.subject_id)
    added = await connection.fetch(_ADD_SUBJECTS, *_lines(ordered), now) if ordered else ()
    return {row[0] for row in added}


async def move_subjects(connection: Connection, divisions: dict[bytes, str]) -> None:
    """Set the division of subjects."""
    if divisions:
        ordered = sorted(divisions.items())
        await connection.execute(_MOVE_SUBJECTS, *_columns(ordered))


async def add_aliases(connection: Connection, aliases: Iterable[tuple[bytes, str, bytes]]) -> None:
    """Add aliases (hash, scheme, subject id); a code may come to lead to several, see `hub.intake.resolve`."""
    ordered = sorted(set(aliases))
    if ordered:
        await connection.execute(_ADD_ALIASES, *_lines(ordered))


async def read_records(connection: Connection, dataset: str, keys: Sequence[bytes]) -> dict[bytes, Existing]:
    """The records that exist, by record id; `keys` are subject and record id of each, in one."""
    rows = await connection.fetch(_READ_RECORDS, b"".join(keys), dataset) if keys else ()
    return {r[0]: Existing(r[1], r[2], r[3], r[4]) for r in rows}


async def replace_records(
    connection: Connection, dataset: str, rows: Sequence[RecordRow], now: datetime
) -> None:
    """Keep the versions that are there as history and put the next ones in their place. The state stays.

    Raises:
        UnavailableError: when somebody else changed one of them meanwhile.
    """
    if not rows:
        return
    columns = _columns(rows)
    await connection.execute(_KEEP_HISTORY, columns[0], columns[2], dataset, now)
    await connection.execute(_DROP_TOKENS, columns[0], columns[2])
    done = await connection.execute(_REPLACE_RECORDS, *columns[:_STATE], *columns[_STATE + 1 :])
    if done != f"UPDATE {len(rows)}":
        raise UnavailableError(
            "A record was changed by somebody else while a new version of it came in.",
            hint="Run the file again.",
        )


async def add_tokens(connection: Connection, tokens: Sequence[Token]) -> None:
    """Add entries to the blind index."""
    if tokens:
        await connection.execute(_ADD_TOKENS, *_columns(sorted(tokens)))


async def mark_seen(connection: Connection, record_ids: Collection[bytes]) -> set[bytes]:
    """Note records as seen; the result are those that had not been seen before."""
    return {r[0] for r in await connection.fetch(_MARK_SEEN, b"".join(record_ids))} if record_ids else set()


async def mark_others(
    connection: Connection, dataset: str, keys: Sequence[bytes], batch_id: str
) -> set[bytes]:
    """As `mark_seen`, of records that another batch has put in place: a version of this batch may be beneath it.

    Args:
        connection: holds the dataset's lock.
        dataset: id of the dataset.
        keys: subject and record id of each, in one.
        batch_id: of this run.
    """
    if not keys:
        return set()
    replaced = {r[0] for r in await connection.fetch(_READ_REPLACED, b"".join(keys), dataset, batch_id)}
    return await mark_seen(connection, {key[ID_BYTES:] for key in keys}) - replaced


async def open_batch(
    connection: Connection, dataset: str, source_unit: str, file_name: str, sha256: str, now: datetime
) -> tuple[str, bool]:
    """The unfinished batch of this file, or a new one: its id, and whether it was begun earlier."""
    row = await connection.fetchrow(_OPEN_BATCH, dataset, source_unit, sha256)
    if row is not None:
        return row[0], True
    number = await connection.fetchval(_COUNT_BATCHES, dataset, source_unit, sha256)
    digest = hashlib.sha256("\0".join((dataset, source_unit, sha256)).encode()).hexdigest()
    batch_id = f"b_{digest[:20]}_{number + 1}"
    await connection.execute(_ADD_BATCH, batch_id, dataset, source_unit, file_name, sha256, now)
    return batch_id, False


async def count_rows(
    connection: Connection, batch_id: str, rows_done: int, counts: tuple[int, int, int, int]
) -> None:
    """Write how far a batch is: rows read, then inserted, updated, unchanged and quarantined ones."""
    await connection.execute(_COUNT_ROWS, batch_id, rows_done, *counts)


async def finish_batch(connection: Connection, batch_id: str, now: datetime) -> None:
    """Mark a batch as finished."""
    await connection.execute(_FINISH_BATCH, batch_id, now)


async def client_institution(connection: Connection, client_id: str) -> str | None:
    """USCC of the institution behind an active client that is a source unit."""
    found: str | None = await connection.fetchval(_CLIENT_UNIT, client_id)
    return found


async def client_ids(connection: Connection) -> list[str]:
    """Ids of all active clients that are source units."""
    return [r[0] for r in await connection.fetch(_CLIENT_IDS)]


def _columns(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    """The rows as one list per column."""
    return [list(column) for column in zip(*rows, strict=True)]


def _lines(rows: Sequence[tuple[str | bytes | None, ...]]) -> list[str]:
    """The rows as one text per column, a line each; no value holds a line feed, bytes are in hexadecimal."""
    return ["\n".join(map(_line, column)) for column in zip(*rows, strict=True)]


def _line(value: str | bytes | None) -> str:
    return value.hex() if isinstance(value, bytes) else value or ""
