"""Two databases for paired worlds."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import asyncpg
import pytest

from hub.store.database import asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
def two_database_urls(postgres: EmbeddedServer) -> Iterator[tuple[str, str]]:
    """URLs of two fresh migrated databases."""
    admin = postgres.url("postgres")
    asyncio.run(_run(admin, *(f'CREATE DATABASE "pair_{n}" TEMPLATE hub' for n in "ab")))
    yield postgres.url("pair_a"), postgres.url("pair_b")
    asyncio.run(_run(admin, *(f'DROP DATABASE "pair_{n}" WITH (FORCE)' for n in "ab")))
