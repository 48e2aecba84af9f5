"""Commitment by field, and partial disclosures: every change is found, and what is not shown cannot be guessed."""

from __future__ import annotations

import copy
import hashlib
import hmac
import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.audit import offline
from hub.audit.batch import Pending, Plan
from hub.audit.entry import EntryOutcome, canonical
from hub.audit.fields import FIELDS_ALGORITHM, commit_fields, leaves
from hub.audit.merkle import Frontier, leaf_hash
from hub.audit.receipt import covered, receipt_json, verify_receipt
from hub.audit.redaction import redact
from hub.errors import InputError, VerificationError

from .audit_world import NOW, ORIGIN, SIGNER, an_entry

SALT = bytes(range(32))
VKEY = str(SIGNER.verifier)
TEXT = st.text(st.characters(codec="utf-8"), max_size=6)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(TEXT, JSON, min_size=1, max_size=4)
DATA = {
    "organization": {
        "name": "示范公司",
        "loans": {"nodes": [{"overdue": True, "days": 30}, {"overdue": False, "days": 0}], "more": False},
        "none": [], "a/b~c": {},
    }
}  # fmt: skip
NAME = "/data/organization/name"


def a_response(data: Any = DATA, salt: bytes = SALT) -> dict[str, Any]:
    """A response whose entry commits to each field."""
    answer = canonical(covered({"data": data}))
    entry = an_entry(outcome=EntryOutcome.DISCLOSED, commitment=commit_fields(answer, salt)).encode()
    plan = Plan(Frontier.empty(), [Pending(entry, leaf_hash(entry.body))], ORIGIN, SIGNER, NOW)
    receipt = json.loads(receipt_json(plan.appended(0), salt, FIELDS_ALGORITHM))
    return {"data": data, "extensions": {"receipt": receipt}}


def committed(response: dict[str, Any]) -> str:
    return str(json.loads(response["extensions"]["receipt"]["entry"])["commitment"])


def partial_of(data: Any, *keep: str) -> dict[str, Any]:
    response = a_response(data)
    return redact(response, committed(response), keep)


def holds(document: Any) -> bool:
    try:
        offline.verify(document, VKEY, lambda _: None)
    except offline.NotVerifiedError:
        return False
    return True


def by_hand(value: Any, salt: bytes, pointer: str, found: list[bytes]) -> None:
    """The digests once more, written for this test alone from what the documentation says."""
    if isinstance(value, dict) and value != {}:
        for key in value:
            by_hand(value[key], salt, pointer + "/" + key.replace("~", "~0").replace("/", "~1"), found)
        return
    own = hmac.new(salt, pointer.encode("utf-8"), hashlib.sha256).digest()[:16].hex()
    if isinstance(value, list):
        for place in range(len(value)):
            by_hand(value[place], salt, f"{pointer}/{place}", found)
        value = [len(value)]
    text = json.dumps([own, pointer, value], separators=(",", ":"), ensure_ascii=False)
    found.append(hashlib.sha256(text.encode("utf-8")).digest())


@given(OBJECT)
def test_hub_verifier_and_a_third_hand_compute_the_same_commitment(data: dict[str, Any]) -> None:
    response = a_response(data)
    digests: list[bytes] = []
    by_hand({"data": data, "disclosure": None, "errors": []}, SALT, "", digests)
    list_hash = hashlib.sha256(b"credit-hub-fields/1\n" + b"".join(sorted(digests))).hexdigest()
    assert committed(response) == list_hash
    assert holds(response)
    assert verify_receipt(response["extensions"]["receipt"], response, SIGNER.verifier).covers_data


@given(OBJECT, OBJECT)
def test_two_answers_that_differ_have_different_commitments(one: Any, other: Any) -> None:
    assume(canonical(one) != canonical(other))
    assert commit_fields(canonical(one), SALT) != commit_fields(canonical(other), SALT)


SHAPES = {
    "a list and an object with its numbers": (["x"], {"0": "x"}),
    "an empty list and an empty object": ([], {}),
    "an empty list and null": ([], None),
    "a list of its own length": ([1], [[1]]),
    "a number and its text": (1, "1"),
    "true and one": (True, 1),
    "two orders of a list": ([1, 2], [2, 1]),
    "a slash in a key and a level": ({"a/b": 1}, {"a": {"b": 1}}),
    "a tilde and its escape": ({"~0": 1}, {"~": 1}),
}


@pytest.mark.parametrize("name", SHAPES)
def test_answers_that_look_alike_are_told_apart(name: str) -> None:
    one, other = SHAPES[name]
    assert commit_fields(canonical({"x": one}), SALT) != commit_fields(canonical({"x": other}), SALT)


def test_a_change_of_any_leaf_of_a_whole_answer_is_found() -> None:
    for changed in (
        json.loads(json.dumps(DATA).replace("30", "31")),
        {"organization": {**DATA["organization"], "more": 1}},
        {"organization": {k: v for k, v in DATA["organization"].items() if k != "name"}},
    ):
        response = a_response()
        response["data"] = changed
        assert not holds(response)
        with pytest.raises(VerificationError):
            verify_receipt(response["extensions"]["receipt"], response, SIGNER.verifier)


def test_a_receipt_by_field_does_not_pass_for_one_of_the_whole_answer_nor_the_other_way() -> None:
    response = a_response()
    response["extensions"]["receipt"]["commitment"]["algorithm"] = offline.ALGORITHM
    assert not holds(response)


def test_a_partial_disclosure_shows_what_is_kept_and_nothing_else() -> None:
    partial = partial_of(DATA, NAME, "/data/organization/loans/nodes/0/days")
    assert holds(partial)
    assert [(p, v) for _, p, v in partial["fields"]] == [
        (NAME, "示范公司"), ("/data/organization/loans/nodes/0/days", 30),
    ]  # fmt: skip
    text = json.dumps(partial["fields"]) + json.dumps({**partial["extensions"]["receipt"], "entry": ""})
    assert SALT.hex() not in text
    assert "overdue" not in text
    assert "salt" not in partial["extensions"]["receipt"]["commitment"]


def test_a_pointer_keeps_what_stands_below_it_and_not_its_neighbours() -> None:
    partial = partial_of({"a": {"b": 1, "c": [2]}, "ab": 3}, "/data/a")
    assert {p: v for _, p, v in partial["fields"]} == {"/data/a/b": 1, "/data/a/c": [1], "/data/a/c/0": 2}


def test_the_length_of_a_list_is_a_field_that_can_be_shown_alone() -> None:
    partial = partial_of({"loans": [1, 2, 3]}, "/data/loans")
    assert ["/data/loans", [3]] in [[p, v] for _, p, v in partial["fields"]]


def test_a_pointer_to_nothing_and_an_answer_committed_to_as_a_whole_are_refused() -> None:
    with pytest.raises(InputError, match="/data/other"):
        partial_of(DATA, NAME, "/data/other")
    response = a_response()
    response["extensions"]["receipt"]["commitment"]["algorithm"] = offline.ALGORITHM
    with pytest.raises(InputError, match="each field"):
        redact(response, committed(response), [NAME])


def test_an_empty_pointer_does_not_show_the_whole_answer() -> None:
    with pytest.raises(InputError):
        partial_of(DATA, NAME, "")


def test_an_altered_answer_is_not_redacted() -> None:
    response = a_response()
    with pytest.raises(VerificationError):
        redact({**response, "data": {"organization": {"name": "别的公司"}}}, committed(response), [NAME])


def field_change(place: int, value: Callable[[Any], Any]) -> Callable[[dict[str, Any]], None]:
    def change(partial: dict[str, Any]) -> None:
        partial["fields"][0][place] = value(partial["fields"][0][place])

    return change


def digest_change(change: Callable[[list[str]], Any]) -> Callable[[dict[str, Any]], None]:
    def act(partial: dict[str, Any]) -> None:
        partial["digests"] = change(partial["digests"])

    return act


def receipt_salt(partial: dict[str, Any]) -> None:
    partial["extensions"]["receipt"]["commitment"]["salt"] = SALT.hex()


CHANGES: dict[str, Callable[[dict[str, Any]], None]] = {
    "another value": field_change(2, lambda _: "别的公司"),
    "the value as a list": field_change(2, lambda v: [v]),
    "another pointer": field_change(1, lambda p: p + "/x"),
    "another salt": field_change(0, lambda s: s[:-1] + ("0" if s[-1] != "0" else "1")),
    "the salt in capitals": field_change(0, lambda s: s.upper()),
    "values swapped": lambda p: p["fields"].__setitem__(0, [*p["fields"][0][:2], p["fields"][1][2]]),
    "a field twice": lambda p: p["fields"].append(p["fields"][0]),
    "a field that is none": lambda p: p["fields"].append(["00" * 16, "/data/invented", "x"]),
    "a digest left out": digest_change(lambda d: d[1:]),
    "a digest twice": digest_change(lambda d: [d[0], *d]),
    "a digest more": digest_change(lambda d: sorted([*d, "00" * 32])),
    "a digest altered": digest_change(lambda d: ["0" * 64, *d[1:]]),
    "digests in another order": digest_change(lambda d: d[::-1]),
    "digests in capitals": digest_change(lambda d: [d[0].upper(), *d[1:]]),
    "two digests as one": digest_change(lambda d: [d[0] + d[1], *d[2:]]),
    "a salt in the receipt": receipt_salt,
    "a member more": lambda p: p.update(note="sworn"),
    "no fields member": lambda p: p.pop("fields"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_a_changed_partial_disclosure_does_not_verify(name: str) -> None:
    partial = partial_of(DATA, NAME, "/data/organization/loans/more")
    assert holds(partial)
    CHANGES[name](partial)
    assert not holds(partial)


@given(OBJECT, st.data())
def test_any_single_change_of_what_is_shown_or_of_a_digest_is_found(data: dict[str, Any], draw: Any) -> None:
    partial = partial_of(data, "/data")
    assert holds(partial)
    changed = copy.deepcopy(partial)
    number = draw.draw(st.integers(0, len(partial["fields"]) - 1))
    place = draw.draw(st.integers(0, 2))
    changed["fields"][number][place] = draw.draw(JSON if place == 2 else TEXT)
    if canonical(changed) != canonical(partial):
        assert not holds(changed)
    changed = copy.deepcopy(partial)
    number = draw.draw(st.integers(0, len(partial["digests"]) - 1))
    digit = draw.draw(st.integers(0, 63))
    old = changed["digests"][number]
    changed["digests"][number] = old[:digit] + ("0" if old[digit] != "0" else "1") + old[digit + 1 :]
    assert not holds(changed)


def test_what_is_not_shown_cannot_be_found_by_trying_values_under_the_salts_that_are() -> None:
    """Two values are possible for a hidden flag; none of them fits, with any salt that the disclosure gives."""
    hidden = "/data/organization/loans/nodes/0/overdue"
    partial = partial_of(DATA, NAME)
    own = {leaf.salt for leaf in leaves(covered({"data": DATA}), SALT) if leaf.pointer == hidden}
    given_salts = {salt for salt, _, _ in partial["fields"]}
    assert not own & given_salts
    keys = [bytes.fromhex(salt) for salt in given_salts] + [salt.encode() for salt in given_salts]
    derived = {hmac.new(key, hidden.encode(), "sha256").hexdigest()[:32] for key in keys}
    for salt in given_salts | derived | {"", "00" * 16}:
        for value in (True, False):
            assert offline.digest(salt, hidden, value).hex() not in partial["digests"]


def test_equal_values_and_equal_answers_have_digests_that_do_not_tell() -> None:
    one, other = a_response({"a": True, "b": True}, SALT), a_response({"a": True, "b": True}, SALT[::-1])
    digests = [redact(r, committed(r), ["/data/a"])["digests"] for r in (one, other)]
    assert len(set(digests[0])) == len(digests[0])
    assert not set(digests[0]) & set(digests[1])


def test_digests_stand_in_the_order_of_their_own_values_not_of_the_fields() -> None:
    partial = partial_of({"list": list(range(50))}, "/data/list/0")
    assert partial["digests"] == sorted(partial["digests"])
