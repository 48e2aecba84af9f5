"""What a token may be asked for, and what it then carries (RFC 9396)."""

from __future__ import annotations

import json
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.errors import InputError
from hub.identity import details
from hub.identity.details import MAX_DETAILS, MAX_SUBJECTS, Grant, pseudonym
from hub.identity.tokens import Caller

from .identity_world import LOAN, NOW, OTHER_USCC, PURPOSES, RESIDENT_ID, USCC, client, resolve

PSEUDONYM = pseudonym(resolve(OTHER_USCC))
CONSENTED = {"type": LOAN["type"], "purpose": "LOAN_REVIEW_POST", "subjects": [USCC, OTHER_USCC]}


def consented(subjects: dict[str, str | None]) -> dict[str, Any]:
    """A detail with a consent for each subject."""
    return {**CONSENTED, "subjects": list(subjects), "consents": list(subjects.values())}


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
    assert len(read(details_of_one[:-1])[0].subject_ids) == MAX_DETAILS
    consents = [f"c_{n}" for n in range(MAX_SUBJECTS)]
    assert len(read([consented(dict(zip(many[:-1], consents, strict=True)))])) == MAX_SUBJECTS
    assert len(read([{**LOAN, "subjects": many[:-1]}])[0].subject_ids) == MAX_SUBJECTS
    for over in (details_of_one, [{**LOAN, "subjects": many}]):
        with pytest.raises(InputError, match="more than"):
            read(over)
    with pytest.raises(InputError, match="more than"):
        read([{**LOAN, "subjects": many[:600]}, {**LOAN, "subjects": many[:401]}])


def test_each_subject_has_its_own_consent() -> None:
    both = [consented({USCC: "c_7Q", OTHER_USCC: None, RESIDENT_ID: "c_8R"})]
    assert {grant.consent_id: grant.subject_ids for grant in read(both)} == {
        consent: {resolve(subject)}
        for consent, subject in (("c_7Q", USCC), (None, OTHER_USCC), ("c_8R", RESIDENT_ID))
    }
    (written,) = details.write(read(both))
    assert "consent" not in written
    assert written["subjects"] == sorted(pseudonym(resolve(s)) for s in (USCC, OTHER_USCC, RESIDENT_ID))
    assert dict(zip(written["subjects"], written["consents"], strict=True)) == {
        pseudonym(resolve(USCC)): "c_7Q",
        pseudonym(resolve(OTHER_USCC)): None,
        pseudonym(resolve(RESIDENT_ID)): "c_8R",
    }


def test_consents_that_are_all_the_same_are_one_consent() -> None:
    same = read([consented({USCC: "c_7Q", OTHER_USCC: "c_7Q"})])
    assert same == read([{**CONSENTED, "consent": "c_7Q"}])
    assert read([consented({USCC: None, OTHER_USCC: None})]) == read([CONSENTED])


def test_details_that_differ_in_more_than_subjects_and_consents_stay_apart() -> None:
    one, other = {**CONSENTED, "subjects": [USCC]}, {**CONSENTED, "subjects": [OTHER_USCC]}
    for member, text in {
        "matter": "460000-001",
        "reference": "贷2026-118",
        "operator": "柜员 07",
        "template": "FU-LOAN-2",
    }.items():
        assert len(details.write(read([one, {**other, member: text}]))) == 2
    assert len(details.write(read([one, {**other, "consent": "c_7Q"}]))) == 1


def test_a_template_is_carried_from_the_request_to_the_token() -> None:
    (grant,) = read([{**LOAN, "template": "FU-LOAN-1"}])
    assert grant.template == "FU-LOAN-1"
    assert details.write((grant,))[0]["template"] == "FU-LOAN-1"


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
    "consent and consents": [{**LOAN, "consents": ["c_7Q"]}],
    "fewer consents than subjects": [{**CONSENTED, "consents": ["c_7Q"]}],
    "more consents than subjects": [{**CONSENTED, "consents": ["c_7Q", "c_8R", None]}],
    "consents without subjects": [{**CONSENTED, "subjects": [], "consents": []}],
    "consents that are a text": [{**CONSENTED, "subjects": ["a", "b"], "consents": "ab"}],
    "consents that are null": [{**CONSENTED, "consents": None}],
    "consents with a number": [{**CONSENTED, "consents": ["c_7Q", 8]}],
    "consents with an empty text": [{**CONSENTED, "consents": ["c_7Q", ""]}],
    "consents with a list": [{**CONSENTED, "consents": ["c_7Q", ["c_8R"]]}],
    "a subject twice beside consents": [
        {**CONSENTED, "subjects": [USCC, pseudonym(resolve(USCC))], "consents": ["c_7Q", "c_7Q"]}
    ],
    "a subject beside consents and elsewhere": [LOAN, {**CONSENTED, "consents": ["c_7Q", "c_8R"]}],
    "a template in lower case": [{**LOAN, "template": "fu-loan-1"}],
    "a template of two characters": [{**LOAN, "template": "FU"}],
    "a template of 33 characters": [{**LOAN, "template": "F" * 33}],
    "a template that is null": [{**LOAN, "template": None}],
    "a matter with blanks": [{**LOAN, "matter": "a b"}],
    "an empty reference": [{**LOAN, "reference": ""}],
    "a long reference": [{**LOAN, "reference": "a" * 129}],
    "a reference with a control character": [{**LOAN, "reference": "a\u0000b"}],
    "a reference with half a character": [{**LOAN, "reference": "\ud800"}],
    "a reference that is a number": [{**LOAN, "reference": 5}],
    "a resident id in full-width digits": [
        {**LOAN, "reference": RESIDENT_ID.translate({n: n + 0xFEE0 for n in range(0x30, 0x5B)})}
    ],
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
            st.sampled_from(["type", "purpose", "subjects", "consent", "consents", "matter", "x"]),
            inner,
            max_size=4,
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


_subjects = st.integers(0, 30).map(lambda n: f"sub_{n:032x}")
_consent_ids = st.none() | st.sampled_from(["c_1", "c_2", "c_3"])
_shared = st.fixed_dictionaries(
    {
        "type": st.just(details.TYPE),
        "purpose": st.sampled_from(sorted(PURPOSES)),
        "subjects": st.lists(_subjects, max_size=4, unique=True),
    },
    optional={
        "consent": st.sampled_from(["c_1", "c_2"]),
        "matter": st.just("460000-001"),
        "reference": st.sampled_from(["贷2026-118", "b"]),
        "operator": st.just("07"),
        "template": st.sampled_from(["FU-LOAN-1", "FU-LOAN-2"]),
    },
)


@st.composite
def _each(draw: st.DrawFn) -> dict[str, Any]:
    detail = draw(_shared.filter(lambda detail: bool(detail["subjects"])))
    detail.pop("consent", None)
    size = len(detail["subjects"])
    return {**detail, "consents": draw(st.lists(_consent_ids, min_size=size, max_size=size))}


_requests = st.lists(_shared | _each(), min_size=1, max_size=6)


def _rights(asked: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    """What a request says about each subject, read without the code under test."""
    return {
        subject: (
            consent,
            *(detail.get(name) for name in ("purpose", "matter", "reference", "operator", "template")),
        )
        for detail in asked
        for subject, consent in zip(
            detail["subjects"],
            detail.get("consents", [detail.get("consent")] * len(detail["subjects"])),
            strict=True,
        )
    }


@given(_requests)
def test_reading_and_writing_keep_every_right_and_settle_at_once(asked: list[dict[str, Any]]) -> None:
    subjects = [subject for detail in asked for subject in detail["subjects"]]
    if len(subjects) > len(set(subjects)):
        with pytest.raises(InputError, match="more than one"):
            details.read(asked, PURPOSES, resolve)
        return
    grants = details.read(asked, PURPOSES, resolve)
    written = details.write(grants)
    assert _rights(written) == _rights(asked)
    assert {detail["purpose"] for detail in written} == {detail["purpose"] for detail in asked}
    assert len(written) <= len(asked)
    assert details.read_token(written, PURPOSES) == grants
    assert details.write(details.read_token(written, PURPOSES)) == written


@given(_requests, st.randoms(use_true_random=False))
def test_the_order_of_subjects_makes_no_difference(asked: list[dict[str, Any]], random: Random) -> None:
    shuffled = []
    for detail in asked:
        order = list(range(len(detail["subjects"])))
        random.shuffle(order)
        moved = {
            name: [detail[name][place] for place in order]
            for name in ("subjects", "consents")
            if name in detail
        }
        shuffled.append({**detail, **moved})
    try:
        expected = details.write(details.read(asked, PURPOSES, resolve))
    except InputError:
        return
    assert details.write(details.read(shuffled, PURPOSES, resolve)) == expected


@given(_requests, _subjects)
def test_the_grant_of_a_subject_is_what_a_linear_search_finds(
    asked: list[dict[str, Any]], subject: str
) -> None:
    try:
        grants = details.read(asked, PURPOSES, resolve)
    except InputError:
        return
    caller = Caller(
        client("bank-hkb", {}), ("bank",), "91460000DEM00101XA", grants, "t", NOW + timedelta(minutes=5)
    )
    for text in (subject, *(s for detail in asked for s in detail["subjects"])):
        subject_id = bytes.fromhex(text[4:])
        found = next((grant for grant in grants if subject_id in grant.subject_ids), None)
        assert caller.grant_of(subject_id) is found
    assert caller.purposes == {grant.purpose for grant in grants}
    assert caller.subject_count == sum(len(grant.subject_ids) for grant in grants)
