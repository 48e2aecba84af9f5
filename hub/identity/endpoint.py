"""The token endpoint on the wire: the only module of this room that knows HTTP.

- Parameters come in the body, as `application/x-www-form-urlencoded` in UTF-8; none is repeated (RFC 6749
  section 3.2); an empty one counts as left out; none comes in the URL, where logs would keep it.
- A body is read up to a limit that a thousand subjects with their consents fit in, and for a limited time.
- Nothing here is cached by anyone, errors included, but for the metadata and the keys.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from hub.clock import Clock
from hub.errors import UnavailableError
from hub.identity.metadata import JWKS_PATH, METADATA_PATH, TOKEN_PATH
from hub.identity.server import TokenServer

MAX_PARAMETERS = 32
MAX_BODY_BYTES = 131_072
"""Largest body of a token request: 1,000 subjects with consents take about 80,000 bytes as a form."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""
_NO_STORE = {"Cache-Control": "no-store", "Pragma": "no-cache"}
_PUBLIC = {"Cache-Control": "public, max-age=300"}


class _RequestError(Exception):
    """The request is malformed; `status` and `description` go to the caller."""

    def __init__(self, status: int, description: str) -> None:
        super().__init__(description)
        self.status = status
        self.description = description


def routes(server: TokenServer, clock: Clock, *, max_body_bytes: int = MAX_BODY_BYTES) -> list[Route]:
    """The routes of the authorization server.

    Args:
        server: what answers.
        clock: read once per request.
        max_body_bytes: largest body of a token request.
    """

    async def token(request: Request) -> Response:
        now = clock.now()
        try:
            form = await _read_form(request, max_body_bytes)
            answer = await server.respond(form, now)
        except _RequestError as error:
            body = {"error": "invalid_request", "error_description": error.description}
            return JSONResponse(body, error.status, _NO_STORE)
        except UnavailableError:
            body = {"error": "temporarily_unavailable", "error_description": "Try again shortly."}
            return JSONResponse(body, 503, {**_NO_STORE, "Retry-After": "1"})
        return JSONResponse(answer.body, answer.status, answer.headers)

    async def metadata(_request: Request) -> Response:
        return JSONResponse(dict(server.metadata), headers=_PUBLIC)

    async def jwks(_request: Request) -> Response:
        return JSONResponse(
            server.keys.published(clock.now()), headers=_PUBLIC, media_type="application/jwk-set+json"
        )

    return [
        Route(TOKEN_PATH, token, methods=["POST"]),
        Route(METADATA_PATH, metadata, methods=["GET"]),
        Route(JWKS_PATH, jwks, methods=["GET"]),
    ]


async def _read_form(request: Request, max_body_bytes: int) -> dict[str, str]:
    if request.url.query:
        raise _RequestError(400, "Parameters must be in the body, not in the URL.")
    if "authorization" in request.headers:
        raise _RequestError(
            400, "The client authenticates with private_key_jwt in the body and with nothing else."
        )
    _check_content_type(request.headers.getlist("content-type"))
    body = await _read_body(request, max_body_bytes)
    try:
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=MAX_PARAMETERS
        )
    except ValueError:
        raise _RequestError(400, "The body is not a form in UTF-8.") from None
    if any(count > 1 for count in Counter(name for name, _ in pairs).values()):
        raise _RequestError(400, "A parameter is repeated.")
    return {name: value for name, value in pairs if value}


def _check_content_type(values: list[str]) -> None:
    media_type, _, parameters = (values[0] if len(values) == 1 else "").partition(";")
    charset = parameters.strip().lower().replace('"', "")
    if media_type.strip().lower() != "application/x-www-form-urlencoded" or charset not in {
        "",
        "charset=utf-8",
    }:
        raise _RequestError(400, "The content type must be application/x-www-form-urlencoded.")


async def _read_body(request: Request, max_body_bytes: int) -> bytes:
    too_large = _RequestError(413, f"The body is larger than {max_body_bytes} bytes.")
    declared = request.headers.get("content-length", "")
    if declared.isascii() and declared.isdigit() and int(declared) > max_body_bytes:
        raise too_large
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > max_body_bytes:
                    raise too_large
    except ClientDisconnect:
        raise _RequestError(400, "The body is incomplete.") from None
    except TimeoutError:
        raise _RequestError(408, "The body took too long to arrive.") from None
    return bytes(body)
