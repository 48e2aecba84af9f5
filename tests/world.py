"""A small real hub for tests: PostgreSQL, keys, catalogue, policies, tokens, served in memory over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from hub.app import Hub, open_hub
from hub.catalog.types import SubjectKind
from hub.clock import FixedClock
from hub.config import Settings
from hub.demo import story_facts as facts
from hub.demo.clients import register_demo_clients, registrations, unsafe_demo_key
from hub.identity.assertion import request_token
from hub.identity.clients import Act, Client
from hub.intake.merge import Merger, Origin
from hub.intake.rows import RowShape, SubjectRef
from hub.keys.ring import create_ring

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
COMPANY = facts.COMPANY_USCC
STRANGER = "91460105DEM000022F"
ISSUER = "https://hub.test"


@dataclass
class World:
    """A hub and ways to talk to it."""

    hub: Hub
    clock: FixedClock
    http: httpx.AsyncClient
    keys: Path
    numbers: dict[str, int] = field(default_factory=dict)

    async def put(
        self,
        dataset_id: str,
        values: Mapping[str, Any],
        *,
        identifier: str = COMPANY,
        kind: SubjectKind = SubjectKind.ORG,
    ) -> None:
        """Store one record, as intake would, from values in stored form."""
        dataset = self.hub.rules.catalog.datasets[dataset_id]
        row = RowShape(dataset).row(SubjectRef(kind, identifier), dict(values), 1)
        origin = Origin(dataset, facts.DEPT_AMR, f"test-{dataset_id}", self.clock.now())
        merger = Merger(
            origin, indexer=self.hub.indexer, sealer=self.hub.ring.sealer(), track_duplicates=False
        )
        async with self.hub.database.connection() as connection, connection.transaction():
            merged = await merger.merge(connection, [row])
        assert not merged.faults

    async def register(self, client: Client) -> None:
        """Add a client or replace it, with its entry."""
        now = self.clock.now()
        await self.hub.registry.register(client, now, registrations(self.hub.log, now)(client))

    async def token(
        self, client: str, purpose: str, subjects: Sequence[str] = (COMPANY,), **members: str
    ) -> str:
        """An access token of a demo client, through the real token endpoint."""
        answer = await request_token(
            self.http,
            f"{ISSUER}/oauth/token",
            unsafe_private_jwk=unsafe_demo_key(self.keys, client),
            client_id=client,
            issuer=ISSUER,
            details=[
                {"type": "credit_disclosure", "purpose": purpose, "subjects": list(subjects), **members}
            ],
            now=self.clock.now(),
        )
        return str(answer["access_token"])

    async def send(
        self, token: str, query: str, variables: Mapping[str, Any] | None = None, **more: Any
    ) -> httpx.Response:
        """One POST to /graphql."""
        return await self.http.post(
            "/graphql",
            json={"query": query, "variables": dict(variables or {}), **more},
            headers={"authorization": f"Bearer {token}", "accept": "application/graphql-response+json"},
        )

    async def ask(self, token: str, query: str, variables: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The answer to a query."""
        response = await self.send(token, query, variables)
        assert response.status_code == 200, response.text
        result: dict[str, Any] = response.json()
        return result

    async def consent(
        self, *, grantee: str = facts.BANK_HKB, purpose: str = "LOAN_APPLICATION", **more: Any
    ) -> str:
        """Id of a consent that the company grants."""
        token = await self.token("subject-org", "SELF_QUERY")
        grant = {
            "grantee": grantee, "purpose": purpose, "separateConsent": True, "adverseNoticeAcknowledged": True, **more,
        }  # fmt: skip
        answer = await self.ask(
            token,
            "mutation G($i: GrantConsentInput!) { grantConsent(input: $i) { id status } }",
            {"i": grant},
        )
        assert answer["data"], answer
        return str(answer["data"]["grantConsent"]["id"])

    async def bank_token(self, **more: Any) -> str:
        """A token of the bank for the company, with a fresh consent."""
        return await self.token("bank-hkb", "LOAN_APPLICATION", consent=await self.consent(**more))


async def unentered(connection: Any, act: Act) -> None:
    """For the clients that a world begins with: its log begins empty."""


async def fill(world: World) -> None:
    """The story company with one record of several datasets."""
    await world.put("government.registration", REGISTRATION)
    await world.put(
        "government.registration",
        {**REGISTRATION, "uscc": STRANGER, "name": "海口渚晴贸易有限公司（演示）"},
        identifier=STRANGER,
    )
    for number in range(1, 4):
        await world.put("government.tax_payment", {
            "subjectName": facts.COMPANY_NAME, "uscc": COMPANY, "period": f"2026-{number:02d}", "taxType": "VAT",
            "amount": 1_234_567 * number,
        })  # fmt: skip


REGISTRATION: dict[str, Any] = {
    "name": facts.COMPANY_NAME,
    "uscc": COMPANY,
    "legalRepresentativeName": facts.PERSON_NAME,
    "legalRepresentativeIdNumber": facts.PERSON_ID,
    "legalRepresentativePhone": facts.PERSON_PHONE,
    "establishedOn": "2019-05-20",
    "registeredCapital": 500_000_000,
    "operatingStatus": "ACTIVE",
    "divisionCode": "460100",
}


@asynccontextmanager
async def open_world(database_url: str, folder: Path, **settings: Any) -> AsyncIterator[World]:
    """A running world; its data are those of `fill`."""
    clock = FixedClock(NOW)
    ring = folder / "ring"
    if not ring.exists():
        create_ring(ring, demo=True, now=NOW)
    chosen = Settings(database_url=database_url, keys_dir=str(ring), demo=True, issuer=ISSUER, **settings)
    async with open_hub(chosen, clock) as hub:
        await register_demo_clients(
            hub.registry, hub.indexer, folder / "clients", NOW, lambda client: unentered
        )
        transport = httpx.ASGITransport(app=Starlette(routes=list(hub.routes)))
        async with httpx.AsyncClient(transport=transport, base_url=ISSUER) as http:
            yield World(hub, clock, http, folder / "clients")


def run(database_url: str, folder: Path, scene: Callable[[World], Awaitable[None]], **settings: Any) -> None:
    """Open a filled world and play a scene in it."""

    async def play() -> None:
        async with open_world(database_url, folder, **settings) as world:
            await fill(world)
            await scene(world)

    asyncio.run(play())
