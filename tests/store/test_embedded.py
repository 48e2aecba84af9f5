"""The embedded server is a real PostgreSQL, private to its user."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg

from hub.store.database import Database, asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer
from hub.store.migrate import check_revision_now, migrate


def test_it_starts_twice_without_harm_and_opens_no_tcp_port(postgres: EmbeddedServer) -> None:
    postgres.start()
    assert postgres.running

    async def look() -> tuple[int, str]:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(postgres.url())))
        try:
            return connection.get_server_version().major, await connection.fetchval("SHOW listen_addresses")
        finally:
            await connection.close()

    version, addresses = asyncio.run(look())
    assert version >= 15
    assert addresses == ""


def test_migrating_twice_changes_nothing(database_url: str) -> None:
    migrate(database_url)
    check_revision_now(database_url)


def test_the_pool_and_the_engine_reach_the_same_database(database_url: str) -> None:
    async def look() -> None:
        database = await Database.open(database_url, pool_size=2)
        async with database.connection() as connection:
            assert await connection.fetchval("SELECT count(*) FROM record") == 0
        await database.close()

    asyncio.run(look())


def test_the_binaries_still_run_when_copied_to_where_an_unprivileged_user_reaches_them(
    tmp_path: Path,
) -> None:
    server = EmbeddedServer(tmp_path)
    server._home.mkdir(parents=True, exist_ok=True)
    server._copy_binaries()
    try:
        assert "PostgreSQL" in server._output("psql", "--version")
    finally:
        server.remove()
