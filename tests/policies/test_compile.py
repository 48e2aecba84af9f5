"""What the shipped policy must never do, and how several roles and unknown things are decided."""

from __future__ import annotations

import itertools

import pytest
from policy_worlds import make_catalog, make_field, make_policy

from hub.catalog.types import Catalog, SubjectKind
from hub.model.outcome import Decision, Outcome, Reason
from hub.policies.compile import NO_RULE, DecisionTable, compile_table
from hub.policies.model import PolicySet
from hub.policies.rows import MAX_LEVEL

SHUT = {Outcome.WITHHELD}


def _outcomes(table: DecisionTable) -> set[Outcome]:
    return {decision.outcome for decision in table.values()}


def test_every_field_has_a_level_and_a_rule_or_a_reason_to_be_closed(
    policy: PolicySet, catalog: Catalog
) -> None:
    opened = {
        field
        for purpose in policy.purposes.values()
        for role, kind in itertools.product(purpose.holders, SubjectKind)
        for field, decision in compile_table(policy, catalog, frozenset({role}), purpose.code, kind).items()
        if decision.outcome is not Outcome.WITHHELD
        and kind in catalog.datasets[field.rpartition(".")[0]].subjects
    }
    for field in catalog.fields():
        assert all(1 <= field.level_for(kind) <= MAX_LEVEL for kind in SubjectKind)
        assert (field.id in opened) is not (field.id in policy.closed), field.id


def test_persons_are_never_public(policy: PolicySet, catalog: Catalog) -> None:
    for purpose in policy.purposes:
        table = compile_table(policy, catalog, frozenset({"public"}), purpose, SubjectKind.PERSON)
        assert _outcomes(table) == SHUT
    for role in policy.roles:
        table = compile_table(policy, catalog, frozenset({role}), "BID_CHECK", SubjectKind.PERSON)
        assert _outcomes(table) == SHUT


def test_the_public_sees_only_the_public_level(policy: PolicySet, catalog: Catalog) -> None:
    table = compile_table(policy, catalog, frozenset({"public"}), "BID_CHECK", SubjectKind.ORG)
    shown = [field for field in catalog.fields() if table[field.id].outcome is not Outcome.WITHHELD]
    assert shown
    assert {field.level for field in shown} == {1}


@pytest.mark.parametrize("role", ["officer", "operator", "auditor"])
@pytest.mark.parametrize("other", [None, "bank", "department", "subject", "regulator", "public"])
def test_those_who_watch_see_no_field_whatever_else_they_are(
    role: str, other: str | None, policy: PolicySet, catalog: Catalog
) -> None:
    roles = frozenset({role, other} if other else {role})
    for purpose, kind in itertools.product(policy.purposes, SubjectKind):
        assert _outcomes(compile_table(policy, catalog, roles, purpose, kind)) == SHUT


@pytest.mark.parametrize("purpose", ["", "*", "loan_application", "NOT_REGISTERED"])
def test_without_a_registered_purpose_nobody_sees_anything(
    purpose: str, policy: PolicySet, catalog: Catalog
) -> None:
    for role, kind in itertools.product(policy.roles, SubjectKind):
        table = compile_table(policy, catalog, frozenset({role}), purpose, kind)
        assert set(table.values()) == {Decision(Outcome.WITHHELD, "DEFAULT", Reason.PURPOSE_NOT_HELD)}


def test_a_role_sees_nothing_for_a_purpose_it_may_not_hold(policy: PolicySet, catalog: Catalog) -> None:
    for role, purpose in itertools.product(policy.roles, policy.purposes.values()):
        if role not in purpose.holders:
            table = compile_table(policy, catalog, frozenset({role}), purpose.code, SubjectKind.ORG)
            assert _outcomes(table) == SHUT


def test_a_caller_without_a_role_sees_nothing(policy: PolicySet, catalog: Catalog) -> None:
    for roles in (frozenset[str](), frozenset({"stranger"}), frozenset({"*"})):
        assert _outcomes(compile_table(policy, catalog, roles, "BID_CHECK", SubjectKind.ORG)) == SHUT


def test_departments_see_no_lending_record_for_any_purpose(policy: PolicySet, catalog: Catalog) -> None:
    for role, purpose, kind in itertools.product(
        ("department", "county_tenant"), policy.purposes, SubjectKind
    ):
        table = compile_table(policy, catalog, frozenset({role}), purpose, kind)
        assert all(d.outcome is Outcome.WITHHELD for f, d in table.items() if f.startswith("financial."))


def test_identity_numbers_are_in_clear_to_the_person_alone(policy: PolicySet, catalog: Catalog) -> None:
    numbers = [
        f.id for f in catalog.fields() if f.mask in ("id", "phone") and f.level_for(SubjectKind.PERSON) >= 4
    ]
    assert numbers
    for purpose in policy.purposes.values():
        for role, kind in itertools.product(purpose.holders, SubjectKind):
            table = compile_table(policy, catalog, frozenset({role}), purpose.code, kind)
            clear = [number for number in numbers if table[number].outcome is Outcome.CLEAR]
            assert not clear or (role, kind) == ("subject", SubjectKind.PERSON)


def test_two_purposes_show_two_slices_of_one_company(policy: PolicySet, catalog: Catalog) -> None:
    bank = compile_table(policy, catalog, frozenset({"bank"}), "LOAN_APPLICATION", SubjectKind.ORG)
    department = compile_table(policy, catalog, frozenset({"department"}), "GOV_SUPERVISION", SubjectKind.ORG)
    assert bank["financial.loan.balance"].outcome is Outcome.CLEAR
    assert department["financial.loan.balance"].outcome is Outcome.WITHHELD
    assert bank["market.industry_evaluation.level"].outcome is Outcome.WITHHELD
    assert department["market.industry_evaluation.level"].outcome is Outcome.CLEAR


def test_a_field_the_catalogue_does_not_know_is_withheld(policy: PolicySet, catalog: Catalog) -> None:
    table = compile_table(policy, catalog, frozenset({"bank"}), "LOAN_APPLICATION", SubjectKind.ORG)
    assert table["financial.loan.unknown"] == NO_RULE
    assert len(table) == sum(1 for _ in catalog.fields())
    assert (table.policy_revision, table.catalog_revision) == (policy.revision, catalog.revision)


_FIELD = make_field("financial.loan", "name", 2, level_person=4, mask="name")
_CATALOG = make_catalog({"financial.loan": [_FIELD]})

COMBINED = {
    "the most open of several roles counts": (
        ["p, T-1, bank, LEND, *, 5, *, MASKED, allow", "p, T-2, officer, LEND, *, 5, *, CLEAR, allow"],
        (Outcome.CLEAR, "T-2"),
    ),
    "a deny of either role holds": (
        ["p, T-1, bank, LEND, *, 5, *, CLEAR, allow", "p, T-2, officer, *, *, 1, *, PREDICATE, deny"],
        (Outcome.WITHHELD, "T-2"),
    ),
    "an inherited deny holds": (
        [
            "p, T-1, bank, LEND, *, 5, *, CLEAR, allow",
            "p, T-2, tenant, *, *, 1, *, CLEAR, deny",
            "g, bank, tenant",
        ],
        (Outcome.MASKED, "T-2"),
    ),
    "a rule of an heir does not reach its parent": (
        ["p, T-1, tenant, LEND, *, 5, *, CLEAR, allow", "g, tenant, bank"],
        (Outcome.WITHHELD, "DEFAULT"),
    ),
    "inheritance goes on through several roles": (
        ["p, T-1, clerk, LEND, *, 5, *, CLEAR, allow", "g, bank, tenant", "g, tenant, clerk"],
        (Outcome.CLEAR, "T-1"),
    ),
    "an opening below the level does not reach": (
        ["p, T-1, bank, LEND, *, 1, *, CLEAR, allow"],
        (Outcome.WITHHELD, "DEFAULT"),
    ),
    "a shutting above the level does not reach": (
        ["p, T-1, bank, LEND, *, 2, *, CLEAR, allow", "p, T-2, bank, *, *, 3, *, PREDICATE, deny"],
        (Outcome.CLEAR, "T-1"),
    ),
    "a rule for another kind does not speak": (
        ["p, T-1, bank, LEND, *, 5, PERSON, CLEAR, allow"],
        (Outcome.WITHHELD, "DEFAULT"),
    ),
    "a rule for another purpose does not speak": (
        ["p, T-1, bank, WATCH, *, 5, *, CLEAR, allow"],
        (Outcome.WITHHELD, "DEFAULT"),
    ),
    "of two equal rules the first is named": (
        ["p, T-1, bank, LEND, *, 5, *, CLEAR, allow", "p, T-2, bank, LEND, *, 5, *, CLEAR, allow"],
        (Outcome.CLEAR, "T-1"),
    ),
}


@pytest.mark.parametrize("name", COMBINED)
def test_how_rules_combine(name: str) -> None:
    rows, expected = COMBINED[name]
    policy = make_policy("\n".join(rows))
    table = compile_table(policy, _CATALOG, frozenset({"bank", "officer"}), "LEND", SubjectKind.ORG)
    assert (table[_FIELD.id].outcome, table[_FIELD.id].rule) == expected


def test_the_level_is_that_of_the_kind() -> None:
    policy = make_policy("p, T-1, bank, LEND, *, 3, *, CLEAR, allow")
    outcomes = [
        compile_table(policy, _CATALOG, frozenset({"bank"}), "LEND", kind)[_FIELD.id].outcome
        for kind in (SubjectKind.ORG, SubjectKind.PERSON)
    ]
    assert outcomes == [Outcome.CLEAR, Outcome.WITHHELD]
