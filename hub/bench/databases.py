"""Databases made for a run and dropped afterwards.

They lie on an embedded server of their own, or on the server of HUB_DATABASE_URL under names that begin with
`credit_hub_bench`; the database that the URL names is never touched.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import asyncpg

from hub.bench import machine
from hub.bench.machine import Placement
from hub.config import Settings
from hub.errors import ConfigurationError
from hub.store.database import asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

_NAME = "credit_hub_bench"


@dataclass(frozen=True)
class BenchDatabase:
    """A database made for this run."""

    url: str
    own_server: bool
    admin_url: str
    """Another database of the same server, from which this one can be made and dropped."""

    @property
    def name(self) -> str:
        """Its name on the server."""
        return str(parse_url(self.url).database)

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection of its own, for the length of the block."""
        async with _connection(self.url) as connection:
            yield connection


@contextmanager
def fresh_database(settings: Settings, folder: Path) -> Iterator[BenchDatabase]:
    """A new migrated database, on an embedded server of its own or on the server of HUB_DATABASE_URL.

    Raises:
        ConfigurationError: when the server does not let us create a database.
        UnavailableError: when the server does not come up.
    """
    if settings.database_url:
        database = BenchDatabase(_named(settings.database_url, _NAME), False, settings.database_url)
        with _made(database, f"CREATE DATABASE {_NAME}"):
            migrate(database.url)
            yield database
        return
    server = EmbeddedServer(folder / "postgresql")
    try:
        server.start()
        migrate(server.url())
        yield BenchDatabase(server.url(), own_server=True, admin_url=server.url("postgres"))
    finally:
        server.remove()


@contextmanager
def copied(database: BenchDatabase, number: int) -> Iterator[BenchDatabase]:
    """A copy of a database that nobody is connected to.

    Args:
        database: what is copied, with all that it holds.
        number: distinguishes the copies.

    Raises:
        ConfigurationError: when the server does not let us create a database.
    """
    name = f"{_NAME}_{number}"
    copy = replace(database, url=_named(database.url, name))
    with _made(copy, f"CREATE DATABASE {name} TEMPLATE {database.name}"):
        yield copy


async def pin_database(database: BenchDatabase, placement: Placement) -> None:
    """Keep our own PostgreSQL on its cores; servers started later by it stay there too."""
    if not database.own_server or not placement.database:
        return
    async with database.connection() as connection:
        machine.pin(machine.family(connection.get_server_pid()), placement.database)


@contextmanager
def _made(database: BenchDatabase, statement: str) -> Iterator[None]:
    asyncio.run(_drop(database))
    try:
        asyncio.run(_create(database, statement))
        yield
    finally:
        asyncio.run(_drop(database))


async def _drop(database: BenchDatabase) -> None:
    async with _connection(database.admin_url) as connection:
        await connection.execute(f"DROP DATABASE IF EXISTS {database.name} WITH (FORCE)")


async def _create(database: BenchDatabase, statement: str) -> None:
    async with _connection(database.admin_url) as connection:
        try:
            await connection.execute(statement)
        except asyncpg.InsufficientPrivilegeError as error:
            raise ConfigurationError(
                "The user of HUB_DATABASE_URL may not create a database for the benchmark.",
                hint="Give it CREATEDB, or unset the variable to use the embedded server.",
            ) from error


@asynccontextmanager
async def _connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        yield connection
    finally:
        await connection.close()


def _named(url: str, name: str) -> str:
    """The URL of another database of the same server."""
    return parse_url(url).set(drivername="postgresql", database=name).render_as_string(hide_password=False)
