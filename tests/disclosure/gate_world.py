"""What the tests of the gate share: filled worlds, callers made by hand, a gate of their own, counters."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import asyncpg
import pytest
from world import COMPANY, NOW, World

from hub.api.context import RequestContext, Services
from hub.api.schema import build_schema, core
from hub.catalog.types import Dataset, SubjectKind
from hub.demo import story_facts as facts
from hub.demo.generator import Generator
from hub.demo.record import DemoRecord
from hub.disclosure.documents import DocumentCache
from hub.disclosure.fair_use import SpentQuotas
from hub.disclosure.gate import DisclosureGate
from hub.disclosure.limits import Limits
from hub.disclosure.operations import Preparer
from hub.disclosure.report import Report
from hub.identity.details import Grant
from hub.identity.tokens import Caller
from hub.intake.merge import Merger, Origin
from hub.intake.rows import RowShape, SubjectRef
from hub.intake.steering import Steering
from hub.keys.cache import DataKeyCache
from hub.keys.sealing import DataKey
from hub.model.outcome import Outcome
from hub.store.listen import Listener

DOCUMENTS = int(os.environ.get("GENERATED_DOCUMENTS", "160"))
TODAY = date(2026, 11, 20)


def story() -> list[DemoRecord]:
    """All records of the story's company and its representative, and of one other company."""
    generator = Generator(3, 1, seed=1, today=TODAY)
    parties = [generator.organisation(0), generator.organisation(1), generator.person(0)]
    return [record for party in parties for record in generator.records_of(party)]


async def load(world: World, records: Iterable[DemoRecord]) -> None:
    """Store records as intake would."""
    catalog = world.hub.rules.catalog
    by_dataset: dict[str, list[Any]] = {}
    for record in records:
        row = RowShape(catalog.datasets[record.dataset]).row(
            SubjectRef(record.kind, record.identifier), dict(record.values), 1
        )
        by_dataset.setdefault(record.dataset, []).append(row)
    for dataset, rows in by_dataset.items():
        origin = Origin(catalog.datasets[dataset], facts.DEPT_AMR, f"story-{dataset}", world.clock.now())
        merger = Merger(
            origin, indexer=world.hub.indexer, sealer=world.hub.ring.sealer(), track_duplicates=False
        )
        async with world.hub.database.connection() as connection, connection.transaction():
            merged = await merger.merge(connection, rows)
        assert not merged.faults, merged.faults


def caller_for(world: World, client_id: str, purpose: str, identifier: str, **grant: Any) -> Caller:
    """A caller as the token verifier would give it."""
    client = world.hub.registry.get(client_id)
    assert client is not None
    kind = "ORG" if len(identifier) == 18 and identifier != facts.PERSON_ID else "PERSON"
    subject_id = world.hub.indexer.subject_id(kind, identifier)
    return Caller(
        client, client.roles, client.institution, (Grant(purpose, frozenset({subject_id}), **grant),), "t",
        NOW + timedelta(minutes=5),
    )  # fmt: skip


@dataclass
class Bench:
    """A gate of its own over a world's database, with the engine beside it."""

    world: World

    def __post_init__(self) -> None:
        hub = self.world.hub
        self.schema = build_schema(hub.rules.catalog, hub.rules.policy.questionnaire.predicates)
        self.core = core(self.schema)
        self.documents = DocumentCache(self.core, Limits())
        self.preparer = Preparer(self.core)
        self.gate = DisclosureGate(
            hub.database, hub.consents, DataKeyCache(hub.ring.sealer()), hub.indexer.subject_id, 100,
            SpentQuotas(), 1 << 25,
        )  # fmt: skip

    async def direct(self, caller: Caller, text: str, variables: Mapping[str, Any]) -> Report:
        """What the gate's plan gives."""
        operation = self.documents.get(text).operation(None)
        values = self.preparer.variables(operation, variables)
        prepared = self.preparer.prepare(operation, values)
        assert not prepared.others
        report = Report()
        await self.gate.report(
            self.world.hub.rules, caller, prepared, prepared.asked(values), self.world.clock.now(), report
        )
        return report

    async def engine(self, caller: Caller, text: str, variables: Mapping[str, Any], finished: Any) -> Any:
        """What the GraphQL engine makes of the same finished data."""
        hub = self.world.hub
        services = Services(
            hub.database,
            hub.consents,
            hub.recalls,
            hub.lifecycle,
            Steering.open(hub.database, hub.log, hub.ring.sealer(), hub.indexer),
            lambda _: b"",
            100,
        )
        context = RequestContext(services, hub.rules, caller, self.world.clock.now(), finished)
        return await self.schema.execute(text, dict(variables), context)


@dataclass
class Counts:
    """Work done by the hub."""

    sql: int = 0
    unsealed: int = 0
    statements: list[str] = field(default_factory=list)

    def take(self) -> tuple[int, int]:
        """The counts so far, starting again at zero."""
        found = (self.sql, self.unsealed)
        self.sql, self.unsealed, self.statements = 0, 0, []
        return found


_DRIVER = ("typeinfo", "'jit'")
"""The driver looks at types, whenever a connection meets one first."""
_BEHIND: ContextVar[bool] = ContextVar("behind", default=False)
"""Whether the listener asks: it reads the registers again and deletes what has expired, at times of its own."""


@contextmanager
def counted(patch: pytest.MonkeyPatch) -> Iterator[Counts]:
    """Count SQL statements of every connection and every opened ciphertext."""
    counts = Counts()
    execute, unseal, listen = asyncpg.Connection._do_execute, DataKey.unseal, Listener._run

    async def behind(self: Listener) -> None:
        _BEHIND.set(True)  # for this task and those that it starts
        await listen(self)

    async def counting(self: Any, query: str, *args: Any, **more: Any) -> Any:
        if not _BEHIND.get() and not any(mark in query for mark in _DRIVER):
            counts.sql += 1
            counts.statements.append(query)
        return await execute(self, query, *args, **more)

    def opening(self: DataKey, *args: Any) -> Any:
        counts.unsealed += 1
        return unseal(self, *args)

    with patch.context() as patched:
        patched.setattr(asyncpg.Connection, "_do_execute", counting)
        patched.setattr(DataKey, "unseal", opening)
        patched.setattr(Listener, "_run", behind)
        yield counts


def hidden_fields(world: World, role: str, purpose: str, kind: SubjectKind) -> dict[str, set[str]]:
    """Fields of which nothing shows for a role and purpose, by dataset; datasets of which nothing shows have all fields."""
    table = world.hub.rules.table(frozenset({role}), purpose, kind)
    found: dict[str, set[str]] = {}
    for item in world.hub.rules.catalog.fields():
        if table[item.id].outcome < Outcome.GENERALISED:
            found.setdefault(item.dataset, set()).add(item.name)
    return found


def closed(dataset: Dataset, hidden: Mapping[str, set[str]]) -> bool:
    """Whether nothing of a dataset shows."""
    return hidden.get(dataset.id, set()) == {f.name for f in dataset.fields}


__all__ = [
    "COMPANY",
    "DOCUMENTS",
    "Bench",
    "Counts",
    "caller_for",
    "closed",
    "counted",
    "hidden_fields",
    "load",
    "story",
]
