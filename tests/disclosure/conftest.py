"""Databases for paired worlds."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from hub.store.database import asyncpg_arguments, parse_url
from hub.store.embedded import EmbeddedServer
from hub.store.tables import metadata

from .askers import ASKERS
from .paired import boundless, in_common
from .populate import Prepared, prepare


async def _run(url: str, *statements: str) -> None:
    connection = await asyncpg.connect(**asyncpg_arguments(parse_url(url)))
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def _make(admin: str, *names: str) -> None:
    asyncio.run(_run(admin, *(f'CREATE DATABASE "{name}" TEMPLATE hub' for name in names)))


def _drop(admin: str, *names: str) -> None:
    asyncio.run(_run(admin, *(f'DROP DATABASE "{name}" WITH (FORCE)' for name in names)))


@pytest.fixture
def two_database_urls(postgres: EmbeddedServer) -> Iterator[tuple[str, str]]:
    """URLs of two fresh migrated databases."""
    admin = postgres.url("postgres")
    _make(admin, "pair_a", "pair_b")
    yield postgres.url("pair_a"), postgres.url("pair_b")
    _drop(admin, "pair_a", "pair_b")


class Pairs:
    """Paired worlds, filled for one caller at a time: to make databases anew takes longer than to empty them."""

    def __init__(self, urls: tuple[str, str], folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._urls, self._folder, self._patch = urls, folder, patch
        self._policies = boundless(folder / "policies")
        self._name = ""
        self._current: Prepared | None = None
        self.varied: dict[str, Counter[str]] = {}
        """What the worlds of each caller differ in, as far as they were filled."""

    def of(self, name: str) -> Prepared:
        """The worlds of a caller."""
        if self._current is None or self._name != name:
            for url in self._urls:
                asyncio.run(_run(url, f"TRUNCATE {', '.join(metadata.tables)}"))
            self._current = asyncio.run(
                prepare(ASKERS[name], self._urls, self._folder, self._policies, self._patch)
            )
            self._name, self.varied[name] = name, self._current.varied
        return self._current


@pytest.fixture(scope="module")
def pairs(postgres: EmbeddedServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pairs]:
    """Paired worlds of every caller."""
    admin, names = postgres.url("postgres"), ("caller_a", "caller_b")
    _make(admin, *names)
    first, second = map(postgres.url, names)
    with pytest.MonkeyPatch.context() as patch, in_common(patch):
        yield Pairs((first, second), tmp_path_factory.mktemp("pairs"), patch)
    _drop(admin, *names)
