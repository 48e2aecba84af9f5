"""The shipped cases hold by the table and by Casbin, reach every rule, and a broken policy shows in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.cases import load_cases, read_cases, run_cases
from hub.policies.files import build_policy
from hub.policies.model import PolicySet
from hub.policies.reference import CasbinReference


def test_every_shipped_case_holds_by_the_table_and_by_casbin(
    folder: Path, policy: PolicySet, catalog: Catalog
) -> None:
    report = run_cases(policy, catalog, load_cases(folder, policy, catalog), CasbinReference(policy))
    assert [str(failure) for failure in report.failures] == []
    assert len(report.cases) >= 60
    assert report.denials >= 40


def test_every_rule_decides_some_case(folder: Path, policy: PolicySet, catalog: Catalog) -> None:
    assert run_cases(policy, catalog, load_cases(folder, policy, catalog)).unexercised == ()


def test_every_role_has_a_case_and_a_denial(folder: Path, policy: PolicySet, catalog: Catalog) -> None:
    cases = load_cases(folder, policy, catalog)
    for role in policy.roles:
        assert any(role in case.roles and case.expect.name == "WITHHELD" for case in cases), role


def test_a_lost_denial_shows_in_the_cases(texts: dict[str, str], folder: Path, catalog: Catalog) -> None:
    rows = texts["rules.csv"].splitlines(keepends=True)
    texts["rules.csv"] = "".join(row for row in rows if "B-LOAN-22" not in row)
    texts["cases.toml"] = texts["cases.toml"].replace('rule = "B-LOAN-22"\n', "")
    policy = build_policy(texts, catalog)
    report = run_cases(policy, catalog, read_cases(texts["cases.toml"], policy, catalog))
    assert [failure.case.it for failure in report.failures] == ["a bank does not see tax refunds"]
    assert "government.tax_payment.refundAmount should be WITHHELD" in str(report.failures[0])


CASE = """
[[case]]
it = "a sentence"
roles = ["bank"]
purpose = "LOAN_APPLICATION"
kind = "ORG"
fields = ["financial.loan.balance"]
expect = "CLEAR"
"""

BROKEN = {
    "no case at all": ("case = []", "holds no case"),
    "an unknown field": (CASE.replace("loan.balance", "loan.balances"), "key fields"),
    "an unknown role": (CASE.replace('"bank"', '"banker"'), "key roles"),
    "an unknown purpose": (CASE.replace("LOAN_APPLICATION", "LOAN"), "key purpose"),
    "an unknown rule": (CASE + 'rule = "B-LOAN-99"\n', "key rule"),
    "an unknown reason": (CASE + 'reason = "BECAUSE"\n', "key reason"),
    "an unknown outcome": (CASE.replace('"CLEAR"', '"SHOWN"'), "key expect"),
    "a mistyped key": (CASE + 'rules = "B-LOAN-51"\n', "key rules"),
    "a sentence twice": (CASE + CASE, "key it"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_case_is_refused(name: str, policy: PolicySet, catalog: Catalog) -> None:
    text, place = BROKEN[name]
    with pytest.raises(PolicyError, match=place):
        read_cases(text, policy, catalog)
