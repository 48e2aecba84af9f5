"""`hub bench review`: what the officer waits for, by the length of the log.

The log is filled by one statement with entries like those of a report, of which nobody verifies the tree: as many
subjects as a twentieth of the entries, one of them asked about 1,000 times, over a year. Each question is then asked
again and again, each time about another subject or another day, so that little is in memory already.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import md5
from time import perf_counter
from typing import Any

from hub.audit.review_counts import CountBy, Period, count_entries
from hub.audit.review_filter import EntryFilter
from hub.audit.review_search import list_entries
from hub.audit.review_who import who_saw
from hub.bench import machine
from hub.bench.append import an_entry
from hub.bench.databases import BenchDatabase, fresh_database
from hub.bench.document import CLIENT
from hub.bench.measure import Spread, spread
from hub.bench.setup import workspace
from hub.clock import Clock, to_millis
from hub.config import Settings
from hub.store.database import Database

OF_ONE = 20
"""Entries of a usual subject."""
OF_BUSY = 1000
"""Entries of the busiest."""
BUSY = bytes.fromhex("ff" * 16)
"""The busiest subject."""
_SECONDS = 120.0
_INDEXES = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'log_entry' AND indexname <> 'log_entry_pkey'"
_FILL = """
INSERT INTO log_entry (log_id, idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id)
SELECT 0, g, '\\x00'::bytea,
  convert_to(replace(replace($1, $2, 'sub_' || hex), $3, ((extract(epoch FROM instant) * 1000)::bigint)::text), 'UTF8'),
  instant, 'QUERY', $4, $5, 'DISCLOSED', ARRAY[decode(hex, 'hex')], md5(g::text)
FROM generate_series(0, $6 - 1) g
CROSS JOIN LATERAL (SELECT
  CASE WHEN g % greatest($6 / 1000, 1) = 0 THEN repeat('ff', 16) ELSE md5((g % ($6 / 20))::text) END AS hex,
  $7::timestamptz + g * ($8::interval / $6) AS instant) s
"""


@dataclass(frozen=True)
class ReviewOutcome:
    """Milliseconds of each question, by number of entries."""

    milliseconds: dict[int, dict[str, Spread]]

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "milliseconds": {
                str(size): {name: dataclasses.asdict(s) for name, s in found.items()}
                for size, found in self.milliseconds.items()
            },
            "machine": machine.facts(),
        }


def run(
    settings: Settings, clock: Clock, *, sizes: Sequence[int], repeats: int, say: Callable[[str], None]
) -> ReviewOutcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        sizes: numbers of entries in the log.
        repeats: how often each question is asked.
        say: told what is being done.

    Raises:
        UnavailableError: when the database does not come up.
    """
    found = {}
    for size in sizes:
        with workspace() as folder, fresh_database(settings, folder) as database:
            found[size] = asyncio.run(_measure(database, size, repeats, clock.now(), say))
    return ReviewOutcome(found)


async def _measure(
    bench: BenchDatabase, size: int, repeats: int, now: datetime, say: Callable[[str], None]
) -> dict[str, Spread]:
    start = now - timedelta(days=365)
    say(f"{size} entries are written")
    await fill(bench, size, start)
    database = await Database.open(bench.url, pool_size=2)
    try:
        found = {}
        for name, ask in _questions(database, size, start).items():
            say(name)
            found[name] = spread([await _timed(ask, number) for number in range(repeats)])
        return found
    finally:
        await database.close()


def _questions(database: Database, size: int, start: datetime) -> dict[str, Callable[[int], Awaitable[Any]]]:
    def subject(number: int) -> bytes:
        return md5(str(number * 7919 % (size // OF_ONE)).encode()).digest()  # noqa: S324

    def day(number: int, reason: str | None = None) -> EntryFilter:
        since = start + timedelta(days=number * 37 % 364)
        return EntryFilter(reason=reason, since=since, until=since + timedelta(days=1))

    return {
        f"who saw a subject with {OF_ONE} entries": lambda n: who_saw(database, EntryFilter(subject(n))),
        f"who saw a field of one with {OF_BUSY}": lambda _: who_saw(
            database, EntryFilter(BUSY, field="financial.loan.amount")
        ),
        "the newest 50 of a client": lambda _: list_entries(database, EntryFilter(caller=CLIENT)),
        "a reason on one day": lambda n: list_entries(database, day(n, "NO_RULE"), seconds=_SECONDS),
        "counts of one day by institution": lambda n: count_entries(
            database, day(n), [CountBy.INSTITUTION], seconds=_SECONDS
        ),
        "outcomes of the year by month": lambda _: count_entries(
            database, EntryFilter(), [CountBy.OUTCOME], Period.MONTH, seconds=_SECONDS
        ),
    }


async def _timed(ask: Callable[[int], Awaitable[Any]], number: int) -> float:
    started = perf_counter()
    await ask(number)
    return (perf_counter() - started) * 1000


async def fill(bench: BenchDatabase, size: int, start: datetime) -> None:
    """Write the entries, then build the indexes, which is quicker than the other way round.

    Args:
        bench: an empty log.
        size: number of entries.
        start: instant of the first; they spread over a year.
    """
    entry = an_entry(start)
    template = entry.encode().body.decode()
    subject = "sub_" + entry.subjects[0].subject_id.hex()
    async with bench.connection() as connection:
        indexes = await connection.fetch(_INDEXES)
        for name, _ in indexes:
            await connection.execute(f'DROP INDEX "{name}"')
        await connection.execute(
            _FILL, template, subject, str(to_millis(start)), CLIENT, entry.purpose, size, start,
            timedelta(days=365), timeout=None,
        )  # fmt: skip
        for _, definition in indexes:
            await connection.execute(definition)
        await connection.execute("VACUUM ANALYZE log_entry")
