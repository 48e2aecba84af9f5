"""A small world for the tests of this room: clients on a real database, the server in memory over ASGI."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from starlette.applications import Starlette
from world import unentered

from hub.clock import FixedClock
from hub.errors import IdentifierError
from hub.identity import assertion, endpoint
from hub.identity.clients import Client, ClientRegistry
from hub.identity.portfolio import PortfolioStore
from hub.identity.replay import AssertionLog
from hub.identity.server import TokenServer
from hub.identity.tokens import TokenVerifier
from hub.keys.client_seal import ClientSeal
from hub.keys.facts import KeyFacts, KeyPurpose, KeyStatus
from hub.keys.jwk import generate_client_key
from hub.keys.secrets import ContentIndexKey, fingerprint_id
from hub.store.database import Database

ISSUER = "https://hub.example"
NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
USCC = "91460000DEM000018X"
OTHER_USCC = "91460000DEM000026R"
RESIDENT_ID = "469999199003070018"
PURPOSES = frozenset({"LOAN_APPLICATION", "LOAN_REVIEW_POST", "GOV_SUPERVISION", "SELF_QUERY"})
LOAN = {"type": "credit_disclosure", "purpose": "LOAN_APPLICATION", "subjects": [USCC], "consent": "c_7Q"}


def resolve(identifier: str) -> bytes:
    if len(identifier) != 18 or not identifier.isalnum() or not identifier.isascii():
        raise IdentifierError("The identifier is not well formed.", detail="LENGTH")
    return hashlib.sha256(identifier.upper().encode()).digest()[:16]


@dataclass
class Signer:
    jwk: dict[str, Any] = field(default_factory=lambda: generate_client_key()[0])

    @property
    def kid(self) -> str:
        return str(self.jwk["kid"])

    def unsafe_private_jwk(self) -> dict[str, Any]:
        return self.jwk


@dataclass
class World:
    database: Database
    registry: ClientRegistry
    clock: FixedClock
    server: TokenServer
    signer: Signer
    http: httpx.AsyncClient
    private: dict[str, dict[str, Any]]

    def verifier(self) -> TokenVerifier:
        return verifier_of(self, self.server)

    def claims(self, client_id: str = "bank-hkb", **changes: Any) -> dict[str, Any]:
        """Claims of a good assertion with some changed; None leaves one out."""
        at = int(self.clock.now().timestamp())
        good = {
            "iss": client_id,
            "sub": client_id,
            "aud": ISSUER,
            "iat": at,
            "exp": at + 60,
            "jti": secrets.token_hex(8),
        }
        return {name: value for name, value in {**good, **changes}.items() if value is not None}

    def form(self, client_id: str = "bank-hkb", details: Any = (LOAN,), **changes: str) -> dict[str, str]:
        made = assertion.make_assertion(self.private[client_id], client_id, ISSUER, self.clock.now())
        return {**assertion.token_form(made, details), **changes}

    async def post(self, form: dict[str, str], **more: Any) -> httpx.Response:
        return await self.http.post("/oauth/token", data=form, **more)

    async def token(self, client_id: str = "bank-hkb", details: Any = (LOAN,)) -> str:
        answer = await self.post(self.form(client_id, details))
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def kept(self) -> int:
        """How many portfolios there are."""
        async with self.database.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM portfolio"))

    async def used(self) -> int:
        async with self.database.connection() as connection:
            return int(await connection.fetchval("SELECT count(*) FROM assertion_seen"))


def verifier_of(world: World, server: TokenServer) -> TokenVerifier:
    """A process of its own that takes this server's tokens."""
    return TokenVerifier.embedded(
        ISSUER, server.keys, world.registry, PURPOSES, PortfolioStore(world.database)
    )


def app_of(server: TokenServer, clock: FixedClock) -> httpx.AsyncClient:
    app = Starlette(routes=endpoint.routes(server, clock))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=ISSUER)


def client(client_id: str, public: dict[str, Any], **changes: Any) -> Client:
    facts: dict[str, Any] = {
        "name_zh": "海口示范银行(演示)",
        "name_en": "Haikou Demo Bank",
        "roles": ("bank",),
        "institution": "91460000DEM00101XA",
        "purposes": ("LOAN_APPLICATION", "LOAN_REVIEW_POST"),
        "demo": True,
    }
    return Client(client_id=client_id, jwks={"keys": [public]}, **{**facts, **changes})


SECRET = hashlib.sha256(b"the content key of this world").digest()
SEAL = ClientSeal(
    ContentIndexKey(
        KeyFacts(fingerprint_id(KeyPurpose.CONTENT, SECRET), KeyPurpose.CONTENT, KeyStatus.ACTIVE, NOW),
        SECRET,
    )
)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[World]:
    database = await Database.open(url)
    registry = await ClientRegistry.load(database, SEAL)
    private = {}
    for client_id, changes in {
        "bank-hkb": {},
        "bank-qzb": {},
        "subject-org": {"roles": ("subject",), "purposes": ("SELF_QUERY",), "subject_id": resolve(USCC)},
        "bank-es": {},
    }.items():
        private[client_id], public = generate_client_key("P-256" if client_id == "bank-es" else "Ed25519")
        await registry.register(client(client_id, public, **changes), NOW, unentered)
    clock, signer = FixedClock(NOW), Signer()
    server = token_server(database, registry, signer)
    async with app_of(server, clock) as http:
        yield World(database, registry, clock, server, signer, http, private)
    await database.close()


def token_server(database: Database, registry: ClientRegistry, signer: Signer) -> TokenServer:
    return TokenServer(
        issuer=ISSUER,
        registry=registry,
        assertions=AssertionLog(database),
        portfolios=PortfolioStore(database),
        signer=signer,
        purposes=PURPOSES,
        resolve_subject=resolve,
        lifetime=timedelta(seconds=300),
    )


def run(url: str, scenario: Callable[[World], Awaitable[None]]) -> None:
    async def play() -> None:
        async with opened(url) as world:
            await scenario(world)

    asyncio.run(play())


def b64(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def unsigned(header: dict[str, Any], claims: dict[str, Any]) -> str:
    """The signing input of a token, made without the library under test."""
    return signing_input(json.dumps(header), json.dumps(claims))


def signing_input(header: str, claims: str) -> str:
    return f"{b64(header.encode())}.{b64(claims.encode())}"
