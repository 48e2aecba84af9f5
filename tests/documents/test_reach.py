"""What a document can ask for is found through fragments, conditions and both kinds of subject."""

from __future__ import annotations

import pytest

from hub.catalog.types import SubjectKind

from .document_world import Setup

ORG, PERSON = SubjectKind.ORG, SubjectKind.PERSON
_TEXTS: dict[str, tuple[str, set[str], set[str], set[str]]] = {
    "a profile field": (
        "query Q($u: USCC!) { organization(uscc: $u) { name } }",
        {"government.registration.name"}, set(), set(),
    ),
    "a field in a group": (
        "query Q($u: USCC!) { organization(uscc: $u) { legalRepresentative { idNumber } } }",
        {"government.registration.legalRepresentativeIdNumber"}, set(), set(),
    ),
    "an alias": (
        "query Q($u: USCC!) { o: organization(uscc: $u) { kind_: name } }",
        {"government.registration.name"}, set(), set(),
    ),
    "what a variable may leave out": (
        "query Q($u: USCC!, $b: Boolean!) { organization(uscc: $u) { name @skip(if: $b) uscc @include(if: $b) } }",
        {"government.registration.name", "government.registration.uscc"}, set(), set(),
    ),
    "what is left out for good": (
        "query Q($u: USCC!) { organization(uscc: $u) { id name @skip(if: true) } }",
        {"government.registration.name"}, set(), {"organization.id"},
    ),
    "marks of records and of the profile": (
        "query Q($u: USCC!) { organization(uscc: $u) { marks { kind } government { taxGrades { nodes { marks { since statement } } } } } }",
        set(), {"government.tax_grade"},
        {"organization.marks.kind", "organization.government.taxGrades.nodes.marks.since",
         "organization.government.taxGrades.nodes.marks.statement"},
    ),
    "fragments within fragments": (
        "query Q($u: USCC!) { organization(uscc: $u) { ...A } } fragment A on Organization { government { ...B } } "
        "fragment B on GovernmentData { taxGrades { ... { nodes { ...C } } } } fragment C on TaxCreditGrade { year }",
        {"government.tax_grade.year"}, {"government.tax_grade"}, set(),
    ),
    "a fragment on the interface": (
        "query Q($u: USCC!) { organization(uscc: $u) { ...S } } fragment S on CreditSubject { financial { loans { nodes { balance { amount } } } } }",
        {"financial.loan.balance"}, {"financial.loan"}, set(),
    ),
    "edges, cursors and ids": (
        "query Q($u: USCC!) { organization(uscc: $u) { market { commitments { edges { cursor node { id kind } } } } } }",
        {"market.commitment.kind"}, {"market.commitment"},
        {"organization.market.commitments.edges.cursor", "organization.market.commitments.edges.node.id"},
    ),
    "type names only": (
        "query Q($u: USCC!) { organization(uscc: $u) { __typename financial { loans { nodes { __typename } } } } }",
        set(), {"financial.loan"}, set(),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", _TEXTS)
def test_a_document_asks_for(name: str, setup: Setup) -> None:
    text, fields, lists, other = _TEXTS[name]
    asked = setup.trusted(text).asked
    assert asked.fields[ORG] == fields
    assert asked.lists[ORG] == lists
    assert asked.other == other


def test_each_operation_of_a_document_counts(setup: Setup) -> None:
    asked = setup.trusted(
        "query A($u: USCC!) { organization(uscc: $u) { name } } "
        "query B($p: PersonIdentifier!) { person(id: $p) { phone } }"
    ).asked
    assert asked.fields[ORG] == {"government.registration.name"}
    assert asked.fields[PERSON] == {"government.person_profile.phone"}


def test_entries_of_the_log_and_registers_are_named_by_path(setup: Setup) -> None:
    asked = setup.trusted("{ auditEntries { nodes { at caller } } purposes { title { zh } } }").asked
    assert not asked.fields
    assert asked.other == {"auditEntries.nodes.at", "auditEntries.nodes.caller", "purposes.title.zh"}
