"""`hub bench growth`: the hub's report in a small database, beside the same report in a large one.

- Both databases exist at the same time, with the same companies, consents and tokens: the larger one is a copy of
  the smaller one, taken before either is filled up (`hub.bench.filler`). Both are measured in turn, in one run.
- Requests go to companies drawn at random, the same ones in both databases.
- What counts is the ratio of the median latencies, because that is what a caller waits.
"""

from __future__ import annotations

import asyncio
import dataclasses
import shutil
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hub.bench import filler, machine
from hub.bench.databases import BenchDatabase, copied, fresh_database, pin_database
from hub.bench.dataset import RECORDS
from hub.bench.document import body_for
from hub.bench.filler import Sizes
from hub.bench.machine import Placement
from hub.bench.measure import Contestant, Measured, Sample, Spread, measure, ratio
from hub.bench.processes import GeneratorProcess, ServerProcess
from hub.bench.report import HEADLINE, REFUSED, request_of
from hub.bench.setup import Application, bench_settings, fill, workspace
from hub.clock import Clock
from hub.config import Settings
from hub.errors import InputError, IntegrityError

_SPARE_BYTES = 4 * 2**30
"""Beside the tables: write-ahead log, and sorting for the indexes."""
_MARGIN = 1.25
_PAGES = """
SELECT sum(heap_blks_hit + coalesce(idx_blks_hit, 0)), sum(heap_blks_read + coalesce(idx_blks_read, 0))
FROM pg_statio_user_tables WHERE relname = ANY($1)
"""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    records: tuple[int, ...] = (100_000, 10_000_000)
    connections: tuple[int, ...] = (1, HEADLINE)
    seconds: float = 3.0
    rounds: int = 3
    subjects: int = 600

    def checked(self) -> Plan:
        """Itself.

        Raises:
            InputError: when something is out of range.
        """
        if len(self.records) < 2 or list(self.records) != sorted(set(self.records)):
            raise InputError(
                "There must be two sizes or more, the smallest first.", hint="Correct --records."
            )
        if self.subjects < 1 or self.records[0] < self.subjects * RECORDS:
            raise InputError(
                f"The smallest database cannot hold the companies, which have {RECORDS} records each.",
                hint="Give more --records or fewer --subjects.",
            )
        if self.seconds <= 0 or self.rounds < 1 or not self.connections or min(self.connections) < 1:
            raise InputError("Seconds, rounds and connections must be positive.", hint="Correct the options.")
        return self


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    plan: Plan
    placement: Placement
    sizes: dict[str, Sizes]
    """By contestant, which is named after its number of records."""
    fill_rates: dict[str, float]
    """Records a second with which each was filled up."""
    cached: dict[str, float | None]
    """Share of the pages of records and subjects that were found in PostgreSQL's own cache."""
    shared_buffers: str
    measured: Measured

    def ratio(self, value: Callable[[Sample], float], connections: int) -> Spread | None:
        """The largest database over the smallest, at some number of connections."""
        small, large = (str(self.plan.records[at]) for at in (0, -1))
        samples = self.measured.samples
        return ratio(samples[large, connections], samples[small, connections], value)

    def json(self) -> dict[str, Any]:
        """For `--json`: ratios first, then everything measured, the plan and the machine."""
        return {
            "ratios": {
                str(count): {
                    name: dataclasses.asdict(found)
                    for name, value in MEASURES.items()
                    if (found := self.ratio(value, count)) is not None
                }
                for count in self.plan.connections
            },
            **self.measured.json(),
            "sizes": {name: dataclasses.asdict(found) for name, found in self.sizes.items()},
            "fill_records_per_second": {name: round(rate) for name, rate in self.fill_rates.items()},
            "cache": {"shared_buffers": self.shared_buffers, "share_of_pages_found": self.cached},
            "plan": dataclasses.asdict(self.plan),
            "placement": self.placement.text(),
            "machine": machine.facts(),
        }


MEASURES: dict[str, Callable[[Sample], float]] = {
    "p50": lambda s: s.p50_ms,
    "p99": lambda s: s.p99_ms,
    "requests_per_second": lambda s: s.requests_per_second,
}
"""What is compared, by name."""


def run(settings: Settings, clock: Clock, plan: Plan, say: Say) -> Outcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        plan: what to measure.
        say: told what is being done.

    Raises:
        InputError: when the plan does not make sense, or the disk is too small for it.
        IntegrityError: when the databases do not give the same answer.
        UnavailableError: when a process or the database does not come up.
    """
    plan = plan.checked()
    with ExitStack() as stack:
        folder = stack.enter_context(workspace())
        first = stack.enter_context(fresh_database(settings, folder))
        chosen = bench_settings(settings, first.url, folder, clock.now())
        applications = asyncio.run(fill(chosen, folder, clock, plan.subjects, say))
        _check_space(first, folder, plan.records, asyncio.run(filler.bytes_per_record(first)))
        copies = [stack.enter_context(copied(first, n)) for n in range(2, len(plan.records) + 1)]
        databases = dict(zip(map(str, plan.records), [first, *copies], strict=True))
        rates = {}
        for name, database in databases.items():
            say(f"filling a database up to {int(name):,} records")
            rates[name] = asyncio.run(filler.fill_up(database, int(name), say))
        found = {name: asyncio.run(filler.sizes(database)) for name, database in databases.items()}
        before = {name: asyncio.run(_pages(database)) for name, database in databases.items()}
        placement = machine.place(own_database=first.own_server)
        asyncio.run(pin_database(first, placement))
        measured = _measure(chosen, plan, databases, placement, applications, say)
        after = {name: asyncio.run(_pages(database)) for name, database in databases.items()}
        cached = {name: _found(before[name], after[name]) for name in databases}
        return Outcome(plan, placement, found, rates, cached, asyncio.run(_buffers(first)), measured)


def _measure(
    settings: Settings,
    plan: Plan,
    databases: dict[str, BenchDatabase],
    placement: Placement,
    applications: Sequence[Application],
    say: Say,
) -> Measured:
    with ExitStack() as stack:
        generator = stack.enter_context(GeneratorProcess(placement.generator))
        servers = []
        for name, database in databases.items():
            own = dataclasses.replace(settings, database_url=database.url)
            servers.append(stack.enter_context(ServerProcess("hub", own, placement.server, name=name)))
        requests = [request_of("hub", application) for application in applications]
        for server in servers:
            server.wait_until_up()
            generator.load(server.name, requests, REFUSED)
        _compare(servers, applications[0])
        return measure(
            [Contestant(server.name, (server,)) for server in servers],
            generator,
            connections=plan.connections,
            seconds=plan.seconds,
            rounds=plan.rounds,
            say=say,
            random=True,
        )


def _compare(servers: Sequence[ServerProcess], application: Application) -> None:
    """The same company must have the same report everywhere."""
    body = body_for(application.uscc)
    answers = [server.ask("/graphql", body, application.token).get("data") for server in servers]
    if not answers[0] or any(answer != answers[0] for answer in answers):
        raise IntegrityError(
            "The databases do not give the same answer.", hint="The numbers would mean nothing."
        )


def _check_space(database: BenchDatabase, folder: Path, records: Sequence[int], each: float) -> None:
    """Refuse what does not fit; the disk of a server that is not ours cannot be seen from here."""
    if not database.own_server:
        return
    needed, free = sum(records) * each * _MARGIN + _SPARE_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise InputError(
            f"The databases need about {needed / 1e9:.0f} GB of disk, and {free / 1e9:.0f} GB are free.",
            hint="Make room, or give smaller numbers with --records.",
        )


async def _pages(database: BenchDatabase) -> tuple[int, int]:
    """Pages of records and subjects that PostgreSQL has found in its own cache so far, and those it has not."""
    async with database.connection() as connection:
        hit, read = await connection.fetchrow(_PAGES, list(filler.TABLES))
    return int(hit), int(read)


def _found(before: tuple[int, int], after: tuple[int, int]) -> float | None:
    hit, read = after[0] - before[0], after[1] - before[1]
    return round(hit / (hit + read), 4) if hit > 0 else None


async def _buffers(database: BenchDatabase) -> str:
    async with database.connection() as connection:
        return str(await connection.fetchval("SHOW shared_buffers"))
