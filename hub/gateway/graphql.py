"""The endpoint `POST /graphql`, as a bare ASGI application: nothing between the socket and the gate."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Generator
from datetime import datetime
from time import perf_counter
from typing import Any, Protocol

import orjson
from starlette.types import Message, Receive, Scope, Send

from hub.clock import Clock
from hub.disclosure.explain import error_json
from hub.disclosure.rules import Rules
from hub.errors import AuthenticationError, HubError, UnavailableError
from hub.gateway.engines import Engines
from hub.gateway.execute import Executor
from hub.gateway.metrics import Metrics
from hub.gateway.wire import (
    GRAPHQL_RESPONSE,
    JSON,
    NDJSON,
    WireError,
    check_content_type,
    negotiate,
    read_request,
)
from hub.identity.tokens import Caller

_logger = logging.getLogger(__name__)
_SUPPLY = "DATA_SUPPLY"
_PIECE = 65536
"""Bytes of lines that are sent together, at least."""
_STALLED_SECONDS = 60.0
"""How long a client may take no byte of an export before it is given up."""
_SAFE = (
    (b"cache-control", b"no-store"),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
)


class Authenticator(Protocol):
    """Turns an access token into a caller."""

    async def authenticate(self, token: str, now: datetime) -> Caller:
        """Who presents this token; raises `AuthenticationError`."""
        ...


class NoTokenError(AuthenticationError):
    """The request carries no access token at all."""


class GraphQLEndpoint:
    """Serves GraphQL over HTTP."""

    def __init__(
        self,
        executor: Executor | Engines,
        rules: Callable[[], Rules],
        tokens: Authenticator,
        metrics: Metrics,
        clock: Clock,
        max_body_bytes: int,
        max_waiting: int,
        body_seconds: float = 10.0,
        *,
        max_submission_bytes: int = 0,
    ) -> None:
        self._executor = executor
        self._rules = rules
        self._tokens = tokens
        self._metrics = metrics
        self._clock = clock
        self._max_body = max_body_bytes
        self._max_submission = max(max_body_bytes, max_submission_bytes)
        self._max_waiting = max_waiting
        self._body_seconds = body_seconds
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = perf_counter()
        headers: dict[bytes, bytes] = dict(scope["headers"])
        media = JSON
        try:
            if scope["method"] != "POST":
                raise WireError(
                    405,
                    "GraphQL is served by POST only.",
                    hint="Send the query in the body of a POST.",
                    message_zh="GraphQL 只接受 POST 请求。",
                )
            media = negotiate(headers.get(b"accept", b"").decode("latin-1"))
            check_content_type(headers.get(b"content-type", b"").decode("latin-1"))
            now = self._clock.now()
            if (
                _declared(headers) > self._max_body
            ):  # only who supplies data may send so much, so ask who it is first
                limit = self._limit(await self._tokens.authenticate(_bearer(headers), now))
            else:
                limit = self._max_body
            body = await self._body(receive, headers, limit)
            now = self._clock.now()
            caller = await self._tokens.authenticate(_bearer(headers), now)
            request = read_request(body)
            if self._running >= self._max_waiting:
                raise UnavailableError(
                    "The hub is busy.", hint="Try again shortly.", message_zh="系统繁忙，请稍后重试。"
                )
            self._running += 1
            try:
                done = await self._executor.execute(
                    self._rules(), caller, request, now, lines=media == NDJSON
                )
            finally:
                self._running -= 1
        except HubError as error:
            await self._fail(send, media, error, started)
            return
        except Exception as error:
            _logger.error("An operation failed with %s.", type(error).__name__)
            await self._fail(
                send, media, HubError("The hub could not answer.", message_zh="系统内部错误。"), started
            )
            return
        self._metrics.operation(done.outcome, perf_counter() - started, done.unsealed)
        self._metrics.opened("question", done.questioned)
        self._metrics.opened("text", done.texts)
        if done.lines is not None:
            await send_lines(send, done.lines)
            return
        if media == NDJSON:
            media = GRAPHQL_RESPONSE
        status = 400 if done.request_error and media == GRAPHQL_RESPONSE else 200
        await _send(send, status, media, done.body)

    def _limit(self, caller: Caller) -> int:
        return self._max_submission if _SUPPLY in caller.purposes else self._max_body

    async def _body(self, receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
        try:
            async with asyncio.timeout(self._body_seconds):
                return await _read_body(receive, headers, limit)
        except TimeoutError:
            raise WireError(
                408,
                "The body took too long to arrive.",
                hint="Send it at once.",
                message_zh="请求体接收超时。",
            ) from None

    async def _fail(self, send: Send, media: str, error: HubError, started: float) -> None:
        if media == NDJSON:
            media = GRAPHQL_RESPONSE
        status, extra = _status(error)
        if isinstance(error, UnavailableError):
            self._metrics.operation("UNAVAILABLE", perf_counter() - started)
        else:
            self._metrics.rejected(status)
        await _send(send, status, media, orjson.dumps({"errors": [error_json(error)]}), *extra)


def _status(error: HubError) -> tuple[int, list[tuple[bytes, bytes]]]:
    if isinstance(error, WireError):
        return error.status, [(b"allow", b"POST")] if error.status == 405 else []
    if isinstance(error, AuthenticationError):
        detail = b"" if isinstance(error, NoTokenError) else b', error="invalid_token"'  # RFC 6750, 3.1
        return 401, [(b"www-authenticate", b'Bearer realm="credit-hub"' + detail)]
    if isinstance(error, UnavailableError):
        return 503, [(b"retry-after", b"1")]
    return 500, []


def _bearer(headers: dict[bytes, bytes]) -> str:
    scheme, _, token = headers.get(b"authorization", b"").decode("latin-1").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise NoTokenError(
            "There is no access token.",
            hint="Get one at /oauth/token and send it as `Authorization: Bearer …`.",
            message_zh="缺少访问令牌。",
        )
    return token.strip()


def _declared(headers: dict[bytes, bytes]) -> int:
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


async def _read_body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    if _declared(headers) > limit:
        raise _too_large(limit)
    message: Message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False) and len(body) <= limit:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise WireError(400, "The body broke off.")
        body += message.get("body", b"")
    if len(body) > limit:
        raise _too_large(limit)
    return body


def _too_large(limit: int) -> WireError:
    return WireError(
        413,
        f"The body is larger than {limit} bytes.",
        hint="Send a shorter document.",
        message_zh="请求体过大。",
    )


async def _send(send: Send, status: int, media: str, body: bytes, *extra: tuple[bytes, bytes]) -> None:
    headers: list[Any] = [
        (b"content-type", f"{media}; charset=utf-8".encode()),
        (b"content-length", str(len(body)).encode()),
        *_SAFE,
        *extra,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def send_lines(send: Send, lines: Generator[bytes], seconds: float = _STALLED_SECONDS) -> None:
    """Send line by line; the server holds us back while the client reads slowly.

    Args:
        send: from the server.
        lines: each with its line end; closed afterwards, whatever happens.
        seconds: how long one piece may take. Then the answer breaks off without its last line, and the server
            closes the connection.
    """
    headers: list[Any] = [(b"content-type", NDJSON.encode()), *_SAFE]
    try:
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        waiting: list[bytes] = []
        size = 0
        for line in lines:
            waiting.append(line)
            size += len(line)
            if size >= _PIECE:
                async with asyncio.timeout(seconds):
                    await send({"type": "http.response.body", "body": b"".join(waiting), "more_body": True})
                await asyncio.sleep(0)  # a client that is gone holds nothing back
                waiting, size = [], 0
        async with asyncio.timeout(seconds):
            await send({"type": "http.response.body", "body": b"".join(waiting)})
    except TimeoutError:
        _logger.warning("A client stopped reading an export; it was given up.")
    finally:
        lines.close()
