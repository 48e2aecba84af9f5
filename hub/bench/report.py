"""`hub bench`: one report, three ways to answer it, measured in one run.

* **floor**: the same SQL on a bare Starlette endpoint, no GraphQL, no security (`hub.bench.floor`).
* **stock**: Strawberry as its manual shows it, on plain tables, no security (`hub.bench.stock`).
* **hub**: everything on: token, consent, policy, unsealing, masking, durable audit entry, receipt.

Before anything is measured, answers are compared: stock and hub must give the same leaves, apart from those
that the hub masks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

from hub.bench import machine
from hub.bench.databases import fresh_database, pin_database
from hub.bench.dataset import RECORDS
from hub.bench.document import body_for, leaves, read_plan
from hub.bench.machine import Placement
from hub.bench.measure import Contestant, Measured, measure, ratios
from hub.bench.processes import GeneratorProcess, ServerProcess, http_request
from hub.bench.server import CONTESTANTS
from hub.bench.setup import Application, bench_settings, fill, workspace
from hub.clock import Clock
from hub.config import Settings
from hub.errors import InputError, IntegrityError
from hub.loading import load_rules

HEADLINE = 16
"""Connections at which the headline ratios are taken."""
REFUSED = '"errors":'


@dataclass(frozen=True)
class Plan:
    """What to measure."""

    connections: tuple[int, ...] = (1, 16, 64)
    seconds: float = 3.0
    rounds: int = 3
    subjects: int = 600
    only: tuple[str, ...] = CONTESTANTS

    def checked(self) -> Plan:
        """Itself.

        Raises:
            InputError: when something is out of range or not known.
        """
        if unknown := sorted(set(self.only) - set(CONTESTANTS)):
            raise InputError(
                f"There is no contestant {', '.join(unknown)}.",
                hint=f"Choose among {', '.join(CONTESTANTS)}.",
            )
        if not self.connections or min(self.connections) < 1 or not self.only:
            raise InputError("There is nothing to measure.", hint="Give at least one number of connections.")
        if self.seconds <= 0 or self.rounds < 1 or self.subjects < 1:
            raise InputError("Seconds, rounds and subjects must be positive.", hint="Correct the options.")
        return self

    @property
    def headline(self) -> int:
        """The number of connections of the headline ratios."""
        return HEADLINE if HEADLINE in self.connections else self.connections[0]


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    plan: Plan
    placement: Placement
    answer: dict[str, int]
    """`leaves` of an answer, `masked` ones, `unsealed` values, and `datasets` read."""
    measured: Measured

    def json(self) -> dict[str, Any]:
        """For `--json`: ratios first, then everything measured, the plan and the machine."""
        return {
            "ratios": ratios(self.measured.samples, self.plan.headline),
            **self.measured.json(),
            "answer": self.answer,
            "plan": {
                "connections": list(self.plan.connections),
                "headline_connections": self.plan.headline,
                "seconds": self.plan.seconds,
                "rounds": self.plan.rounds,
                "subjects": self.plan.subjects,
                "records": self.plan.subjects * RECORDS,
            },
            "placement": self.placement.text(),
            "machine": machine.facts(),
        }


Say = Callable[[str], None]


def run(settings: Settings, clock: Clock, plan: Plan, say: Say) -> Outcome:
    """Measure.

    Args:
        settings: the operator's; the database it names is not touched.
        clock: the machine's.
        plan: what to measure.
        say: told what is being done.

    Raises:
        InputError: when the plan does not make sense.
        IntegrityError: when the contestants do not give the same answer.
        UnavailableError: when a process or the database does not come up.
    """
    plan = plan.checked()
    with workspace() as folder, fresh_database(settings, folder) as database:
        chosen = bench_settings(settings, database.url, folder, clock.now())
        placement = machine.place(own_database=database.own_server)
        asyncio.run(pin_database(database, placement))
        applications = asyncio.run(fill(chosen, folder, clock, plan.subjects, say))
        with ExitStack() as stack:
            generator = stack.enter_context(GeneratorProcess(placement.generator))
            servers = [
                stack.enter_context(ServerProcess(name, chosen, placement.server))
                for name in CONTESTANTS
                if name in plan.only
            ]
            for server in servers:
                server.wait_until_up()
                requests = [request_of(server.name, application) for application in applications]
                generator.load(server.name, requests, REFUSED)
            read = read_plan(load_rules(chosen), chosen.max_page_size, applications[0].uscc)
            answer = {
                **compare(servers, applications),
                "unsealed": read.unsealed,
                "datasets": len(set(read.datasets)),
            }
            measured = measure(
                [Contestant(server.name, (server,)) for server in servers],
                generator,
                connections=plan.connections,
                seconds=plan.seconds,
                rounds=plan.rounds,
                say=say,
            )
    return Outcome(plan, placement, answer, measured)


def request_of(name: str, application: Application) -> bytes:
    """The HTTP request that asks a contestant for a company's report."""
    if name == "floor":
        return http_request("GET", f"/report/{application.subject_id.hex()}")
    token = application.token if name == "hub" else ""
    return http_request("POST", "/graphql", body_for(application.uscc), token)


def compare(servers: Sequence[ServerProcess], applications: Sequence[Application]) -> dict[str, int]:
    """Ask stock and hub for the first company and hold their answers against each other.

    Returns:
        `leaves` of an answer, and how many the hub has `masked`.

    Raises:
        IntegrityError: when an answer has no data, or the two differ in anything but what is masked.
    """
    answers = {server.name: _ask(server, applications[0]) for server in servers}
    floor = answers.pop("floor", None)
    if floor is not None and not all(floor.values()):
        raise _unequal("The floor does not find the records.")
    if any(not answer.get("data") or answer.get("errors") for answer in answers.values()):
        raise _unequal("A contestant does not answer the report.")
    found = {name: leaves(answer["data"]) for name, answer in answers.items()}
    masked = _masked(answers.get("hub", {}))
    if "stock" in found and "hub" in found:
        stock, hub = found["stock"], found["hub"]
        if stock.keys() != hub.keys() or sum(stock[k] != hub[k] for k in hub) != masked:
            raise _unequal("Stock Strawberry and the hub do not give the same answer.")
    return {"leaves": max((len(v) for v in found.values()), default=0), "masked": masked}


def _masked(answer: dict[str, Any]) -> int:
    """How many leaves are covered by the hub's notes on masked fields."""
    notes = answer.get("extensions", {}).get("disclosure", {}).get("fields", [])
    paths = [n["path"] for n in notes if n["outcome"] == "MASKED"]
    flat = {".".join(p for p in path.split(".") if not p.isdigit()): 0 for path in leaves(answer.get("data"))}
    for path in leaves(answer.get("data")):
        flat[".".join(p for p in path.split(".") if not p.isdigit())] += 1
    return sum(flat.get(path, 0) for path in paths)


def _ask(server: ServerProcess, application: Application) -> dict[str, Any]:
    if server.name == "floor":
        return server.ask(f"/report/{application.subject_id.hex()}")
    return server.ask("/graphql", body_for(application.uscc), application.token)


def _unequal(message: str) -> IntegrityError:
    return IntegrityError(message, hint="The numbers would mean nothing; run the tests first.")
