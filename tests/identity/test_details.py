"""What a token may be asked for, and what it then carries (RFC 9396)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.identity import details
from hub.identity.details import MAX_DETAILS, MAX_SUBJECTS, Grant, pseudonym

from .identity_world import LOAN, OTHER_USCC, PURPOSES, RESIDENT_ID, USCC, resolve

PSEUDONYM = pseudonym(resolve(OTHER_USCC))


def read(value: Any) -> tuple[Grant, ...]:
    return details.read_request(json.dumps(value), PURPOSES, resolve)


def test_a_full_detail_becomes_a_grant() -> None:
    texts = {"matter": "460000-001", "reference": "贷2026-118", "operator": "柜员 07"}
    (grant,) = read([{**LOAN, "subjects": [USCC, RESIDENT_ID, PSEUDONYM, USCC], **texts}])
    assert grant == Grant(
        "LOAN_APPLICATION",
        frozenset(map(resolve, (USCC, RESIDENT_ID, OTHER_USCC))),
        "c_7Q",
        "460000-001",
        "贷2026-118",
        "柜员 07",
    )


def test_no_subjects_means_no_subject() -> None:
    for subjects in ({}, {"subjects": []}):
        (grant,) = read([{"type": details.TYPE, "purpose": "LOAN_APPLICATION", **subjects}])
        assert grant.subject_ids == frozenset()


def test_the_written_form_holds_pseudonyms_only_and_reads_back() -> None:
    grants = read([{**LOAN, "subjects": [RESIDENT_ID]}, {**LOAN, "purpose": "SELF_QUERY"}])
    written = details.write(grants)
    assert RESIDENT_ID not in json.dumps(written)
    assert USCC not in json.dumps(written)
    assert details.read_token(written, PURPOSES) == grants


def test_a_token_with_an_identifier_for_a_subject_is_not_ours() -> None:
    with pytest.raises(InputError, match="pseudonym"):
        details.read_token([LOAN], PURPOSES)


def test_the_limits_are_reached_but_not_passed() -> None:
    many = [f"sub_{n:032x}" for n in range(MAX_SUBJECTS + 1)]
    details_of_one = [{**LOAN, "subjects": [subject]} for subject in many[: MAX_DETAILS + 1]]
    assert len(read(details_of_one[:-1])) == MAX_DETAILS
    assert len(read([{**LOAN, "subjects": many[:-1]}])[0].subject_ids) == MAX_SUBJECTS
    for over in (details_of_one, [{**LOAN, "subjects": many}]):
        with pytest.raises(InputError, match="more than"):
            read(over)
    with pytest.raises(InputError, match="more than"):
        read([{**LOAN, "subjects": many[:600]}, {**LOAN, "subjects": many[:401]}])


def test_a_subject_stands_under_one_purpose_only() -> None:
    one = {**LOAN, "subjects": [USCC]}
    with pytest.raises(InputError, match="more than one authorization"):
        read([one, {**one, "purpose": "SELF_QUERY"}])


REFUSED: dict[str, Any] = {
    "nothing": [],
    "an object instead of a list": LOAN,
    "a list of texts": ["credit_disclosure"],
    "null": None,
    "an unknown type": [{**LOAN, "type": "payment_initiation"}],
    "no type": [{"purpose": "LOAN_APPLICATION"}],
    "a good detail and an unknown type": [LOAN, {"type": "x"}],
    "an unknown member": [{**LOAN, "datasets": ["financial.loan"]}],
    "a common member of RFC 9396 that we do not use": [{**LOAN, "actions": ["read"]}],
    "an unknown purpose": [{**LOAN, "purpose": "CURIOSITY"}],
    "a purpose in lower case": [{**LOAN, "purpose": "loan_application"}],
    "a list of purposes": [{**LOAN, "purpose": ["LOAN_APPLICATION"]}],
    "no purpose": [{"type": details.TYPE, "subjects": [USCC]}],
    "a text for subjects": [{**LOAN, "subjects": USCC}],
    "a subject that is a number": [{**LOAN, "subjects": [1]}],
    "a subject that is no identifier": [{**LOAN, "subjects": ["*"]}],
    "a pseudonym in upper case": [{**LOAN, "subjects": [PSEUDONYM.upper()]}],
    "a pseudonym with a line feed": [{**LOAN, "subjects": [PSEUDONYM + "\n"]}],
    "a consent without its prefix": [{**LOAN, "consent": "7Q"}],
    "a consent that is null": [{**LOAN, "consent": None}],
    "a consent with a line feed": [{**LOAN, "consent": "c_7Q\n"}],
    "a matter with blanks": [{**LOAN, "matter": "a b"}],
    "an empty reference": [{**LOAN, "reference": ""}],
    "a long reference": [{**LOAN, "reference": "a" * 129}],
    "a reference with a control character": [{**LOAN, "reference": "a\u0000b"}],
    "a reference with half a character": [{**LOAN, "reference": "\ud800"}],
    "a reference that is a number": [{**LOAN, "reference": 5}],
    "a resident id in the reference": [{**LOAN, "reference": f"file {RESIDENT_ID}"}],
    "a resident id as operator": [{**LOAN, "operator": RESIDENT_ID}],
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_request_is_refused_without_echo_for(case: str) -> None:
    with pytest.raises(InputError) as refusal:
        read(REFUSED[case])
    assert USCC not in str(refusal.value)
    assert RESIDENT_ID not in str(refusal.value)


@pytest.mark.parametrize(
    "text", ["", "{", '[{"type":"a","type":"b"}]', "[NaN]", "[1e999]", "[" * 100_000, '["\ud800', "1" * 5000]
)
def test_text_that_is_not_strict_json_is_refused(text: str) -> None:
    with pytest.raises(InputError):
        details.read_request(text, PURPOSES, resolve)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([USCC, details.TYPE]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["type", "purpose", "subjects", "consent", "matter", "x"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(_json)
def test_any_json_is_read_or_refused_and_nothing_else(value: Any) -> None:
    try:
        grants = details.read(value, PURPOSES, resolve)
    except InputError:
        return
    assert details.read_token(details.write(grants), PURPOSES) == grants
