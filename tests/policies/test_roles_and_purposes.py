"""The shipped roles and purposes: what a second role adds, who is behind a company, and how far the cases reach."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest

from hub.catalog.types import Catalog, SubjectKind
from hub.model.outcome import Outcome
from hub.policies.cases import Case, load_cases, run_cases
from hub.policies.compile import TableCompiler
from hub.policies.model import LawfulBasis, PolicySet

ORG, PERSON = SubjectKind
SENSITIVE = 3
"""Level from which a field is sensitive."""

OTHERS = (
    "government.serious_dishonesty.responsiblePersonName",
    "judicial.consumption_restriction.restrictedPersonName",
    "judicial.consumption_restriction.applicantName",
    "judicial.judgment.otherParties",
)
"""Names of people other than the representative inside an organisation's records."""


@pytest.fixture(scope="module")
def compiler(policy: PolicySet, catalog: Catalog) -> TableCompiler:
    return TableCompiler(policy, catalog)


@pytest.fixture(scope="module")
def cases(folder: Path, policy: PolicySet, catalog: Catalog) -> tuple[Case, ...]:
    return load_cases(folder, policy, catalog)


@pytest.mark.parametrize("kind", SubjectKind)
def test_two_roles_give_no_more_than_one_of_them_gives_for_the_purpose(
    kind: SubjectKind, policy: PolicySet, compiler: TableCompiler
) -> None:
    compared = 0
    single = {
        (role, purpose.code): compiler.table(frozenset({role}), purpose.code, kind)
        for role, purpose in itertools.product(policy.roles, policy.purposes.values())
    }
    for purpose, pair in itertools.product(policy.purposes.values(), itertools.combinations(policy.roles, 2)):
        if not set(pair) & set(purpose.holders):
            continue
        both = compiler.table(frozenset(pair), purpose.code, kind)
        alone = [single[role, purpose.code] for role in pair]
        for field, decision in both.items():
            most = max(table[field].outcome for table in alone)
            assert decision.outcome <= most, (pair, purpose.code, field)
            compared += 1
    assert compared > 10_000


def test_only_a_county_tenant_inherits_and_only_from_a_department(policy: PolicySet) -> None:
    assert {role: parents for role, parents in policy.parents.items() if parents} == {
        "county_tenant": ("department",)
    }


def test_nobody_learns_from_a_company_record_who_else_stands_behind_it(
    policy: PolicySet, compiler: TableCompiler
) -> None:
    for purpose in policy.purposes.values():
        for role in purpose.holders:
            table = compiler.table(frozenset({role}), purpose.code, ORG)
            assert all(table[name].outcome < Outcome.CLEAR for name in OTHERS), (role, purpose.code)


def test_only_the_guarantor_reads_for_whom_it_stands_surety(
    policy: PolicySet, compiler: TableCompiler
) -> None:
    readers = {
        (role, purpose.code)
        for purpose in policy.purposes.values()
        for role, kind in itertools.product(purpose.holders, SubjectKind)
        if compiler.table(frozenset({role}), purpose.code, kind)["financial.guarantee.debtorName"].outcome
        is Outcome.CLEAR
    }
    assert readers == {("subject", "SELF_QUERY")}


def test_a_purpose_on_public_grounds_opens_the_public_level_of_organisations_only(
    policy: PolicySet, catalog: Catalog, compiler: TableCompiler
) -> None:
    public = [p for p in policy.purposes.values() if p.basis is LawfulBasis.PUBLIC]
    assert {p.code for p in public} == {"BID_CHECK", "PUBLIC_QUERY", "RESEARCH_ANONYMISED"}
    for purpose in public:
        for role, kind in itertools.product(purpose.holders, SubjectKind):
            table = compiler.table(frozenset({role}), purpose.code, kind)
            for field in catalog.fields():
                if table[field.id].outcome is not Outcome.WITHHELD:
                    assert (kind, field.level) == (ORG, 1)


def test_every_duty_that_reads_subjects_is_tied_to_a_published_matter(policy: PolicySet) -> None:
    matters = {matter.purpose for matter in policy.matters.values()}
    for purpose in policy.purposes.values():
        duty = purpose.basis is LawfulBasis.STATUTORY_DUTY and policy.fair_use_for(purpose.code)
        if duty and purpose.code != "DATA_SUPPLY":  # whoever supplies names the subject itself
            assert purpose.matter_required
        assert (purpose.code in matters) == purpose.matter_required


def test_a_department_and_its_county_tenants_hold_the_same_purposes(policy: PolicySet) -> None:
    for purpose in policy.purposes.values():
        assert ("department" in purpose.holders) == ("county_tenant" in purpose.holders), purpose.code


HOLDERS = {
    "PUBLIC_POST_RECRUITMENT": {"personnel_body"},
    "JUDICIAL_CASE": {"judicial_body"},
    "GUARDIAN_QUERY": {"guardian"},
    "HIRING_KEY_POSITION": {"user_unit"},
    "CREDIT_BOND": {"underwriter"},
    "PUBLIC_QUERY": {"public"},
    "SELF_QUERY": {"subject"},
}


@pytest.mark.parametrize("purpose", HOLDERS)
def test_a_narrow_purpose_has_one_holder(purpose: str, policy: PolicySet) -> None:
    assert set(policy.purposes[purpose].holders) == HOLDERS[purpose]


def test_the_cases_name_nearly_every_field_and_reach_every_rule(
    cases: tuple[Case, ...], policy: PolicySet, catalog: Catalog
) -> None:
    report = run_cases(policy, catalog, cases)
    assert report.field_coverage >= 94
    assert report.unexercised == ()


def test_every_dataset_with_sensitive_fields_has_a_denial_of_one(
    cases: tuple[Case, ...], catalog: Catalog
) -> None:
    denied = {name for case in cases if case.expect is Outcome.WITHHELD for name in case.fields}
    for dataset in catalog:
        sensitive = {
            f.id for f in dataset.fields if max(f.level_for(k) for k in dataset.subjects) >= SENSITIVE
        }
        assert not sensitive or sensitive & denied, dataset.id


def test_every_role_has_a_denial_about_sensitive_fields_of_most_datasets(
    cases: tuple[Case, ...], policy: PolicySet, catalog: Catalog
) -> None:
    levels = {f.id: f.level_for(PERSON) for f in catalog.fields()}
    for role in policy.roles:
        denied = {
            name.rpartition(".")[0]
            for case in cases
            if case.expect is Outcome.WITHHELD and role in case.roles
            for name in case.fields
            if levels[name] >= SENSITIVE
        }
        assert len(denied) >= 10, (role, sorted(denied))


def test_every_purpose_has_a_case_that_grants_and_one_that_denies(
    cases: tuple[Case, ...], policy: PolicySet
) -> None:
    for purpose in policy.purposes.values():
        found = {case.expect is Outcome.WITHHELD for case in cases if case.purpose == purpose.code}
        reads = bool(policy.fair_use_for(purpose.code))
        assert found == ({True, False} if reads else {True}), purpose.code
