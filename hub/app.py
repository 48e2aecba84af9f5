"""The composition root: everything is built here, from settings and a clock, and handed down as arguments."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from hub.api.context import Services
from hub.api.schema import HubSchema, build_schema, core
from hub.audit.cases import ReviewCases
from hub.audit.entry import OPENED
from hub.audit.log import AuditLog
from hub.audit.note import LogKeySigner
from hub.audit.quota import QuotaCounts
from hub.catalog.loader import load_catalog
from hub.clock import Clock, civil_date
from hub.config import Settings
from hub.consent.service import ConsentService
from hub.disclosure.account import Accountant
from hub.disclosure.budget import QuestionCounts
from hub.disclosure.changes import announce_changes
from hub.disclosure.documents import DocumentCache
from hub.disclosure.fair_use import SpentQuotas
from hub.disclosure.gate import DisclosureGate
from hub.disclosure.limits import Limits
from hub.disclosure.live import LiveRules, PurposesInForce
from hub.disclosure.operations import Preparer
from hub.disclosure.rules import Rules
from hub.documents.registry import TrustedDocuments, load_documents
from hub.emergency.service import EmergencyService
from hub.errors import ConfigurationError, HubError
from hub.folders import locate
from hub.gateway.engines import Engines
from hub.gateway.execute import Executor
from hub.gateway.graphql import Authenticator, GraphQLEndpoint
from hub.gateway.metrics import CONTENT_TYPE, Metrics
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
from hub.keys.ring import KeyRing, load_ring
from hub.lifecycle.service import Lifecycle
from hub.model.subjects import subject_of
from hub.policies.files import load_policies
from hub.policies.store import CHANNEL as POLICY_CHANNEL
from hub.recall.service import RecallService
from hub.store.database import Database
from hub.store.listen import Listener
from hub.store.migrate import check_revision

GRAPHQL_PATH = "/graphql"


@dataclass(frozen=True)
class Hub:
    """Everything a running process holds."""

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
    routes: tuple[Route, ...]

    @property
    def rules(self) -> Rules:
        """The rules in force now; a request takes them once."""
        return self.live.current


def load_rules(settings: Settings) -> Rules:
    """Catalogue and policy from their folders, linted.

    Raises:
        CatalogError, PolicyError: naming the file and the row at fault.
    """
    catalog = load_catalog(locate("schema", settings.schema_dir))
    return Rules(catalog, load_policies(locate("policies", settings.policies_dir), catalog))


def document_cache(settings: Settings, schema: HubSchema) -> DocumentCache:
    """Parses, bounds and validates documents as these settings say."""
    limits = Limits(settings.max_tokens, settings.max_depth, settings.max_aliases)
    return DocumentCache(core(schema), limits, introspection=settings.introspection)


def load_trusted(
    settings: Settings, rules: Rules, schema: HubSchema, documents: DocumentCache
) -> TrustedDocuments:
    """The trusted documents, each verified against the manifest and the schema.

    Raises:
        DocumentsError: naming the document at fault.
        ConfigurationError: when HUB_TRUSTED_DOCUMENTS is not one of its words.
    """
    folder = locate("schema", settings.schema_dir)
    return load_documents(folder, rules, core(schema), documents, required=settings.documents_required)


def open_ring(settings: Settings) -> KeyRing:
    """The private key ring.

    Raises:
        KeyRingError, ConfigurationError: when there is none, or it cannot be used.
    """
    if not settings.keys_dir:
        raise ConfigurationError(
            "There is no key ring.",
            hint="Run `hub keys init FOLDER` and set HUB_KEYS_DIR to that folder; `hub demo` makes one of its own.",
        )
    ring = load_ring(Path(settings.keys_dir).expanduser(), demo=settings.demo)
    if ring.manifest.log_origin != settings.log_origin:
        raise ConfigurationError(
            "The key ring was made for a log of another origin.",
            hint=f"Set HUB_LOG_ORIGIN={ring.manifest.log_origin} or use the ring that belongs to this log.",
        )
    return ring


def issuer_url(settings: Settings) -> str:
    """The URL that tokens are issued under."""
    return settings.issuer or f"http://{settings.host}:{settings.port}"


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
        database = await Database.open(settings.database_url, pool_size=settings.pool_size)
        stack.push_async_callback(database.close)
        signer = LogKeySigner(settings.log_origin, ring.log.active)
        log = await AuditLog.open(
            database, settings.log_origin, signer, clock,
            verifiers=ring.public().note_verifiers(), capacity=settings.max_queue,
        )  # fmt: skip
        stack.push_async_callback(log.close)
        registry = await ClientRegistry.load(database)
        metrics = Metrics(lambda: log.waiting, lambda: log.size)
        log.noted = lambda entry: metrics.opened(entry.operation, entry.detail.get(OPENED, 0))
        live = await LiveRules.open(database, log, rules, clock.now(), metrics.policy_refused)
        await announce_changes(database, log, ring, live.current, "hub", clock.now())
        upkeep = Upkeep(
            AssertionLog(database), PortfolioStore(database), QuotaCounts(database),
            QuestionCounts(database, lambda: live.current.policy.questionnaire.budget), RequestStore(database),
        )  # fmt: skip
        listener = Listener(
            database.url, [CHANNEL, POLICY_CHANNEL], _refresher(registry, live, upkeep, clock)
        )
        listener.start()
        stack.push_async_callback(listener.stop)
        indexer = ring.indexer()
        resolve = _resolver(settings, clock, indexer)
        consents, recalls = ConsentService(database, log, ring), RecallService(database, log, ring)
        titles = {dataset.id: dataset.title for dataset in rules.catalog}
        lifecycle = Lifecycle.open(database, log, ring.sealer(), indexer, recalls, titles)
        tokens, identity = await _identity(settings, clock, ring, live, registry, database, resolve, stack)
        intake = Intake(
            settings.database_url, indexer, ring.sealer(), clock, settings.home_path, demo=settings.demo
        )
        worker = IntakeWorker(intake)
        stack.callback(worker.close)
        submissions = Submissions(worker, database)
        stack.push_async_callback(submissions.close)
        executor = _engines(
            settings,
            clock,
            database,
            ring,
            live,
            log,
            consents,
            recalls,
            lifecycle,
            submissions,
            indexer,
            resolve,
        )
        endpoint = GraphQLEndpoint(
            executor,
            lambda: live.current,
            tokens,
            metrics,
            clock,
            settings.max_body_bytes,
            settings.max_queue,
            max_submission_bytes=settings.max_submission_bytes,
        )
        uploads = UploadEndpoint(worker, log, tokens, lambda: live.current, settings.max_upload_bytes)
        stack.push_async_callback(uploads.close)
        tracker = Tracker(
            database, log, tokens, lambda: live.current, resolve, indexer, clock, settings.request_timeout
        )
        routes = (
            Route(GRAPHQL_PATH, endpoint),
            Route(UPLOAD_PATH, uploads),
            *identity,
            *tracker.routes(),
            *_operations(database, log, metrics, live),
        )
        yield Hub(
            settings, clock, database, ring, indexer, live, log, consents, recalls, lifecycle, registry, metrics,
            routes,
        )  # fmt: skip


def _refresher(
    registry: ClientRegistry, live: LiveRules, upkeep: Upkeep, clock: Clock
) -> Callable[[], Awaitable[None]]:
    async def refresh() -> None:
        await asyncio.gather(registry.refresh(), live.refresh(), upkeep.run(clock.now()))

    return refresh


def _resolver(settings: Settings, clock: Clock, indexer: Indexer) -> Callable[[str], bytes]:
    def resolve(text: str) -> bytes:
        if text.startswith("sub_"):
            return parse_pseudonym(text)
        kind, identifier = subject_of(text, today=civil_date(clock.now()), demo=settings.demo)
        return indexer.subject_id(kind, identifier)

    return resolve


def _engines(
    settings: Settings,
    clock: Clock,
    database: Database,
    ring: KeyRing,
    live: LiveRules,
    log: AuditLog,
    consents: ConsentService,
    recalls: RecallService,
    lifecycle: Lifecycle,
    submissions: Submissions,
    indexer: Indexer,
    resolve: Callable[[str], bytes],
) -> Engines:
    spent = SpentQuotas()
    gate = DisclosureGate(
        database, consents, DataKeyCache(ring.sealer()), indexer.subject_id, settings.max_page_size, spent,
        settings.max_answer_bytes,
    )  # fmt: skip
    accountant = Accountant(log, spent.remember)

    def schema_of(rules: Rules) -> HubSchema:
        return build_schema(rules.catalog, rules.policy.questionnaire.predicates)

    def build(rules: Rules, schema: HubSchema) -> Executor:
        documents = document_cache(settings, schema)
        trusted = load_trusted(settings, rules, schema, documents)
        steering = Steering.open(database, log, ring.sealer(), indexer)
        services = Services(
            database, consents, recalls, lifecycle, steering, resolve, settings.max_page_size, trusted, submissions,
            log, EmergencyService(database, log, ring), ReviewCases(database, log, ring.sealer()),
        )  # fmt: skip
        preparer = Preparer(core(schema))
        return Executor(
            schema, documents, trusted, preparer, gate, accountant, services, indexer, clock,
            settings.request_timeout, settings.export_timeout,
        )  # fmt: skip

    engines = Engines(live.current, schema_of, build)
    live.prepare = engines.prepare
    return engines


async def _identity(
    settings: Settings,
    clock: Clock,
    ring: KeyRing,
    live: LiveRules,
    registry: ClientRegistry,
    database: Database,
    resolve: Callable[[str], bytes],
    stack: AsyncExitStack,
) -> tuple[Authenticator, list[Route]]:
    """The verifier of access tokens, and the routes of the embedded issuer unless an external one is set."""
    purposes = PurposesInForce(live)
    if settings.external_issuer:
        http = await stack.enter_async_context(httpx.AsyncClient())
        external = ExternalIssuer(
            issuer=settings.external_issuer,
            audience=settings.external_audience or issuer_url(settings),
            keys=FetchedKeys(http, settings.external_jwks_url),
            registry=registry,
            purposes=purposes,
            resolve_subject=resolve,
        )
        return external, []
    lifetime, portfolios = timedelta(seconds=settings.token_lifetime), PortfolioStore(database)
    server = TokenServer(
        issuer=issuer_url(settings),
        registry=registry,
        assertions=AssertionLog(database),
        portfolios=portfolios,
        signer=ring.token.active,
        purposes=purposes,
        resolve_subject=resolve,
        lifetime=lifetime,
        retired=retired_keys(ring.token.by_id.values(), lifetime),
    )
    verifier = TokenVerifier.embedded(server.issuer, server.keys, registry, purposes, portfolios)
    return verifier, identity_routes(server, clock)


def _operations(database: Database, log: AuditLog, metrics: Metrics, live: LiveRules) -> list[Route]:
    """Health, readiness and metrics."""

    async def healthz(_request: Request) -> Response:
        return JSONResponse({"status": "ok"})

    async def readyz(_request: Request) -> Response:
        try:
            async with database.connection() as connection:
                await connection.fetchval("SELECT 1")
        except HubError:
            return JSONResponse(
                {"status": "unavailable", "database": "unreachable"}, 503, {"retry-after": "1"}
            )
        return JSONResponse(
            {
                "status": "ready",
                "policy": live.current.policy.revision,
                "catalogue": live.current.catalog.revision,
            }
        )

    async def measure(_request: Request) -> Response:
        return Response(metrics.text(), media_type=CONTENT_TYPE)

    return [
        Route("/healthz", healthz, methods=["GET"]),
        Route("/readyz", readyz, methods=["GET"]),
        Route("/metrics", measure, methods=["GET"]),
    ]


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
