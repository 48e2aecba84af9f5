"""An explanation names the rule that decided, every other that spoke, and says the same as the table."""

from __future__ import annotations

import random

import pytest
from policy_worlds import make_catalog, make_field, make_policy

from hub.catalog.types import Catalog, SubjectKind
from hub.errors import PolicyError
from hub.policies.compile import compile_table
from hub.policies.explain import explain
from hub.policies.model import PolicySet

ORG = SubjectKind.ORG


def test_a_shut_field_names_the_rule_that_shuts_and_the_one_that_opens(
    policy: PolicySet, catalog: Catalog
) -> None:
    found = explain(
        policy, catalog, frozenset({"bank"}), "financial.guarantee.debtorName", "LOAN_APPLICATION", ORG
    )
    assert found.decision.rule == "B-LOAN-56"
    assert {rule.id for rule in found.matched} == {"B-LOAN-54", "B-LOAN-56"}
    text = found.text()
    assert "-> B-LOAN-56" in text
    assert "deny CLEAR of financial.guarantee.debtorName from level 1" in text
    assert "bank for LOAN_APPLICATION: MASKED (MASKED_BY_RULE), decided by B-LOAN-56" in text
    assert found.message_zh in text
    assert found.message_en in text


def test_a_rule_whose_level_does_not_reach_is_shown_as_such(policy: PolicySet, catalog: Catalog) -> None:
    field = "government.registration.legalRepresentativeIdNumber"
    found = explain(policy, catalog, frozenset({"bank"}), field, "LOAN_APPLICATION", ORG)
    assert [rule.id for rule in found.beyond] == ["B-LOAN-01"]
    assert "(level not reached)" in found.text()


def test_a_purpose_that_is_not_held_is_said_to_be_the_ground(policy: PolicySet, catalog: Catalog) -> None:
    found = explain(policy, catalog, frozenset({"bank"}), "financial.loan.balance", "GOV_SUPERVISION", ORG)
    assert found.matched == ()
    assert "PURPOSE_NOT_HELD" in found.text()
    assert "no rule names this field here" in found.text()


def test_a_field_withheld_for_want_of_a_mask_says_so(policy: PolicySet) -> None:
    field = make_field("financial.loan", "name", 2)
    world = make_policy("p, T-1, bank, LEND, *, 5, *, MASKED, allow")
    rules = {"messages": policy.messages}
    world = type(world)(**{**world.__dict__, **rules})
    catalog = make_catalog({"financial.loan": [field]})
    assert "has no mask" in explain(world, catalog, frozenset({"bank"}), field.id, "LEND", ORG).text()


def test_an_unknown_field_is_refused(policy: PolicySet, catalog: Catalog) -> None:
    with pytest.raises(PolicyError, match="no such field"):
        explain(policy, catalog, frozenset({"bank"}), "financial.loan", "LOAN_APPLICATION", ORG)


def test_an_explanation_says_what_the_table_says(policy: PolicySet, catalog: Catalog) -> None:
    rng, fields = random.Random(3), list(catalog.fields())
    for _ in range(200):
        roles = frozenset(rng.sample(list(policy.roles), 2))
        purpose, kind, field = (
            rng.choice(list(policy.purposes)),
            rng.choice(list(SubjectKind)),
            rng.choice(fields),
        )
        found = explain(policy, catalog, roles, field.id, purpose, kind)
        assert found.decision == compile_table(policy, catalog, roles, purpose, kind)[field.id]
        if found.decision.rule != "DEFAULT":
            assert found.decision.rule in {rule.id for rule in found.matched}
