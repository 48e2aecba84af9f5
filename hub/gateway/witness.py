"""The HTTP side of a witness (c2sp.org/tlog-witness): `POST /add-checkpoint`, and nothing else that can change it."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hub.audit.witness import MAX_BODY, Witness
from hub.clock import Clock


def witness_app(witness: Witness, clock: Clock) -> Starlette:
    """The application of a witness.

    Args:
        witness: answers.
        clock: gives the time of cosignatures.
    """

    async def add_checkpoint(request: Request) -> Response:
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY:
                    return PlainTextResponse("The request is too long.\n", 413)
        except ClientDisconnect:
            return Response(status_code=400)
        reply = await run_in_threadpool(witness.add_checkpoint, bytes(body), clock.now())
        return Response(reply.body, reply.status, media_type=reply.media_type)

    async def healthy(_request: Request) -> Response:
        return PlainTextResponse("ok\n")

    return Starlette(
        routes=[
            Route("/add-checkpoint", add_checkpoint, methods=["POST"]),
            Route("/healthz", healthy, methods=["GET"]),
        ]
    )
