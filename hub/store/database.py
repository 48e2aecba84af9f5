"""The one way to the database: an asyncpg pool for the hot path and a SQLAlchemy engine for the rest.

SQLAlchemy Core describes the tables and composes ordinary statements. The three statements of the request
path (report read, consent reservation, log append) run on the bare asyncpg pool, because the adapter's
greenlet switch costs more than the statement.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import asyncpg
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from hub.errors import ConfigurationError, InputError, UnavailableError

_REVIEWS = 2
"""Connections of the engine, all there are: the log is read for review through it, seconds at a time."""
TRANSIENT = (
    OSError,
    asyncpg.PostgresConnectionError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
    asyncpg.CannotConnectNowError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
    TimeoutError,
)
"""What the driver raises when the database is away or goes away: on a connection that the server has just ended,
also that it is in no state to be used."""


SESSION = {"plan_cache_mode": "force_generic_plan", "jit": "off"}
"""The request path runs a handful of statements by index over and over: planning each anew would cost more than
running it, and so would compiling it to machine code."""


def parse_url(url: str) -> URL:
    """Read a database URL; `postgresql://` and `postgres://` are taken as asyncpg's.

    Raises:
        ConfigurationError: when it is not a PostgreSQL URL.
    """
    try:
        parsed = make_url(url)
    except Exception as error:
        raise ConfigurationError(
            "HUB_DATABASE_URL is not a database URL.", hint="Write postgresql://user:password@host/database."
        ) from error
    if parsed.get_backend_name() not in {"postgresql", "postgres"}:
        raise ConfigurationError(
            "HUB_DATABASE_URL names another engine than PostgreSQL.",
            hint="PostgreSQL 15 or later is the only engine; write postgresql://user:password@host/database.",
        )
    return parsed.set(drivername="postgresql+asyncpg")


def asyncpg_arguments(url: URL) -> dict[str, Any]:
    """The URL as keyword arguments of `asyncpg.connect`."""
    arguments: dict[str, Any] = {"user": url.username, "password": url.password, "database": url.database}
    host = url.host or url.query.get("host")
    if host:
        arguments["host"] = host
    if url.port:
        arguments["port"] = url.port
    for name in ("ssl", "sslmode"):
        if name in url.query:
            arguments["ssl"] = url.query[name]
    return {k: v for k, v in arguments.items() if v is not None}


async def _no_reset(_connection: Any) -> None:
    """Nothing to reset: the hot path keeps no session state, and a reset costs a fifth of a request."""


@dataclass
class Database:
    """Pool and engine of one database."""

    url: URL
    pool: asyncpg.Pool
    engine: AsyncEngine
    lender: Lender

    @classmethod
    async def open(cls, url: str, *, pool_size: int = 16) -> Database:
        """Connect.

        Args:
            url: a PostgreSQL URL.
            pool_size: connections of the hot path; at least the number of requests served at once.

        Raises:
            UnavailableError: when the server does not answer.
        """
        parsed = parse_url(url)
        try:
            pool = await asyncpg.create_pool(
                min_size=min(4, pool_size),
                max_size=pool_size,
                reset=_no_reset,
                server_settings=SESSION,
                **asyncpg_arguments(parsed),
            )
        except TRANSIENT as error:
            raise UnavailableError(
                "The database does not answer.", hint="Check HUB_DATABASE_URL and that PostgreSQL is running."
            ) from error
        except asyncpg.PostgresError as error:
            raise ConfigurationError(
                f"The database refuses the connection ({type(error).__name__}).",
                hint="Check HUB_DATABASE_URL.",
            ) from error
        arguments = asyncpg_arguments(parsed)
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=lambda: asyncpg.connect(**arguments),
            pool_size=_REVIEWS,
            max_overflow=0,
            pool_pre_ping=True,
        )
        return cls(parsed, pool, engine, Lender(pool, pool_size))

    async def close(self) -> None:
        """Close all connections."""
        await self.engine.dispose()
        await self.lender.close()
        await self.pool.close()

    def connection(self) -> PooledConnection:
        """A connection of the pool, as an asynchronous context manager.

        Raises:
            UnavailableError: when the database is away.
            InputError: when a value cannot be stored, such as a text with a null character.
        """
        return PooledConnection(self.lender)


class Lender:
    """Lends connections of a pool, and keeps those that come back sound for the next borrower.

    The pool gives a connection back in a task of its own, behind a shield; that costs a request as much as opening
    five sealed values. Whatever was interrupted, is closed or is still in a transaction goes back to the pool.
    """

    def __init__(self, pool: asyncpg.Pool, size: int) -> None:
        """Lend from a pool.

        Args:
            pool: the pool; nobody else borrows from it.
            size: most connections lent at once.
        """
        self._pool = pool
        self._free = asyncio.Semaphore(size)
        self._kept: list[Any] = []

    async def borrow(self) -> asyncpg.Connection:
        """A connection; waits while all are lent."""
        await self._free.acquire()
        try:
            while self._kept:
                connection = self._kept.pop()
                if not connection.is_closed():
                    return connection
                await self._pool.release(connection)
            return await self._pool.acquire()
        except BaseException:
            self._free.release()
            raise

    async def give_back(self, connection: Any, *, sound: bool) -> None:
        """Take a connection back.

        Args:
            connection: from `borrow`.
            sound: whether whoever had it finished what was begun on it.
        """
        try:
            if sound and not connection.is_closed() and not connection.is_in_transaction():
                self._kept.append(connection)
            else:
                await self._pool.release(connection)
        finally:
            self._free.release()

    async def close(self) -> None:
        """Give everything that is kept back to the pool."""
        while self._kept:
            await self._pool.release(self._kept.pop())


class PooledConnection:
    """Takes a connection on entry, gives it back on exit, and turns the driver's errors into ours."""

    __slots__ = ("_connection", "_lender")

    def __init__(self, lender: Lender) -> None:
        self._lender = lender
        self._connection: Any = None

    async def __aenter__(self) -> asyncpg.Connection:
        try:
            self._connection = await self._lender.borrow()
        except TRANSIENT as error:
            raise _unreachable() from error
        return self._connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._lender.give_back(self._connection, sound=error is None)
        except TRANSIENT as lost:
            if error is None:
                raise _unreachable() from lost
        if isinstance(error, asyncpg.DataError):
            raise InputError(
                "A value holds characters or a size that cannot be stored.",
                hint="Take control characters out of texts.",
                message_zh="有取值含无法存储的字符或超出范围。",
            ) from error
        if isinstance(error, TRANSIENT):
            raise _unreachable() from error


def _unreachable() -> UnavailableError:
    return UnavailableError(
        "The database is not reachable.",
        hint="Try again shortly; nothing was disclosed.",
        message_zh="数据库暂不可用，未披露任何信息，请稍后重试。",
    )
