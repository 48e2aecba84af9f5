from __future__ import annotations

from pathlib import Path

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
