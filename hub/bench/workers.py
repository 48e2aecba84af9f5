"""`hub bench processes`: several hub processes on one database and one log, beside one process.

- Every process has a port and, where there are enough, a core of its own; the load generator deals its connections
  out to them evenly, as a load balancer would. The processes of `hub serve --workers` share one port instead, where
  the system says who gets which connection.
- All processes are up the whole time; the ones that are not measured have nothing to do. One process is measured
  with load generator and database on the same cores as several are.
- Processes share one audit log and take turns on its state. What that costs shows in how many requests one commit
  of the log carries.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from statistics import median
from typing import Any

from hub.bench import machine
from hub.bench.databases import BenchDatabase, fresh_database, pin_database
from hub.bench.machine import Placement
from hub.bench.measure import Contestant, Measured, Spread, measure, ratio, spread
from hub.bench.processes import GeneratorProcess, ServerProcess
from hub.bench.report import HEADLINE, REFUSED, request_of
from hub.bench.setup import Application, bench_settings, fill, workspace
from hub.clock import Clock
from hub.config import Settings
from hub.errors import InputError

_MOST_PROCESSES = 64
_BATCHES = """
SELECT count(*), count(DISTINCT xmin::text), coalesce(max(idx) + 1, $1) FROM log_entry WHERE log_id = 0 AND idx >= $1
"""
"""Entries since an index, and the commits that brought them."""

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    processes: tuple[int, ...] = (1, 2)
    connections: tuple[int, ...] = (HEADLINE, 64)
    seconds: float = 3.0
    rounds: int = 3
    subjects: int = 600

    def checked(self) -> Plan:
        """Itself.

        Raises:
            InputError: when something is out of range.
        """
        numbers = self.processes
        if (
            len(numbers) < 2
            or list(numbers) != sorted(set(numbers))
            or not 1 <= numbers[0] <= numbers[-1] <= _MOST_PROCESSES
        ):
            raise InputError(
                "There must be two numbers of processes or more, the smallest first.",
                hint="Correct --processes; 1,2 for example.",
            )
        if not self.connections or min(self.connections) < numbers[-1]:
            raise InputError("There must be a connection for every process.", hint="Correct --connections.")
        if self.seconds <= 0 or self.rounds < 1 or self.subjects < 1:
            raise InputError("Seconds, rounds and subjects must be positive.", hint="Correct the options.")
        return self


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    plan: Plan
    placement: Placement
    own_database: bool
    measured: Measured
    per_commit: dict[tuple[str, int], Spread]
    """Requests that one commit of the log carried, by contestant and connections."""
    database_ms: dict[tuple[str, int], Spread]
    """PostgreSQL's CPU per request in milliseconds; empty where it is not ours."""

    @property
    def placed(self) -> bool:
        """Whether load generator and database have cores of their own, as far as can be seen from here."""
        return self.placement.pinned

    def ratio(self, processes: int, connections: int) -> Spread | None:
        """Requests a second of so many processes over those of the smallest number of them."""
        samples = self.measured.samples
        one, few = samples[str(processes), connections], samples[str(self.plan.processes[0]), connections]
        return ratio(one, few, lambda s: s.requests_per_second)

    def database_busy(self, processes: int, connections: int) -> float | None:
        """Share of the time of PostgreSQL's cores that it works; None where it has none of its own."""
        key = str(processes), connections
        if key not in self.database_ms or not self.placement.database:
            return None
        rate = median(s.requests_per_second for s in self.measured.samples[key])
        return self.database_ms[key].median / 1000 * rate / len(self.placement.database)

    def json(self) -> dict[str, Any]:
        """For `--json`: ratios first, then everything measured, the plan and the machine."""
        return {
            "ratios": {
                str(count): {
                    str(number): dataclasses.asdict(found)
                    for number in self.plan.processes[1:]
                    if (found := self.ratio(number, count)) is not None
                }
                for count in self.plan.connections
            },
            "requests_per_commit": self._by_name(self.per_commit),
            "database_cpu_ms": self._by_name(self.database_ms),
            **self.measured.json(),
            "plan": dataclasses.asdict(self.plan),
            "cores_of_their_own": self.placed,
            "database": "embedded" if self.own_database else "HUB_DATABASE_URL",
            "placement": self.placement.text(),
            "machine": machine.facts(),
        }

    def _by_name(self, found: dict[tuple[str, int], Spread]) -> dict[str, Any]:
        return {
            name: {str(count): dataclasses.asdict(s) for (of, count), s in found.items() if of == name}
            for name in map(str, self.plan.processes)
        }


def run(settings: Settings, clock: Clock, plan: Plan, say: Say) -> Outcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        plan: what to measure.
        say: told what is being done.

    Raises:
        InputError: when the plan does not make sense.
        UnavailableError: when a process or the database does not come up.
    """
    plan = plan.checked()
    with workspace() as folder, fresh_database(settings, folder) as database:
        chosen = bench_settings(settings, database.url, folder, clock.now())
        placement = machine.place(own_database=database.own_server, servers=plan.processes[-1])
        asyncio.run(pin_database(database, placement))
        applications = asyncio.run(fill(chosen, folder, clock, plan.subjects, say))
        witness = DatabaseWitness(database)
        measured = _measure(chosen, plan, placement, applications, witness, say)
    return Outcome(
        plan,
        placement,
        database.own_server,
        measured,
        {key: spread(found) for key, found in witness.per_commit.items()},
        {key: spread(found) for key, found in witness.cpu_ms.items()},
    )


def _measure(
    settings: Settings,
    plan: Plan,
    placement: Placement,
    applications: Sequence[Application],
    witness: DatabaseWitness,
    say: Say,
) -> Measured:
    with ExitStack() as stack:
        generator = stack.enter_context(GeneratorProcess(placement.generator))
        servers = tuple(
            stack.enter_context(ServerProcess("hub", settings, placement.server[number : number + 1]))
            for number in range(plan.processes[-1])
        )
        for server in servers:
            server.wait_until_up()
        contestants = [Contestant(str(number), servers[:number]) for number in plan.processes]
        requests = [request_of("hub", application) for application in applications]
        for contestant in contestants:
            generator.load(contestant.name, requests, REFUSED)
        return measure(
            contestants,
            generator,
            connections=plan.connections,
            seconds=plan.seconds,
            rounds=plan.rounds,
            say=say,
            watch=witness.note,
        )


class DatabaseWitness:
    """What the database tells of each measurement: commits of the log, and its own CPU time.

    Entries of one commit bear the same transaction number. What is counted includes the warming up within a
    measurement, requests and cost alike.
    """

    def __init__(self, database: BenchDatabase) -> None:
        self.per_commit: dict[tuple[str, int], list[float]] = {}
        """Requests per commit, by contestant and connections."""
        self.cpu_ms: dict[tuple[str, int], list[float]] = {}
        """CPU per request in milliseconds."""
        self._database = database
        self._next = 0
        self._used: dict[int, float] = {}

    def note(self, name: str, connections: int) -> None:
        """Look at what has come since the last time, and keep it for this contestant unless it was warming up."""
        entries, commits, used = asyncio.run(self._since())
        if connections and commits:
            self.per_commit.setdefault((name, connections), []).append(entries / commits)
            if used:
                self.cpu_ms.setdefault((name, connections), []).append(used * 1000 / entries)

    async def _since(self) -> tuple[int, int, float]:
        async with self._database.connection() as connection:
            entries, commits, self._next = await connection.fetchrow(_BATCHES, self._next)
            ours = self._database.own_server
            pids = machine.family(connection.get_server_pid()) if ours else []
        now = {pid: used for pid in pids if (used := machine.cpu_seconds(pid)) is not None}
        spent = sum(used - self._used.get(pid, 0.0) for pid, used in now.items())
        self._used = now
        return entries, commits, spent
