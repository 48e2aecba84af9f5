"""The seal on the register of clients: it holds for one row alone, and no row can be made to fit."""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hub.keys.client_seal import ClientSeal
from hub.keys.ring import KeyRing, create_ring
from hub.keys.suites import Suite, derive

TEXT = st.text(st.characters(codec="utf-8"), max_size=8)
VALUE = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=6,
)
ROW = st.dictionaries(st.sampled_from(["client_id", "roles", "jwks", "act"]), VALUE, min_size=1)


def same(one: Any, other: Any) -> bool:
    """Whether two values are one in JSON, where true is not 1."""
    return repr(_sorted(one)) == repr(_sorted(other))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def test_a_seal_is_the_documented_hash(ring: KeyRing) -> None:
    key = derive(Suite.AES_256_GCM, ring.content.secret, b"credit-hub/client/v1", 32)
    expected = hmac.new(key, b'{"a":["x"],"b":null}', hashlib.sha256).digest()
    assert ring.client_seal().mac({"b": None, "a": ["x"]}) == expected


@settings(max_examples=300)
@given(row=ROW, other=ROW)
def test_a_seal_holds_for_its_own_row_and_for_no_other(ring: KeyRing, row: Any, other: Any) -> None:
    seal = ring.client_seal()
    assert seal.holds(row, seal.mac(row))
    assert seal.holds(other, seal.mac(row)) == same(row, other)


def test_a_seal_cut_short_or_empty_does_not_hold(ring: KeyRing) -> None:
    seal = ring.client_seal()
    mac = seal.mac({"client_id": "bank"})
    assert not any(seal.holds({"client_id": "bank"}, mac[:size]) for size in range(len(mac)))


def test_what_has_no_canonical_form_is_not_held(ring: KeyRing) -> None:
    assert not ring.client_seal().holds({"jwks": {"exp": 1.5}}, bytes(32))


def test_a_record_of_the_same_content_has_another_hash_and_another_ring_another_seal(
    ring: KeyRing, tmp_path: Path, now: datetime
) -> None:
    other_ring = create_ring(tmp_path / "other", demo=True, now=now)
    assert ring.client_seal().mac({}) != ring.indexer().content_hash(b"", b"{}")
    assert ring.client_seal().mac({}) != other_ring.client_seal().mac({})
    assert ring.client_seal().act_id("bank", 1) != other_ring.client_seal().act_id("bank", 1)


def test_every_act_on_every_client_has_an_id_of_its_own(ring: KeyRing) -> None:
    seal: ClientSeal = ring.client_seal()
    ids = {seal.act_id(client, act) for client in ("bank", "bank-1", "1") for act in range(1, 101)}
    assert len(ids) == 300
    assert all(len(one) == 32 for one in ids)
