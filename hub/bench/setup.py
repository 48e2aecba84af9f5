"""Everything a run needs: a database of its own, keys, records, clients, consents and tokens.

- The database is made for the run and dropped afterwards. With HUB_DATABASE_URL it is a new database on that
  server; the database that the URL names is never touched.
- Records come in through the same merge as files from departments; consents through the consent service,
  signed and logged; tokens through the token endpoint. One application, one company, one consent, one token.
"""

from __future__ import annotations

import asyncio
import dataclasses
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path

import asyncpg
import httpx
from starlette.applications import Starlette

from hub.app import Hub, issuer_url, open_hub
from hub.bench.dataset import Company, Values, records
from hub.bench.document import CLIENT, KIND, PURPOSE
from hub.bench.plain import load_plain
from hub.clock import Clock, civil_date
from hub.config import Settings
from hub.consent.request import ConsentRequest
from hub.demo import story_facts as facts
from hub.demo.clients import register_demo_clients, unsafe_demo_key
from hub.errors import ConfigurationError
from hub.identity.assertion import request_token
from hub.intake.merge import Origin, load_rows
from hub.intake.rows import RowShape, SubjectRef, ValidRow
from hub.keys.ring import create_ring
from hub.store.database import asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

_DATABASE = "credit_hub_bench"
_ISSUER = "https://hub.bench.example"
_DAY_SECONDS = 86_400
_MOST_USES = 2_000_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Application:
    """One company whose report can be asked for."""

    uscc: str
    subject_id: bytes
    token: str


@dataclass(frozen=True)
class BenchDatabase:
    """A database made for this run."""

    url: str
    own_server: bool


@contextmanager
def fresh_database(settings: Settings, folder: Path) -> Iterator[BenchDatabase]:
    """A new migrated database, on an embedded server of its own or on the server of HUB_DATABASE_URL.

    Raises:
        ConfigurationError: when the server does not let us create a database.
        UnavailableError: when the server does not come up.
    """
    if settings.database_url:
        url = parse_url(settings.database_url)
        asyncio.run(_recreate(settings.database_url))
        try:
            bench_url = url.set(drivername="postgresql", database=_DATABASE).render_as_string(
                hide_password=False
            )
            migrate(bench_url)
            yield BenchDatabase(bench_url, own_server=False)
        finally:
            asyncio.run(_drop(settings.database_url))
        return
    server = EmbeddedServer(folder / "postgresql")
    try:
        server.start()
        migrate(server.url())
        yield BenchDatabase(server.url(), own_server=True)
    finally:
        server.remove()


async def _drop(url: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        await connection.execute(f"DROP DATABASE IF EXISTS {_DATABASE} WITH (FORCE)")
    finally:
        await connection.close()


async def _recreate(url: str) -> None:
    await _drop(url)
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        await connection.execute(f"CREATE DATABASE {_DATABASE}")
    except asyncpg.InsufficientPrivilegeError as error:
        raise ConfigurationError(
            "The user of HUB_DATABASE_URL may not create a database for the benchmark.",
            hint="Give it CREATEDB, or unset the variable to use the embedded server.",
        ) from error
    finally:
        await connection.close()


def bench_settings(settings: Settings, url: str, folder: Path, now: datetime) -> Settings:
    """Settings of all contestants: as given, with the run's own database, keys and issuer; makes the key ring."""
    ring = folder / "ring"
    create_ring(ring, demo=True, now=now, log_origin=settings.log_origin)
    return dataclasses.replace(
        settings,
        database_url=url,
        keys_dir=str(ring),
        issuer=_ISSUER,
        external_issuer="",
        token_lifetime=_DAY_SECONDS,
        demo=True,
    )


@contextmanager
def workspace() -> Iterator[Path]:
    """A folder for the run; gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hub-bench-") as folder:
        yield Path(folder)


async def fill(settings: Settings, folder: Path, clock: Clock, subjects: int, say: Say) -> list[Application]:
    """Load records, plain tables, clients and consents, and fetch a token for every company.

    Args:
        settings: from `bench_settings`.
        folder: for the clients' keys.
        clock: the machine's.
        subjects: how many companies.
        say: told what is being done.
    """
    companies = [Company.of(index) for index in range(subjects)]
    async with open_hub(settings, clock) as hub:
        now = clock.now()
        await register_demo_clients(hub.registry, hub.indexer, folder / "clients", now)
        say(f"loading records of {subjects} companies")
        await _load(hub, companies, now)
        async with hub.database.connection() as connection:
            await load_plain(connection, companies, civil_date(now))
            await connection.execute("VACUUM (ANALYZE)")
        say(f"granting {subjects} consents and fetching {subjects} tokens")
        consents = await _grant(hub, companies, now)
        async with _http(hub) as http:
            return [
                await _application(hub, http, folder, company, consent)
                for company, consent in zip(companies, consents, strict=True)
            ]


async def _load(hub: Hub, companies: Sequence[Company], now: datetime) -> None:
    catalog, sealer = hub.rules.catalog, hub.ring.sealer()
    for dataset in sorted({d for d, _ in records(companies[0], civil_date(now))}):
        shape = RowShape(catalog.datasets[dataset])
        origin = Origin(catalog.datasets[dataset], facts.DEPT_AMR, f"bench-{dataset}", now)
        rows = _rows(shape, companies, dataset, civil_date(now))
        await load_rows(rows, origin, database=hub.database, indexer=hub.indexer, sealer=sealer)


def _rows(shape: RowShape, companies: Sequence[Company], dataset: str, today: date) -> Iterator[ValidRow]:
    number = 0
    for company in companies:
        for name, values in records(company, today):
            if name == dataset:
                number += 1
                yield shape.row(SubjectRef(KIND, company.uscc), _present(values), number)


def _present(values: Values) -> Values:
    return {k: v for k, v in values.items() if v is not None}


async def _grant(hub: Hub, companies: Sequence[Company], now: datetime) -> list[str]:
    """A consent of every company, with as many uses as a run may need; everything else as the template says."""
    policy = hub.rules.policy
    ample = {i: dataclasses.replace(t, max_uses=_MOST_USES) for i, t in policy.consents.items()}
    policy = dataclasses.replace(policy, consents=ample)
    request = ConsentRequest(
        facts.BANK_HKB, PURPOSE, separate_consent=True, adverse_notice_acknowledged=True, created_via="BENCH"
    )
    granted: list[str] = []
    for company in companies:
        subject_id = hub.indexer.subject_id(KIND, company.uscc)
        consent = await hub.consents.grant(subject_id, request, policy, "subject-org", now)
        granted.append(consent.consent_id)
    return granted


@asynccontextmanager
async def _http(hub: Hub) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=Starlette(routes=list(hub.routes)))
    async with httpx.AsyncClient(transport=transport, base_url=issuer_url(hub.settings)) as http:
        yield http


async def _application(
    hub: Hub, http: httpx.AsyncClient, folder: Path, company: Company, consent: str
) -> Application:
    detail = {
        "type": "credit_disclosure",
        "purpose": PURPOSE,
        "subjects": [company.uscc],
        "consent": consent,
        "reference": f"贷演{company.index:06d}",
    }
    answer = await request_token(
        http,
        "/oauth/token",
        unsafe_private_jwk=unsafe_demo_key(folder / "clients", CLIENT),
        client_id=CLIENT,
        issuer=issuer_url(hub.settings),
        details=[detail],
        now=hub.clock.now(),
    )
    return Application(company.uscc, hub.indexer.subject_id(KIND, company.uscc), str(answer["access_token"]))
