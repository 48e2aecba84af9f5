"""Worlds that the tests of the generator share."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog
from hub.demo.generator import Generator
from hub.demo.record import DemoRecord

TODAY = date(2026, 11, 22)
SEED = 7
SCHEMA = Path(__file__).parents[2] / "schema"


@lru_cache(maxsize=1)
def catalog() -> Catalog:
    return load_catalog(SCHEMA)


@lru_cache(maxsize=1)
def sample() -> tuple[DemoRecord, ...]:
    """All records of a world of 1,200 organisations and 1,200 persons."""
    return tuple(Generator(1_200, 1_200, SEED, TODAY).records())


def of(dataset: str) -> list[DemoRecord]:
    return [record for record in sample() if record.dataset == dataset]
