"""A decoded record holds what the plan shows, and the place of withheld values stays empty."""

from __future__ import annotations

import os
from datetime import date

import orjson

from hub.disclosure.rows import ABSENT, SlotReader, attribute
from hub.keys.sealing import DataKey
from hub.keys.suites import Suite

KEY = DataKey(os.urandom(32), Suite.AES_256_GCM)


def test_no_stored_field_fills_the_place_of_withheld_values() -> None:
    stored = orjson.dumps({"name": "示范", ABSENT: "hidden", attribute(ABSENT): "hidden", "-": None}).decode()
    row = SlotReader("x.y", ["name"], []).read(KEY, b"s" * 16, b"r" * 16, 1, date(2026, 1, 1), stored, "{}")
    assert getattr(row.clear, attribute("name")) == "示范"
    assert getattr(row.clear, ABSENT) is None


def test_fields_that_are_not_shown_are_not_decoded() -> None:
    stored = orjson.dumps({"name": "示范", "phone": "10012341234"}).decode()
    row = SlotReader("x.y", ["name"], []).read(KEY, b"s" * 16, b"r" * 16, 1, date(2026, 1, 1), stored, "{}")
    assert "10012341234" not in repr(row.clear)
    assert not hasattr(row, "sealed")
