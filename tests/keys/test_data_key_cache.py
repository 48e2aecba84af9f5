"""Opened data keys are remembered, but never beyond what the database says."""

from __future__ import annotations

import pytest

from hub.errors import SealError
from hub.keys.cache import DataKeyCache
from hub.keys.ring import KeyRing

SUBJECT, OTHER = b"s" * 16, b"o" * 16


def test_a_key_is_opened_once_while_its_wrapped_bytes_stay(ring: KeyRing) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer)
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    assert cache.open(SUBJECT, kek_id, wrapped) is cache.open(SUBJECT, kek_id, bytes(bytearray(wrapped)))


def test_a_destroyed_key_is_refused_and_gone_from_memory(ring: KeyRing) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer)
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    cache.open(SUBJECT, kek_id, wrapped)
    with pytest.raises(SealError, match="destroyed"):
        cache.open(SUBJECT, kek_id, None)
    assert len(cache) == 0


def test_a_replaced_key_is_opened_anew_and_the_old_one_not_used(ring: KeyRing) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer)
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    token = cache.open(SUBJECT, kek_id, wrapped).seal(b"", b"1")
    _, replaced = sealer.new_data_key(SUBJECT)
    with pytest.raises(SealError):
        cache.open(SUBJECT, kek_id, replaced).unseal(b"", token)
    assert len(cache) == 1


@pytest.mark.parametrize("change", ["wrapped bytes", "key-encryption key id", "both from another subject"])
def test_a_cached_key_does_not_answer_for_a_row_that_was_changed(ring: KeyRing, change: str) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer)
    kek_id, wrapped = sealer.new_data_key(SUBJECT)
    cache.open(SUBJECT, kek_id, wrapped)
    changed = {
        "wrapped bytes": (kek_id, wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        "key-encryption key id": ("kek_0000000000000000", wrapped),
        "both from another subject": sealer.new_data_key(OTHER),
    }
    with pytest.raises(SealError):
        cache.open(SUBJECT, *changed[change])
    assert len(cache) == 0


def test_forgetting_a_subject_drops_its_key_and_no_other(ring: KeyRing) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer)
    rows = {subject: sealer.new_data_key(subject) for subject in (SUBJECT, OTHER)}
    opened = {subject: cache.open(subject, *row) for subject, row in rows.items()}
    cache.forget(SUBJECT)
    cache.forget(b"never seen")
    assert cache.open(OTHER, *rows[OTHER]) is opened[OTHER]
    assert cache.open(SUBJECT, *rows[SUBJECT]) is not opened[SUBJECT]


def test_the_least_recently_used_key_leaves_first(ring: KeyRing) -> None:
    sealer = ring.sealer()
    cache = DataKeyCache(sealer, capacity=2)
    rows = {subject: sealer.new_data_key(subject) for subject in (b"a" * 16, b"b" * 16, b"c" * 16)}
    a, b, c = rows
    first = cache.open(a, *rows[a])
    second = cache.open(b, *rows[b])
    assert cache.open(a, *rows[a]) is first
    cache.open(c, *rows[c])
    assert len(cache) == 2
    assert cache.open(a, *rows[a]) is first
    assert cache.open(b, *rows[b]) is not second


def test_a_key_that_is_made_opens_what_its_stored_form_opens(ring: KeyRing) -> None:
    cache = DataKeyCache(ring.sealer(), capacity=1)
    kek_id, wrapped, made = cache.make(SUBJECT)
    assert cache.open(SUBJECT, kek_id, wrapped) is made
    stored = ring.sealer().open_data_key(SUBJECT, kek_id, wrapped)
    assert stored.unseal(b"place", made.seal(b"place", b"1")) == b"1"
    cache.make(OTHER)
    assert len(cache) == 1
