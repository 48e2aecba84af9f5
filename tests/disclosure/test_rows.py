"""A decoded record holds what the plan shows, and nothing else."""

from __future__ import annotations

import os
from datetime import date

import orjson
import pytest

from hub.disclosure.rows import FIRST, OPENED, Row, Shown, SlotReader
from hub.errors import SealError
from hub.keys.sealing import DataKey, aad
from hub.keys.suites import Suite

KEY = DataKey(os.urandom(32), Suite.AES_256_GCM)
SUBJECT, RECORD, DAY = b"s" * 16, b"r" * 16, date(2026, 1, 1)


def reader(**sealed: bool) -> SlotReader:
    shown = Shown()
    for name, closed in sealed.items():
        shown.place(name, sealed=closed)
    return SlotReader("x.y", shown)


def read(slot: SlotReader, stored: object, sealed: object, version: int = 1, record: bytes = RECORD) -> Row:
    clear, closed = orjson.dumps(stored).decode(), orjson.dumps(sealed).decode()
    return slot.read(KEY, SUBJECT, record, version, DAY, clear, closed)


def shown_of(row: Row) -> list[object]:
    return row[FIRST:]


def test_what_is_shown_is_kept_as_it_is_stored_and_nothing_else() -> None:
    row = read(reader(name=False), {"phone": "10012341234", "name": "示范"}, {"id": "no ciphertext"})
    assert shown_of(row) == ["示范"]


def test_a_shown_field_that_is_not_stored_is_null() -> None:
    slot = reader(name=False, id=True)
    for row in (read(slot, {}, {}), slot.blank):
        assert shown_of(row) == [None, None]
        assert row[OPENED] == 0


def test_fields_keep_their_places_however_they_are_stored() -> None:
    shown = Shown()
    places = [shown.place(n, sealed=n in "bd") for n in "abcdab"]
    sealed = {n: KEY.seal(aad(SUBJECT, "x.y", RECORD, 1, n), orjson.dumps(n)) for n in "bd"}
    row = read(SlotReader("x.y", shown), {"a": "a", "c": "c"}, sealed)
    assert [row[place] for place in places] == ["a", "b", "c", "d", "a", "b"]
    assert row[OPENED] == 2


@pytest.mark.parametrize("version", [1, 2, 300])
@pytest.mark.parametrize("record", [RECORD, RECORD + b"x", b"short"], ids=["usual", "longer", "shorter"])
def test_a_sealed_field_opens_in_its_place_and_nowhere_else(version: int, record: bytes) -> None:
    sealed = {"id": KEY.seal(aad(SUBJECT, "x.y", record, version, "id"), b'"469999"')}
    assert shown_of(read(reader(id=True), {}, sealed, version, record)) == ["469999"]
    for place in ((version + 1, record), (version, record + b"i"), (version, record[:-1])):
        with pytest.raises(SealError):
            read(reader(id=True), {}, sealed, *place)


def test_a_longer_record_id_does_not_borrow_from_the_name_of_the_field() -> None:
    sealed = {"id": KEY.seal(aad(SUBJECT, "x.y", RECORD, 1, "xid"), b'"469999"')}
    with pytest.raises(SealError):
        read(reader(id=True), {}, sealed, 1, RECORD + b"x")


@pytest.mark.parametrize("token", [5, True, "", "not base64", ["x"], {"a": 1}], ids=repr)
def test_something_else_than_ciphertext_is_refused_like_a_wrong_one(token: object) -> None:
    with pytest.raises(SealError):
        read(reader(id=True), {}, {"id": token})
