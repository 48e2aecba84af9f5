"""The rules and the schema of the checkout, built once for the tests of this folder."""

from __future__ import annotations

import pytest

from .document_world import Setup, open_setup


@pytest.fixture(scope="module")
def setup() -> Setup:
    return open_setup()
