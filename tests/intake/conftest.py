from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub.catalog.types import Catalog
from hub.keys.ring import create_ring

from .intake_world import NOW, World, make_world, the_catalog


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return the_catalog()


@pytest.fixture(scope="session")
def ring_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("intake") / "ring"
    create_ring(folder, demo=True, now=NOW)
    return folder


@pytest.fixture
def world(database_url: str, tmp_path: Path, ring_folder: Path, catalog: Catalog) -> World:
    return make_world(database_url, tmp_path, ring_folder, catalog)


@pytest.fixture
def second_url(postgres: Any, database_url: str) -> Iterator[str]:
    import asyncpg

    from hub.store.database import asyncpg_arguments, parse_url
    from hub.store.migrate import migrate

    async def run(sql: str) -> None:
        connection = await asyncpg.connect(**asyncpg_arguments(parse_url(postgres.url("postgres"))))
        await connection.execute(sql)
        await connection.close()

    asyncio.run(run('CREATE DATABASE "intake_second"'))
    migrate(postgres.url("intake_second"))
    yield postgres.url("intake_second")
    asyncio.run(run('DROP DATABASE "intake_second" WITH (FORCE)'))


@pytest.fixture
def other_world(second_url: str, tmp_path: Path, ring_folder: Path, catalog: Catalog) -> World:
    """A second database, with the same keys."""
    return make_world(second_url, tmp_path / "other", ring_folder, catalog)
