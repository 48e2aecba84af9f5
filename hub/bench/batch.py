"""`hub bench batch`: the reports of many companies by one request, beside one request for each.

- **single**: a request and a token for every company, on 16 connections.
- **batch**: one request for all of them, with one token that holds a consent for each; one after the other.

Both ask for the same selection of the same companies, each from a server process of its own, so that the memory
that either needs can be told apart. Every round answers the same number of companies both ways. Before anything is
measured, answers are compared company by company.
"""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from hub.bench import machine
from hub.bench.databases import fresh_database, pin_database
from hub.bench.document import batch_body, body_for
from hub.bench.machine import Placement
from hub.bench.measure import Contestant, Sample, Spread, ratio, rotated, sample_of, spread
from hub.bench.processes import GeneratorProcess, ServerProcess, http_request
from hub.bench.report import HEADLINE, REFUSED, request_of
from hub.bench.setup import Application, bench_settings, fill, portfolio_token, workspace
from hub.clock import Clock
from hub.config import Settings
from hub.errors import InputError, IntegrityError

MOST_SUBJECTS = 1_000
SINGLE, BATCH = "single", "batch"
_COMPARED = 20
_REQUEST_SECONDS = 120.0
_BODY_BYTES = 1 << 20

Say = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    subjects: int = MOST_SUBJECTS
    connections: int = HEADLINE
    """Of the single requests."""
    repeats: int = 3
    """How often every company is asked for in one measurement."""
    rounds: int = 3

    def checked(self) -> Plan:
        """Itself.

        Raises:
            InputError: when something is out of range.
        """
        if not 1 <= self.subjects <= MOST_SUBJECTS:
            raise InputError(f"A request holds 1 to {MOST_SUBJECTS} subjects.", hint="Correct --subjects.")
        if min(self.connections, self.repeats, self.rounds) < 1:
            raise InputError("Connections and rounds must be positive.", hint="Correct the options.")
        return self


@dataclass(frozen=True)
class Memory:
    """Memory of a server process in bytes."""

    idle: int
    peak: int


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    plan: Plan
    placement: Placement
    samples: dict[str, list[Sample]]
    memory: dict[str, Memory | None]
    sample_of_error: str

    @property
    def errors(self) -> int:
        """Answers that were wrong."""
        return sum(sample.errors for rounds in self.samples.values() for sample in rounds)

    @property
    def subjects_per_second(self) -> dict[str, Spread]:
        """Companies answered a second, both ways."""
        return {
            name: spread([s.requests_per_second * self._companies(name) for s in rounds])
            for name, rounds in self.samples.items()
        }

    @property
    def ratio(self) -> Spread | None:
        """Companies a second in a batch over companies a second one by one."""
        each = self.plan.subjects
        found = ratio(self.samples[BATCH], self.samples[SINGLE], lambda s: s.requests_per_second)
        return found and Spread(found.median * each, found.low * each, found.high * each)

    @property
    def cpu_ms(self) -> dict[str, Spread | None]:
        """Server CPU per company in milliseconds, both ways."""
        found = {}
        for name, rounds in self.samples.items():
            known = [s.cpu_ms / self._companies(name) for s in rounds if s.cpu_ms is not None]
            found[name] = spread(known) if known else None
        return found

    def json(self) -> dict[str, Any]:
        """For `--json`: the ratio first, then everything measured, the plan and the machine."""
        return {
            "ratios": {"batch_to_single": dataclasses.asdict(self.ratio) if self.ratio else None},
            "subjects_per_second": {n: dataclasses.asdict(s) for n, s in self.subjects_per_second.items()},
            "cpu_ms_per_subject": {n: s and dataclasses.asdict(s) for n, s in self.cpu_ms.items()},
            "memory_bytes": {n: m and dataclasses.asdict(m) for n, m in self.memory.items()},
            "samples": {n: [dataclasses.asdict(s) for s in rounds] for n, rounds in self.samples.items()},
            "plan": dataclasses.asdict(self.plan),
            "placement": self.placement.text(),
            "machine": machine.facts(),
        }

    def _companies(self, name: str) -> int:
        return self.plan.subjects if name == BATCH else 1


def run(settings: Settings, clock: Clock, plan: Plan, say: Say) -> Outcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        plan: what to measure.
        say: told what is being done.

    Raises:
        InputError: when the plan does not make sense.
        IntegrityError: when the two ways do not give the same answer.
        UnavailableError: when a process or the database does not come up.
    """
    plan = plan.checked()
    with ExitStack() as stack:
        folder = stack.enter_context(workspace())
        database = stack.enter_context(fresh_database(settings, folder))
        chosen = dataclasses.replace(
            bench_settings(settings, database.url, folder, clock.now()),
            request_timeout=_REQUEST_SECONDS,
            max_body_bytes=max(settings.max_body_bytes, _BODY_BYTES),
        )
        placement = machine.place(own_database=database.own_server)
        asyncio.run(pin_database(database, placement))
        applications = asyncio.run(fill(chosen, folder, clock, plan.subjects, say))
        token = asyncio.run(portfolio_token(chosen, folder, clock, applications))
        generator = stack.enter_context(GeneratorProcess(placement.generator))
        servers = [
            stack.enter_context(ServerProcess("hub", chosen, placement.server, name=name))
            for name in (SINGLE, BATCH)
        ]
        for server in servers:
            server.wait_until_up()
        _load(generator, plan, applications, token)
        return _measure(servers, generator, plan, placement, applications, token, say)


def _load(generator: GeneratorProcess, plan: Plan, applications: Sequence[Application], token: str) -> None:
    single = [request_of("hub", application) for application in applications]
    batch = http_request("POST", "/graphql", batch_body([a.uscc for a in applications]), token)
    generator.load(SINGLE, single * plan.repeats, REFUSED)
    generator.load(BATCH, [batch] * plan.repeats, REFUSED)


def _measure(
    servers: Sequence[ServerProcess],
    generator: GeneratorProcess,
    plan: Plan,
    placement: Placement,
    applications: Sequence[Application],
    token: str,
    say: Say,
) -> Outcome:
    idle = {server.name: machine.memory_bytes(server.pid) for server in servers}
    say("comparing answers")
    compare(servers, applications, token)
    contestants = [Contestant(server.name, (server,)) for server in servers]
    samples: dict[str, list[Sample]] = {name: [] for name in idle}
    wrong = ""
    for number in range(plan.rounds + 1):  # the first one warms up
        for contestant in rotated(contestants, number):
            say(
                f"round {number} of {plan.rounds}: {contestant.name}"
                if number
                else f"warming up {contestant.name}"
            )
            connections = plan.connections if contestant.name == SINGLE else 1
            result = generator.tell(contestant.command("once", connections))
            wrong = wrong or result["sample"]
            if number:
                samples[contestant.name].append(sample_of(result))
    peak = {server.name: machine.memory_bytes(server.pid) for server in servers}
    memory = {name: _memory(idle[name], peak[name]) for name in idle}
    return Outcome(plan, placement, samples, memory, wrong)


def _memory(idle: tuple[int, int] | None, at_end: tuple[int, int] | None) -> Memory | None:
    return Memory(idle[0], at_end[1]) if idle and at_end else None


def compare(servers: Sequence[ServerProcess], applications: Sequence[Application], token: str) -> None:
    """Ask both ways, and hold some companies' answers against each other.

    Raises:
        IntegrityError: when an answer has no data, or a company's report differs.
    """
    single, batch = servers
    answer = batch.ask("/graphql", batch_body([a.uscc for a in applications]), token)
    reports = (answer.get("data") or {}).get("subjects") or []
    if answer.get("errors") or len(reports) != len(applications):
        raise IntegrityError("The request for many companies is not answered.", hint="Run the tests first.")
    step = max(1, len(applications) // _COMPARED)
    for application, report in list(zip(applications, reports, strict=True))[::step]:
        alone = single.ask("/graphql", body_for(application.uscc), application.token)
        if not report or (alone.get("data") or {}).get("organization") != report:
            raise IntegrityError(
                "A company's report in a batch is not the one that it has alone.",
                hint="The numbers would mean nothing; run the tests first.",
            )
