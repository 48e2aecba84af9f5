"""Shared fixtures: one embedded PostgreSQL per test process, a fresh migrated database per test."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest
from hypothesis import settings

from hub.store.database import asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import migrate

_numbers = itertools.count()
settings.register_profile("hub", deadline=None, derandomize=True)
settings.load_profile("hub")


async def _run(url: str, sql: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        await connection.execute(sql)
    finally:
        await connection.close()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedServer]:
    """A running server with a migrated template database called `hub`."""
    server = EmbeddedServer(Path(tmp_path_factory.mktemp("pg")))
    server.start()
    migrate(server.url())
    yield server
    server.remove()


@pytest.fixture
def database_url(postgres: EmbeddedServer) -> Iterator[str]:
    """URL of a fresh migrated database."""
    name = f"t{next(_numbers)}"
    asyncio.run(_run(postgres.url("postgres"), f'CREATE DATABASE "{name}" TEMPLATE hub'))
    yield postgres.url(name)
    asyncio.run(_run(postgres.url("postgres"), f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))
