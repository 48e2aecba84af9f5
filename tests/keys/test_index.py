"""Property 9 of the threat model, and the ids of the database: keyed, and separate by use."""

from __future__ import annotations

import hashlib
import hmac
import itertools
from datetime import datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import IdentifierError
from hub.keys.pseudonym import parse_pseudonym, pseudonym
from hub.keys.ring import KeyRing, create_ring

USCC = "91469999DEM0000013"


def test_a_subject_id_is_the_keyed_hash_of_kind_and_identifier(ring: KeyRing) -> None:
    expected = hmac.new(ring.subject.secret, f"ORG:{USCC}".encode(), hashlib.sha256).digest()[:16]
    assert ring.indexer().subject_id("ORG", USCC) == expected


def test_the_same_value_in_two_fields_gives_two_tokens(ring: KeyRing) -> None:
    index = ring.indexer()
    fields = ["government.registration.uscc", "financial.loan.uscc", "government.registration.name", "x"]
    tokens = [index.blind_token(field, b'"same"') for field in fields]
    assert len(set(tokens)) == len(fields)
    assert [index.blind_token(field, b'"same"') for field in fields] == tokens


def test_two_values_in_one_field_give_two_tokens(ring: KeyRing) -> None:
    index = ring.indexer()
    assert index.blind_token("f", b'"a"') != index.blind_token("f", b'"b"')


def test_one_text_under_every_use_of_the_index_gives_unrelated_hashes(ring: KeyRing) -> None:
    index, text = ring.indexer(), "AA"
    every = [
        index.subject_id(text, text),
        index.alias_hash(text, text),
        index.record_id(b"A" * 16, text, b"AA"),
        index.content_hash(b"A" * 16, b"AA")[:16],
        index.blind_token(text, b"AA"),
    ]
    assert len(set(every)) == len(every)
    assert {len(one) for one in every} == {16}
    assert len(index.content_hash(b"A" * 16, b"AA")) == 32


def test_two_rings_give_unrelated_ids(ring: KeyRing, tmp_path: Path, now: datetime) -> None:
    one, other = ring.indexer(), create_ring(tmp_path / "ring", demo=True, now=now).indexer()
    assert one.subject_id("ORG", USCC) != other.subject_id("ORG", USCC)
    assert one.blind_token("f", b"1") != other.blind_token("f", b"1")
    assert one.record_id(b"A" * 16, "d", b"1") != other.record_id(b"A" * 16, "d", b"1")
    assert one.content_hash(b"A" * 16, b"1") != other.content_hash(b"A" * 16, b"1")
    assert one.alias_hash("s", "1") != other.alias_hash("s", "1")


def test_a_record_id_differs_by_subject_dataset_and_key_even_where_they_run_together(ring: KeyRing) -> None:
    index = ring.indexer()
    places = [
        (b"A" * 16, "a", b"bc"),
        (b"A" * 16, "ab", b"c"),
        (b"B" * 16, "a", b"bc"),
        (b"A" * 15, "Aa", b"bc"),
    ]
    for one, other in itertools.combinations(places, 2):
        assert index.record_id(*one) != index.record_id(*other)


def test_equal_contents_of_two_records_cannot_be_told(ring: KeyRing) -> None:
    index = ring.indexer()
    assert index.content_hash(b"A" * 16, b"{}") != index.content_hash(b"B" * 16, b"{}")


def test_scheme_and_code_of_an_alias_do_not_run_together(ring: KeyRing) -> None:
    index = ring.indexer()
    assert index.alias_hash("ab", "c") != index.alias_hash("a", "bc")


@given(st.binary(min_size=16, max_size=16))
def test_a_pseudonym_reads_back_as_its_subject_id(subject_id: bytes) -> None:
    assert parse_pseudonym(pseudonym(subject_id)) == subject_id


@pytest.mark.parametrize(
    "text",
    ["", "sub_", "sub_" + "0" * 31, "sub_" + "0" * 33, "0" * 32, "sub_" + "A" * 32, "sub_" + "0 " * 16, USCC],
)
def test_a_pseudonym_in_any_other_form_is_refused(text: str) -> None:
    with pytest.raises(IdentifierError):
        parse_pseudonym(text)
