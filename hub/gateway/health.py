"""Health, readiness and metrics of a process."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.disclosure.live import LiveRules
from hub.errors import HubError
from hub.gateway.metrics import CONTENT_TYPE, Metrics
from hub.store.database import Database


def health_routes(database: Database, metrics: Metrics, live: LiveRules) -> list[Route]:
    """The routes `/healthz`, `/readyz` (asks the database) and `/metrics` (Prometheus text)."""

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
