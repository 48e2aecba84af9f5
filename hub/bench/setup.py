"""Everything a run needs besides databases: settings, keys, records, clients, consents and tokens.

- Records come in through the same merge as files from departments; consents through the consent service,
  signed and logged; tokens through the token endpoint. One application, one company, one consent, one token.
"""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import httpx
from starlette.applications import Starlette

from hub.app import Hub, open_hub
from hub.bench.dataset import Company, Values, records
from hub.bench.document import CLIENT, KIND, PURPOSE
from hub.bench.fairuse import ample
from hub.bench.plain import load_plain
from hub.clock import Clock, civil_date
from hub.config import Settings
from hub.consent.request import ConsentRequest
from hub.demo import story_facts as facts
from hub.demo.clients import register_demo_clients, registrations, unsafe_demo_key
from hub.folders import locate
from hub.identity.assertion import request_token
from hub.intake.merge import Origin, load_rows
from hub.intake.rows import RowShape, SubjectRef, ValidRow
from hub.keys.ring import create_ring
from hub.loading import issuer_url

_ISSUER = "https://hub.bench.example"
_DAY_SECONDS = 86_400
_MOST_USES = 2_000_000_000

Say = Callable[[str], None]


@dataclass(frozen=True)
class Application:
    """One company whose report can be asked for."""

    uscc: str
    subject_id: bytes
    consent: str
    token: str


def bench_settings(settings: Settings, url: str, folder: Path, now: datetime) -> Settings:
    """Settings of all contestants: as given, with the run's own database, keys, issuer and caps on reading.

    Makes the key ring and the copy of the policies.
    """
    policies = ample(locate("policies", settings.policies_dir), folder / "policies")
    ring = folder / "ring"
    create_ring(ring, demo=True, now=now, log_origin=settings.log_origin)
    return dataclasses.replace(
        settings,
        database_url=url,
        keys_dir=str(ring),
        policies_dir=str(policies),
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
        await register_demo_clients(
            hub.registry, hub.indexer, folder / "clients", now, registrations(hub.log, now)
        )
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
    token = await _token(hub, http, folder, detail)
    subject_id = hub.indexer.subject_id(KIND, company.uscc)
    return Application(company.uscc, subject_id, consent, token)


async def portfolio_token(
    settings: Settings, folder: Path, clock: Clock, applications: Sequence[Application]
) -> str:
    """One token for all these companies, each under its own consent.

    Args:
        settings: from `bench_settings`.
        folder: where the clients' keys are.
        clock: the machine's.
        applications: from `fill`.

    Raises:
        AuthenticationError: when the token endpoint refuses.
    """
    detail = {
        "type": "credit_disclosure",
        "purpose": PURPOSE,
        "subjects": [application.uscc for application in applications],
        "consents": [application.consent for application in applications],
        "reference": "贷后演000000",
    }
    async with open_hub(settings, clock) as hub, _http(hub) as http:
        return await _token(hub, http, folder, detail)


async def _token(hub: Hub, http: httpx.AsyncClient, folder: Path, detail: dict[str, Any]) -> str:
    answer = await request_token(
        http,
        "/oauth/token",
        unsafe_private_jwk=unsafe_demo_key(folder / "clients", CLIENT),
        client_id=CLIENT,
        issuer=issuer_url(hub.settings),
        details=[detail],
        now=hub.clock.now(),
    )
    return str(answer["access_token"])
