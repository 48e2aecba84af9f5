"""Rules, registries and catalogue must fit each other, or nothing starts."""

from __future__ import annotations

from dataclasses import replace

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.files import build_policy
from hub.policies.lint import idle_rules, warnings
from hub.policies.model import PolicySet

MISFITS = {
    "a pattern that matches no field": (
        "bank, LOAN_APPLICATION, financial.deposit.*, 3, ORG, CLEAR, allow",
        "object",
    ),
    "a deny pattern that matches no field": (
        "bank, *, financial.loan.balances, 1, ORG, CLEAR, deny",
        "object",
    ),
    "a kind the dataset does not have": ("bank, *, government.person_profile.*, 1, ORG, CLEAR, deny", "kind"),
    "an opening level below every field": (
        "subject, SELF_QUERY, financial.loan.balance, 2, ORG, CLEAR, allow",
        "level",
    ),
    "a shutting level above every field": ("bank, *, financial.loan.balance, 5, ORG, CLEAR, deny", "level"),
    "an opening row for any purpose": ("bank, *, financial.loan.balance, 3, ORG, CLEAR, allow", "purpose"),
    "a purpose the role may not hold": (
        "bank, GOV_SUPERVISION, financial.loan.balance, 3, ORG, CLEAR, allow",
        "purpose",
    ),
    "an opening row for the officer": (
        "officer, AUDIT_REVIEW, government.penalty.*, 1, ORG, CLEAR, allow",
        "role",
    ),
    "an opening row for the operator": (
        "operator, OPERATION, government.penalty.*, 1, ORG, CLEAR, allow",
        "role",
    ),
    "an opening row for the auditor": (
        "auditor, AUDIT_REVIEW, government.penalty.*, 1, ORG, CLEAR, allow",
        "role",
    ),
    "persons opened to the public": (
        "public, BID_CHECK, government.penalty.*, 1, PERSON, CLEAR, allow",
        "kind",
    ),
    "both kinds opened to the public": (
        "public, BID_CHECK, government.penalty.*, 1, *, CLEAR, allow",
        "kind",
    ),
    "masking what has no mask": (
        "bank, LOAN_APPLICATION, government.tax_grade.grade, 2, ORG, MASKED, allow",
        "outcome",
    ),
    "more than the consent asks for": (
        "bank, GUARANTEE, government.tax_grade.*, 2, ORG, CLEAR, allow",
        "object",
    ),
}


@pytest.mark.parametrize("name", MISFITS)
def test_a_rule_that_does_not_fit_is_refused_with_its_place(
    name: str, texts: dict[str, str], catalog: Catalog
) -> None:
    cells, column = MISFITS[name]
    texts["rules.csv"] += f"p, Z-TEST-01, {cells}\n"
    row = texts["rules.csv"].count("\n")
    with pytest.raises(PolicyError) as caught:
        build_policy(texts, catalog)
    assert caught.value.message.startswith(f"rules.csv row {row}, column {column}: ")
    assert caught.value.hint


def test_a_circle_of_inheritance_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    texts["rules.csv"] += "g, department, county_tenant\n"
    with pytest.raises(PolicyError, match="runs in a circle"):
        build_policy(texts, catalog)


def test_an_inheritance_that_stands_twice_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    texts["rules.csv"] += "g, county_tenant, department\n"
    with pytest.raises(PolicyError, match="stands already"):
        build_policy(texts, catalog)


def test_a_field_without_a_rule_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    rows = texts["rules.csv"].splitlines(keepends=True)
    texts["rules.csv"] = "".join(row for row in rows if "government.housing_fund.unitAccountNo" not in row)
    with pytest.raises(PolicyError, match=r"no rule that opens government\.housing_fund\.unitAccountNo"):
        build_policy(texts, catalog)


def test_a_new_dataset_without_rules_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    loan = catalog.datasets["financial.loan"]
    fields = tuple(replace(field, dataset="patent.grant") for field in loan.fields)
    added = replace(loan, id="patent.grant", fields=fields)
    with pytest.raises(PolicyError, match=r"no rule that opens patent\.grant\."):
        build_policy(texts, Catalog({**catalog.datasets, added.id: added}, catalog.revision))


def test_a_closed_field_that_a_rule_opens_is_refused(texts: dict[str, str], catalog: Catalog) -> None:
    texts["closed.toml"] += '\n[[closed]]\nfield = "financial.loan.balance"\nreason = "test"\n'
    with pytest.raises(PolicyError, match=r"closed\.toml names financial\.loan\.balance"):
        build_policy(texts, catalog)


def test_a_consent_that_asks_for_what_is_never_shown_is_refused(
    texts: dict[str, str], catalog: Catalog
) -> None:
    texts["consents.toml"] = texts["consents.toml"].replace(
        "items = [\n", 'items = [\n    "market.industry_evaluation",\n', 1
    )
    with pytest.raises(PolicyError, match=r"asks for market\.industry_evaluation, which no rule opens"):
        build_policy(texts, catalog)


def test_no_shipped_rule_is_idle(policy: PolicySet, catalog: Catalog) -> None:
    assert idle_rules(policy, catalog) == ()


def test_a_rule_that_never_decides_is_named_as_a_warning(texts: dict[str, str], catalog: Catalog) -> None:
    texts["rules.csv"] += (
        "p, Z-TEST-01, bank, LOAN_APPLICATION, financial.loan.balance, 3, ORG, MASKED, allow\n"
    )
    found = [w for w in warnings(build_policy(texts, catalog), catalog) if "rules.csv" in w]
    assert len(found) == 1
    assert "Z-TEST-01 never decides" in found[0]


def test_unverified_entries_are_named_as_warnings(policy: PolicySet, catalog: Catalog) -> None:
    found = list(warnings(policy, catalog))
    assert sum("matters.toml" in warning for warning in found) == len(policy.matters)
