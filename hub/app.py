"""The composition root: everything is built here, from settings and a clock, and handed down as arguments."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.context import Services
from hub.api.schema import HubSchema, build_schema, core
from hub.api.trusted import document_cache, load_trusted
from hub.audit.cases import ReviewCases
from hub.audit.entry import OPENED
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.audit.quota import QuotaCounts
from hub.clock import Clock, civil_date
from hub.config import Settings
from hub.consent.service import ConsentService
from hub.disclosure.account import Accountant
from hub.disclosure.budget import QuestionCounts
from hub.disclosure.changes import announce_changes
from hub.disclosure.fair_use import SpentQuotas
from hub.disclosure.gate import DisclosureGate
from hub.disclosure.live import LiveRules, PurposesInForce
from hub.disclosure.operations import Preparer
from hub.disclosure.rules import Rules
from hub.emergency.service import EmergencyService
from hub.gateway.engines import Engines
from hub.gateway.execute import Executor
from hub.gateway.graphql import Authenticator, GraphQLEndpoint
from hub.gateway.health import health_routes
from hub.gateway.metrics import Metrics
from hub.gateway.tracker import Tracker
from hub.gateway.upload import UPLOAD_PATH, UploadEndpoint
from hub.identity.clients import CHANNEL, ClientRegistry
from hub.identity.endpoint import routes as identity_routes
from hub.identity.external import ExternalIssuer, FetchedKeys
from hub.identity.issuer_keys import retired_keys
from hub.identity.portfolio import PortfolioStore
from hub.identity.replay import AssertionLog
from hub.identity.server import TokenServer
from hub.identity.tokens import TokenVerifier
from hub.identity.upkeep import Upkeep
from hub.intake.request_store import RequestStore
from hub.intake.steering import Steering
from hub.intake.submission import Submissions
from hub.intake.worker import Intake, IntakeWorker
from hub.keys.cache import DataKeyCache
from hub.keys.index import Indexer
from hub.keys.pseudonym import parse_pseudonym
from hub.keys.ring import KeyRing
from hub.lifecycle.service import Lifecycle
from hub.loading import issuer_url, load_rules, open_ring
from hub.model.subjects import subject_of
from hub.policies.store import CHANNEL as POLICY_CHANNEL
from hub.recall.service import RecallService
from hub.store.database import Database
from hub.store.listen import Listener
from hub.store.migrate import check_revision

GRAPHQL_PATH = "/graphql"


@dataclass(frozen=True)
class Parts:
    """What everything that answers requests is built from."""

    settings: Settings
    clock: Clock
    database: Database
    ring: KeyRing
    indexer: Indexer
    live: LiveRules
    log: AuditLog
    consents: ConsentService
    recalls: RecallService
    lifecycle: Lifecycle
    registry: ClientRegistry
    metrics: Metrics

    @property
    def rules(self) -> Rules:
        """The rules in force now; a request takes them once."""
        return self.live.current

    def resolve(self, subject: str) -> bytes:
        """The pseudonym of a subject, from `sub_<hex>` or an identifier (USCC, resident id).

        Raises:
            InputError: when it is neither.
        """
        if subject.startswith("sub_"):
            return parse_pseudonym(subject)
        today = civil_date(self.clock.now())
        return self.indexer.subject_id(*subject_of(subject, today=today, demo=self.settings.demo))


@dataclass(frozen=True)
class Hub(Parts):
    """Everything a running process holds."""

    routes: tuple[Route, ...]


@asynccontextmanager
async def open_hub(settings: Settings, clock: Clock) -> AsyncIterator[Hub]:
    """Build everything, and close it again.

    Raises:
        ConfigurationError: on the first thing that is not as it must be.
        UnavailableError: when the database does not answer.
    """
    ring, rules = open_ring(settings), load_rules(settings)
    await check_revision(settings.database_url)
    async with AsyncExitStack() as stack:
        parts = await _open_parts(settings, clock, ring, rules, stack)
        yield Hub(**vars(parts), routes=await _open_routes(parts, stack))


async def _open_parts(
    settings: Settings, clock: Clock, ring: KeyRing, rules: Rules, stack: AsyncExitStack
) -> Parts:
    database = await Database.open(settings.database_url, pool_size=settings.pool_size)
    stack.push_async_callback(database.close)
    log = await AuditLog.open(
        database, settings.log_origin, LogKeySigner(settings.log_origin, ring.log.active), clock,
        verifiers=ring.public().note_verifiers(), capacity=settings.max_queue,
    )  # fmt: skip
    stack.push_async_callback(log.close)
    metrics = Metrics(lambda: log.waiting, lambda: log.size)
    log.noted = lambda entry: metrics.opened(entry.operation, entry.detail.get(OPENED, 0))
    live = await LiveRules.open(database, log, rules, clock.now(), metrics.policy_refused)
    await announce_changes(database, log, ring, live.current, "hub", clock.now())
    indexer, recalls = ring.indexer(), RecallService(database, log, ring)
    titles = {dataset.id: dataset.title for dataset in rules.catalog}
    return Parts(
        settings, clock, database, ring, indexer, live, log, ConsentService(database, log, ring), recalls,
        Lifecycle.open(database, log, ring.sealer(), indexer, recalls, titles),
        await ClientRegistry.load(database, ring.client_seal()), metrics,
    )  # fmt: skip


async def _open_routes(parts: Parts, stack: AsyncExitStack) -> tuple[Route, ...]:
    """Start what runs beside the requests, and give the routes that answer them."""
    settings, clock, database, log, live = parts.settings, parts.clock, parts.database, parts.log, parts.live
    listener = Listener(database.url, [CHANNEL, POLICY_CHANNEL], _refresher(parts))
    listener.start()
    stack.push_async_callback(listener.stop)
    tokens, identity = await _identity(parts, stack)
    worker = IntakeWorker(
        Intake(
            settings.database_url,
            parts.indexer,
            parts.ring.sealer(),
            clock,
            settings.home_path,
            demo=settings.demo,
        )
    )
    stack.callback(worker.close)
    submissions = Submissions(worker, database)
    stack.push_async_callback(submissions.close)
    endpoint = GraphQLEndpoint(
        _engines(parts, submissions), lambda: live.current, tokens, parts.metrics, clock,
        settings.max_body_bytes, settings.max_queue, max_submission_bytes=settings.max_submission_bytes,
    )  # fmt: skip
    uploads = UploadEndpoint(worker, log, tokens, lambda: live.current, settings.max_upload_bytes)
    stack.push_async_callback(uploads.close)
    tracker = Tracker(
        database,
        log,
        tokens,
        lambda: live.current,
        parts.resolve,
        parts.indexer,
        clock,
        settings.request_timeout,
    )
    return (
        Route(GRAPHQL_PATH, endpoint),
        Route(UPLOAD_PATH, uploads),
        *identity,
        *tracker.routes(),
        *health_routes(database, parts.metrics, live),
    )


def _refresher(parts: Parts) -> Callable[[], Awaitable[None]]:
    """Read again what other processes change, and do the upkeep that comes round."""
    database, live = parts.database, parts.live
    upkeep = Upkeep(
        AssertionLog(database), PortfolioStore(database), QuotaCounts(database),
        QuestionCounts(database, lambda: live.current.policy.questionnaire.budget), RequestStore(database),
    )  # fmt: skip

    async def refresh() -> None:
        await asyncio.gather(parts.registry.refresh(), live.refresh(), upkeep.run(parts.clock.now()))

    return refresh


def _engines(parts: Parts, submissions: Submissions) -> Engines:
    settings, database, ring, log = parts.settings, parts.database, parts.ring, parts.log
    spent = SpentQuotas()
    gate = DisclosureGate(
        database, parts.consents, DataKeyCache(ring.sealer()), parts.indexer.subject_id, settings.max_page_size,
        spent, settings.max_answer_bytes,
    )  # fmt: skip
    accountant = Accountant(log, spent.remember)

    def schema_of(rules: Rules) -> HubSchema:
        return build_schema(rules.catalog, rules.policy.questionnaire.predicates)

    def build(rules: Rules, schema: HubSchema) -> Executor:
        documents = document_cache(settings, schema)
        trusted = load_trusted(settings, rules, schema, documents)
        steering = Steering.open(database, log, ring.sealer(), parts.indexer)
        services = Services(
            database, parts.consents, parts.recalls, parts.lifecycle, steering, parts.resolve,
            settings.max_page_size, trusted, submissions, log, EmergencyService(database, log, ring),
            ReviewCases(database, log, ring.sealer()),
        )  # fmt: skip
        return Executor(
            schema, documents, trusted, Preparer(core(schema)), gate, accountant, services, parts.indexer,
            parts.clock, settings.request_timeout, settings.export_timeout,
        )  # fmt: skip

    engines = Engines(parts.live.current, schema_of, build)
    parts.live.prepare = engines.prepare
    return engines


async def _identity(parts: Parts, stack: AsyncExitStack) -> tuple[Authenticator, list[Route]]:
    """The verifier of access tokens, and the routes of the embedded issuer unless an external one is set."""
    settings, registry, purposes = parts.settings, parts.registry, PurposesInForce(parts.live)
    if settings.external_issuer:
        http = await stack.enter_async_context(httpx.AsyncClient())
        external = ExternalIssuer(
            issuer=settings.external_issuer,
            audience=settings.external_audience or issuer_url(settings),
            keys=FetchedKeys(http, settings.external_jwks_url),
            registry=registry,
            purposes=purposes,
            resolve_subject=parts.resolve,
        )
        return external, []
    lifetime, portfolios = timedelta(seconds=settings.token_lifetime), PortfolioStore(parts.database)
    server = TokenServer(
        issuer=issuer_url(settings),
        registry=registry,
        assertions=AssertionLog(parts.database),
        portfolios=portfolios,
        signer=parts.ring.token.active,
        purposes=purposes,
        resolve_subject=parts.resolve,
        lifetime=lifetime,
        retired=retired_keys(parts.ring.token.by_id.values(), lifetime),
    )
    verifier = TokenVerifier.embedded(server.issuer, server.keys, registry, purposes, portfolios)
    return verifier, identity_routes(server, parts.clock)


def settle() -> None:
    """Take what is loaded for good out of the garbage collector's rounds; called once a long run is set up.

    The catalogue and the rules are hundreds of thousands of objects that every full round would look at.
    """
    gc.collect()
    gc.freeze()


class Front:
    """The application: GraphQL goes straight to its endpoint, everything else and the lifespan to Starlette."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._graphql: ASGIApp | None = None

        @asynccontextmanager
        async def lifespan(app: Starlette) -> AsyncIterator[None]:
            async with open_hub(settings, clock) as hub:
                app.router.routes.extend(hub.routes)
                self._graphql = next(route.app for route in hub.routes if route.path == GRAPHQL_PATH)
                settle()
                yield

        self._rest = Starlette(lifespan=lifespan)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection event."""
        if scope["type"] == "http" and scope["path"] == GRAPHQL_PATH and self._graphql is not None:
            await self._graphql(scope, receive, send)
        else:
            await self._rest(scope, receive, send)


def create_app(settings: Settings, clock: Clock) -> Front:
    """The ASGI application; everything is opened when it starts and closed when it stops."""
    return Front(settings, clock)
