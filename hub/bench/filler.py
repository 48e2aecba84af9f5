"""Fills a database up to a number of records, with records of subjects that nobody asks about.

- A filler record is a copy of a real one under a random subject and record id: same width, same dataset, same
  length of every sealed cell, same share of values too wide for a row. Its subject is a copy of the real one's.
- Records come to lie in random order, the real ones evenly spread among them, as if everything had come in piece
  by piece over the years. Asking for one company then touches as many pages as it has records.
- The tables are emptied and filled without their indexes, which are built at the end, in parts by several
  connections at once; then vacuumed, analysed and checkpointed, so that nothing of it runs on while measuring.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from time import perf_counter

import asyncpg

from hub.bench.databases import BenchDatabase

TABLES = ("record", "subject")
_IDS = frozenset({"subject_id", "record_id"})
_WORK_MEM = "SET work_mem = '128MB'; SET maintenance_work_mem = '512MB'; SET synchronous_commit = off"
_TIMES_TOLD = 10
_INDEXES = """
SELECT c.relname AS name, pg_get_indexdef(i.indexrelid) AS definition, con.conname AS key
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
LEFT JOIN pg_constraint con ON con.conindid = i.indexrelid AND con.contype = 'p'
WHERE i.indrelid = $1::text::regclass
"""
_COLUMNS = """
SELECT attname FROM pg_attribute WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
ORDER BY attnum
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Sizes:
    """How large the tables of records and subjects are; bytes."""

    records: int
    subjects: int
    record_table: int
    record_indexes: int
    subject_table: int
    subject_indexes: int


@dataclass(frozen=True)
class _Chunk:
    """One copy of all real rows, or of some of them, and the real rows that are put among them."""

    number: int
    copied: int
    real_from: int
    real_to: int


async def bytes_per_record(database: BenchDatabase) -> float:
    """Bytes that a record takes with its share of indexes and subjects, in a database that is not filled up yet."""
    async with database.connection() as connection:
        taken, count = await connection.fetchrow(
            "SELECT pg_total_relation_size('record') + pg_total_relation_size('subject'),"
            " (SELECT count(*) FROM record)"
        )
    return float(taken / max(1, count))


async def fill_up(database: BenchDatabase, records: int, say: Say) -> float:
    """Bring the number of records to `records`, the real ones included.

    Args:
        database: holds the real records; nobody else is connected.
        records: at least as many as there are real ones.
        say: told how far it is.

    Returns:
        Records a second, indexes and the rest included.
    """
    started = perf_counter()
    async with database.connection() as connection:
        await connection.execute(_WORK_MEM)
        for table in TABLES:
            await connection.execute(
                f"CREATE UNLOGGED TABLE bench_real_{table} AS "  # noqa: S608
                f"SELECT row_number() OVER (ORDER BY random())::int AS n, t.* FROM {table} t"
            )
        real = await connection.fetchval("SELECT count(*) FROM bench_real_record")
        subjects = await connection.fetchval("SELECT count(*) FROM bench_real_subject")
        indexes = [index for table in TABLES for index in await _take_down(connection, table)]
        await connection.execute(f"TRUNCATE {', '.join(TABLES)}")
        statements = {table: await _statement(connection, table) for table in TABLES}
        await _insert(database, statements, _chunks(records, real), (real, subjects), say)
        say("vacuuming and building indexes")
        for table in TABLES:
            await connection.execute(f"DROP TABLE bench_real_{table}")
            await connection.execute(f"VACUUM (ANALYZE) {table}")
        for statement in indexes:
            await connection.execute(statement)
        with suppress(asyncpg.InsufficientPrivilegeError):  # then the server checkpoints when it sees fit
            await connection.execute("CHECKPOINT")
    return records / (perf_counter() - started)


async def sizes(database: BenchDatabase) -> Sizes:
    """How large the tables are."""
    async with database.connection() as connection:
        row = await connection.fetchrow(
            "SELECT (SELECT count(*) FROM record), (SELECT count(*) FROM subject),"
            " pg_table_size('record'), pg_indexes_size('record'),"
            " pg_table_size('subject'), pg_indexes_size('subject')"
        )
    return Sizes(*row)


async def _take_down(connection: asyncpg.Connection, table: str) -> list[str]:
    """Drop a table's indexes; gives the statements that put them back."""
    restore: list[str] = []
    for index in await connection.fetch(_INDEXES, table):
        restore.append(index["definition"])
        if index["key"]:
            await connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {index['key']}")
            restore.append(
                f"ALTER TABLE {table} ADD CONSTRAINT {index['key']} PRIMARY KEY USING INDEX {index['name']}"
            )
        else:
            await connection.execute(f"DROP INDEX {index['name']}")
    return restore


async def _statement(connection: asyncpg.Connection, table: str) -> str:
    """$1 number of the copy, $2 how many rows are copied, $3 and $4 the range of real rows put among them."""
    columns = [row["attname"] for row in await connection.fetch(_COLUMNS, table)]
    ids = [
        f"substring(sha256({c} || int4send($1)) FROM 1 FOR 16) AS {c}" if c in _IDS else c for c in columns
    ]
    named = ", ".join(columns)
    return (
        f"INSERT INTO {table} ({named}) SELECT {named} FROM ("  # noqa: S608
        f"SELECT {', '.join(ids)} FROM bench_real_{table} WHERE n <= $2 "
        f"UNION ALL SELECT {named} FROM bench_real_{table} WHERE n > $3 AND n <= $4) x ORDER BY random()"
    )


def _chunks(records: int, real: int) -> list[_Chunk]:
    """Copies of the real records until there are `records`; the last one is of those that are still missing."""
    missing = records - real
    copies = max(1, -(-missing // real))
    return [
        _Chunk(
            number,
            min(real, missing - number * real),
            number * real // copies,
            (number + 1) * real // copies,
        )
        for number in range(copies)
    ]


async def _insert(
    database: BenchDatabase,
    statements: dict[str, str],
    chunks: list[_Chunk],
    counts: tuple[int, int],
    say: Say,
) -> None:
    """Work off the chunks on several connections; a subject comes with every copy of any of its records."""
    real, subjects = counts
    waiting, total = deque(chunks), sum(c.copied for c in chunks) + real
    started, done, told = perf_counter(), 0, 0

    async def work() -> None:
        nonlocal done, told
        async with database.connection() as connection:
            await connection.execute(_WORK_MEM)
            while waiting:
                chunk = waiting.popleft()
                first, last = (at * subjects // real for at in (chunk.real_from, chunk.real_to))
                async with connection.transaction():
                    await connection.execute(
                        statements["record"], chunk.number, chunk.copied, chunk.real_from, chunk.real_to
                    )
                    await connection.execute(
                        statements["subject"], chunk.number, subjects if chunk.copied else 0, first, last
                    )
                done += chunk.copied + chunk.real_to - chunk.real_from
                if done * _TIMES_TOLD // total > told:
                    told = done * _TIMES_TOLD // total
                    say(f"{done:,} of {total:,} records, {done / (perf_counter() - started):,.0f}/s")

    await asyncio.gather(*(work() for _ in range(max(1, (os.cpu_count() or 2) // 2))))
