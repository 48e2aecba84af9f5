"""Entries and their canonical bytes."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.audit.entry import (
    Basis,
    BasisKind,
    EntryOutcome,
    SubjectPart,
    canonical,
    fields_fragment,
    read_body,
    size_class,
    subject_ref,
)
from hub.audit.review_filter import EntryFilter
from hub.errors import VerificationError

from .audit_world import ACME, NOW, OTHER, an_entry

PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_canonical_json_is_what_the_standard_library_gives(value: object) -> None:
    try:
        expected = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        with pytest.raises(TypeError):
            canonical(value)
        return
    assert canonical(value) == expected


def test_an_entrys_bytes_are_canonical_with_spliced_parts_included() -> None:
    body = an_entry(detail={"z": 1, "a": "演"}).encode().body
    assert canonical(json.loads(body)) == body


def test_the_same_entry_gives_the_same_bytes_and_any_change_gives_others() -> None:
    entry = an_entry()
    assert entry.encode() == entry.encode()
    for change in (
        {"at": NOW + timedelta(milliseconds=1)},
        {"reason": "X"},
        {"unsealed": 3},
        {"operator": ""},
    ):
        assert entry._replace(**change).encode().body != entry.encode().body


def test_an_entry_names_pseudonyms_fields_and_records_but_no_value() -> None:
    body = read_body(an_entry().encode().body)
    part = body["subjects"][0]
    assert part["subject"] == "sub_" + "01" * 16 == subject_ref(ACME)
    assert part["fields"] == {"clear": {"government.penalty": ["decisionDate", "documentNo"]}}
    assert part["records"] == {"government.penalty": ["09" * 16]}
    assert part["basis"] == {"consent": "c_1", "consentVersion": 1, "kind": "CONSENT"}


def test_each_subject_of_an_operation_has_its_own_basis_and_outcome() -> None:
    parts = (
        SubjectPart(
            ACME, EntryOutcome.DISCLOSED, basis=Basis(BasisKind.MATTER, matter="GOV-01", reference="案-1")
        ),
        SubjectPart(OTHER, EntryOutcome.REFUSED, "CONSENT_REQUIRED"),
    )
    encoded = an_entry(subjects=parts).encode()
    said = read_body(encoded.body)["subjects"]
    assert encoded.subjects == (ACME, OTHER)
    assert said[0]["basis"] == {"kind": "MATTER", "matter": "GOV-01", "reference": "案-1"}
    assert (said[1]["outcome"], said[1]["reason"], said[1]["basis"]) == ("REFUSED", "CONSENT_REQUIRED", None)


def test_empty_groups_of_fields_are_left_out() -> None:
    assert (
        canonical(fields_fragment({"clear": {"a.b": []}, "masked": {"a.b": ["x"]}}))
        == b'{"masked":{"a.b":["x"]}}'
    )


def test_control_characters_of_a_hostile_caller_are_escaped_in_body_and_column() -> None:
    encoded = an_entry(caller="bank\x1f\x00\n").encode()
    assert encoded.caller == r"'bank\x1f\x00\n'" == read_body(encoded.body)["caller"]


@pytest.mark.parametrize(
    ("length", "expected"), [(0, 0), (1, 0), (2, 1), (4, 1), (5, 2), (16, 2), (17, 3), (4096, 6), (4097, 7)]
)
def test_size_classes_are_powers_of_four(length: int, expected: int) -> None:
    assert size_class(length) == expected


def test_an_entry_of_the_first_form_is_read_and_says_nothing_of_a_country() -> None:
    old = an_entry().encode().body.replace(b'"v":2', b'"v":1')
    assert "country" not in read_body(old)
    assert EntryFilter(caller="bank-hkb").matches(read_body(old))
    assert not EntryFilter(country="CN").matches(read_body(old))


def test_where_the_caller_is_and_its_roles_stand_in_the_body_and_nothing_is_written_of_who_is_not_registered() -> (
    None
):
    body = an_entry().standing("HK", ("bank",)).encode().body
    assert body.startswith(b'{"at":')
    assert b'"country":"HK"' in body
    assert read_body(body)["roles"] == ["bank"]
    assert EntryFilter.checked(country="hk").matches(read_body(body))
    assert b"country" not in an_entry().encode().body


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"v":3}', b"{}"])
def test_bytes_of_an_unknown_form_are_refused(body: bytes) -> None:
    with pytest.raises(VerificationError):
        read_body(body)
