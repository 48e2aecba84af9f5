"""The floor: what an engineer would write who needs no GraphQL and no security.

The same statement with the same parameters, on the same driver and pool, JSON columns decoded, rows grouped
by dataset, one `orjson.dumps`. It shows sealed columns as they are stored.
"""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from hub.bench.document import KIND, ReadPlan
from hub.clock import Clock, civil_date
from hub.disclosure.read import HEADER, Wanted, read_report
from hub.store.database import Database


def build_floor(database_url: str, pool_size: int, plan: ReadPlan, clock: Clock) -> Starlette:
    """The application: `GET /report/{subject id in hex}`."""
    databases: list[Database] = []

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        databases.append(await Database.open(database_url, pool_size=pool_size))
        gc.collect()
        gc.freeze()
        yield
        await databases.pop().close()

    async def report(request: Request) -> Response:
        subject_id = bytes.fromhex(request.path_params["subject_id"])
        now = clock.now()
        async with databases[0].pool.acquire() as connection:
            wanted = Wanted.under(subject_id, None)
            rows = await read_report(connection, KIND.value, civil_date(now), now, wanted, plan.arrays)
        found: dict[str, list[dict[str, Any]]] = {dataset: [] for dataset in plan.datasets}
        for row in rows:
            if row["slot"] == HEADER:
                continue
            found[plan.datasets[row["slot"]]].append(
                {
                    "id": row["record_id"].hex(),
                    "version": row["version"],
                    "eventDate": row["event_date"],
                    **orjson.loads(row["clear"]),
                    **orjson.loads(row["sealed"]),
                }
            )
        return Response(orjson.dumps(found), media_type="application/json")

    return Starlette(routes=[Route("/report/{subject_id}", report)], lifespan=lifespan)
