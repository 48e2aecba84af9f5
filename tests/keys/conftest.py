"""A demo ring per suite, made once; tests that change a ring make their own copy."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub.keys.ring import KeyRing, create_ring, load_ring
from hub.keys.suites import Suite

NOW = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)


@pytest.fixture
def now() -> datetime:
    return NOW


@pytest.fixture(scope="session")
def pristine(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("keys") / "ring"
    create_ring(folder, demo=True, now=NOW)
    return folder


@pytest.fixture
def folder(pristine: Path, tmp_path: Path) -> Path:
    """A copy of a demo ring that the test may change."""
    copy = tmp_path / "ring"
    shutil.copytree(pristine, copy)
    return copy


@pytest.fixture(scope="session")
def ring(pristine: Path) -> KeyRing:
    return load_ring(pristine, demo=True)


@pytest.fixture(scope="session", params=list(Suite), ids=lambda suite: suite.name)
def suite_ring(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> KeyRing:
    """A ring of each suite in turn."""
    return create_ring(tmp_path_factory.mktemp("suite") / "ring", demo=True, now=NOW, suite=request.param)
