"""The shipped catalogue and policy, and its texts for tests that break them."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hub.catalog.loader import load_catalog
from hub.catalog.types import Catalog
from hub.policies.files import FILES, build_policy
from hub.policies.model import PolicySet

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(Path(__file__).parent))  # for policy_worlds, whichever import mode pytest uses


@pytest.fixture(scope="session")
def catalog() -> Catalog:
    return load_catalog(ROOT / "schema")


@pytest.fixture(scope="session")
def folder() -> Path:
    return ROOT / "policies"


@pytest.fixture(scope="session")
def shipped_texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text(encoding="utf-8") for name in FILES}


@pytest.fixture
def texts(shipped_texts: dict[str, str]) -> dict[str, str]:
    """A copy that a test may change."""
    return dict(shipped_texts)


@pytest.fixture(scope="session")
def policy(shipped_texts: dict[str, str], catalog: Catalog) -> PolicySet:
    return build_policy(shipped_texts, catalog)
