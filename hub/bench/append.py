"""`hub bench audit`: durable appends a second, beside plain batched inserts, and how fast the log is checked.

* **log**: `AuditLog.append` by many waiters at once: entry encoded, hashed into the tree, checkpoint signed,
  committed with the others that wait, proof made. The answer comes when the entry is durable.
* **plain**: entries of the same size into a table of the same shape, as many at a time as there are waiters,
  one statement and one commit after the other. No tree, no signature, nobody to tell.

Both run in one process against one database, in turn, for several rounds.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from time import perf_counter
from typing import Any

from hub.app import Hub, open_hub
from hub.audit.entry import (
    Basis,
    BasisKind,
    Entry,
    EntryOutcome,
    Kind,
    SubjectPart,
    fields_fragment,
    new_entry_id,
    record_ref,
)
from hub.bench import machine
from hub.bench.databases import fresh_database
from hub.bench.document import CLIENT, PURPOSE
from hub.bench.measure import Spread, spread
from hub.bench.setup import bench_settings, workspace
from hub.bench.verify import Verified, measure
from hub.clock import Clock
from hub.config import Settings
from hub.demo import story_facts as facts

_TABLE = "CREATE TABLE bench_log (LIKE log_entry INCLUDING ALL)"
_INSERT = """
INSERT INTO bench_log (log_id, idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id)
SELECT 0, $1 + n, $2::bytea, body, $3::timestamptz, $4, $5, $6, $7, ARRAY[$8::bytea], entry_id
FROM unnest($9::bytea[], $10::text[]) WITH ORDINALITY AS e(body, entry_id, n)
"""
_SUBJECT = bytes(range(16))
_RECORDS = {
    dataset: [record_ref(bytes([n]) * 16) for n in range(count)]
    for dataset, count in {
        "government.registration": 1,
        "government.tax_payment": 4,
        "government.social_insurance": 4,
        "financial.loan": 2,
    }.items()
}
_FIELDS = {"clear": {dataset: ["amount", "period", "status", "subjectName"] for dataset in _RECORDS}}


@dataclass(frozen=True)
class AppendOutcome:
    """Appends a second by number of waiters, of the log and of plain inserts."""

    log: dict[int, Spread]
    plain: dict[int, Spread]
    verified: Verified
    """The log that was appended to, checked."""

    def json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "ratios": {
                "log_to_plain": {
                    str(n): round(self.log[n].median / self.plain[n].median, 3) for n in self.log
                }
            },
            "appends_per_second": {
                "log": {str(n): dataclasses.asdict(s) for n, s in self.log.items()},
                "plain": {str(n): dataclasses.asdict(s) for n, s in self.plain.items()},
            },
            "verified": self.verified.json(),
            "machine": machine.facts(),
        }


def run(
    settings: Settings,
    clock: Clock,
    *,
    waiters: Sequence[int],
    seconds: float,
    rounds: int,
    say: Callable[[str], None],
) -> AppendOutcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        waiters: numbers of operations that wait for the log at once.
        seconds: length of one measurement.
        rounds: how often each is measured.
        say: told what is being done.

    Raises:
        UnavailableError: when the database does not come up.
    """
    with workspace() as folder, fresh_database(settings, folder) as database:
        chosen = bench_settings(settings, database.url, folder, clock.now())
        return asyncio.run(_run(chosen, clock, waiters, seconds, rounds, say))


async def _run(
    settings: Settings,
    clock: Clock,
    waiters: Sequence[int],
    seconds: float,
    rounds: int,
    say: Callable[[str], None],
) -> AppendOutcome:
    log: dict[int, list[float]] = {n: [] for n in waiters}
    plain: dict[int, list[float]] = {n: [] for n in waiters}
    async with open_hub(settings, clock) as hub:
        async with hub.database.connection() as connection:
            await connection.execute(_TABLE)
        for number in range(rounds):
            for count in waiters:
                say(f"round {number + 1} of {rounds}: {count} waiters")
                log[count].append(await _through_log(hub, count, seconds))
                plain[count].append(await _plainly(hub, count, seconds))
        say("verifying what was appended")
        verified = await measure(hub.database, hub.ring.public().note_verifiers(), rounds)
    return AppendOutcome(
        {n: spread(v) for n, v in log.items()}, {n: spread(v) for n, v in plain.items()}, verified
    )


async def _through_log(hub: Hub, waiters: int, seconds: float) -> float:
    done = 0
    end = perf_counter() + seconds

    async def wait() -> None:
        nonlocal done
        while perf_counter() < end:
            await hub.log.append(an_entry(hub.clock.now()))
            done += 1

    started = perf_counter()
    await asyncio.gather(*(wait() for _ in range(waiters)))
    return done / (perf_counter() - started)


async def _plainly(hub: Hub, batch: int, seconds: float) -> float:
    done = 0
    async with hub.database.connection() as connection:
        done = first = await connection.fetchval("SELECT coalesce(max(idx), 0) FROM bench_log")
        started = perf_counter()
        while perf_counter() < started + seconds:
            now = hub.clock.now()
            entries = [an_entry(now).encode() for _ in range(batch)]
            head = entries[0]
            await connection.execute(
                _INSERT, done, bytes(32), now, head.kind, head.caller, head.purpose, head.outcome, _SUBJECT,
                [e.body for e in entries], [e.entry_id for e in entries],
            )  # fmt: skip
            done += batch
        elapsed: float = perf_counter() - started
    return float((done - first) / elapsed)


def an_entry(now: datetime) -> Entry:
    """An entry like that of a report."""
    part = SubjectPart(
        _SUBJECT,
        EntryOutcome.DISCLOSED,
        "",
        Basis(BasisKind.CONSENT, "c_benchmark", 1, reference="贷演000001"),
        fields_fragment(_FIELDS),
        _RECORDS,
    )
    return Entry(
        new_entry_id(),
        now,
        Kind.QUERY,
        EntryOutcome.DISCLOSED,
        CLIENT,
        institution=facts.BANK_HKB,
        purpose=PURPOSE,
        document="sha256:" + "0" * 64,
        operation="BenchReport",
        policy="sha256:" + "1" * 64,
        catalogue="sha256:" + "2" * 64,
        subjects=(part,),
        unsealed=21,
        size=8192,
        commitment="3" * 64,
    )
