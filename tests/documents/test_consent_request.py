"""What a subject is asked to agree to is what the document reads: no more, and nothing is missing when it runs."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from disclosure.documents import write
from world import COMPANY, NOW

from hub.catalog.types import SubjectKind
from hub.clock import FixedClock
from hub.demo import story_facts as facts
from hub.disclosure.operations import Preparer
from hub.disclosure.plan import PlanCompiler, Scope
from hub.documents.consent_request import DocumentConsent, consent_request
from hub.documents.letter import letter
from hub.documents.registry import TrustedDocument, TrustedDocuments
from hub.errors import InputError
from hub.identity.details import read
from hub.model.outcome import Outcome, Reason

from .document_world import Setup

BANK = facts.BANK_HKB
_LOAN = "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { idNumber } financial { loans { nodes { balance { amount } } } } government { taxPayments { nodes { id } } } market { industryEvaluations { nodes { id } } } } }"
_CONSENTS = [
    *(
        (purpose, "organization")
        for purpose in ("LOAN_APPLICATION", "LOAN_REVIEW_POST", "GUARANTEE", "RENEWAL")
    ),
    *((purpose, "person") for purpose in ("LOAN_APPLICATION", "GUARANTEE")),
]


def asked(setup: Setup, text: str, purpose: str = "LOAN_APPLICATION", **more: Any) -> DocumentConsent:
    trusted = setup.trusted(text, ("bank",), (purpose,))
    return consent_request(setup.rules, TrustedDocuments([trusted]), trusted.id, BANK, purpose, **more)


def withheld_for_scope(
    setup: Setup, trusted: TrustedDocument, variables: dict[str, Any], scope: Scope
) -> list[str]:
    """Paths that a document withholds because the consent does not name them."""
    preparer = Preparer(setup.schema)
    operation = trusted.document.operation(None)
    prepared = preparer.prepare(operation, preparer.variables(operation, variables))
    table = setup.rules.table(scope.roles, scope.purpose, scope.kind)
    questionnaire = setup.rules.policy.questionnaire
    return [
        note.path
        for root in prepared.subjects
        for note in PlanCompiler(setup.rules.catalog, table, scope, 100, questionnaire)
        .compile(root.selected)
        .notes
        if note.decision.reason is Reason.CONSENT_SCOPE
    ]


@pytest.mark.parametrize(("purpose", "root"), _CONSENTS)
def test_under_its_own_consent_a_document_is_refused_nothing_for_want_of_consent(
    purpose: str, root: str, setup: Setup
) -> None:
    kind = SubjectKind.ORG if root == "organization" else SubjectKind.PERSON
    narrowed = 0
    for seed in range(60):
        written = write(setup.schema, seed, COMPANY if kind is SubjectKind.ORG else facts.PERSON_ID, root)
        trusted = setup.trusted(written.text, ("bank",), (purpose,))
        made = consent_request(setup.rules, TrustedDocuments([trusted]), trusted.id, BANK, purpose)
        items = {dataset: frozenset(names) for dataset, names in made.fields.items()}
        assert all(items.values())  # an empty list would mean every field
        scope = Scope(frozenset({"bank"}), purpose, kind, items)
        assert withheld_for_scope(setup, trusted, written.variables, scope) == [], written.text
        dropped = dict(items)
        if dropped:
            del dropped[Random(seed).choice(sorted(dropped))]
            less = Scope(scope.roles, purpose, kind, dropped)
            narrowed += bool(withheld_for_scope(setup, trusted, written.variables, less))
    assert narrowed > 5  # leaving an item out is noticed


def test_items_hold_what_is_read_and_can_leave_and_the_date_of_each_list(setup: Setup) -> None:
    made = asked(setup, _LOAN)
    assert made.fields == {
        "government.registration": ("name", "legalRepresentativeIdNumber"),
        "financial.loan": ("issuedOn", "balance") if "issuedOn" in made.fields["financial.loan"] else ("reportedOn", "balance"),
        "government.tax_payment": ("period",),
    }  # fmt: skip
    outcomes = {f.name: f.outcome for item in made.items for f in item.fields}
    assert outcomes["legalRepresentativeIdNumber"] is Outcome.MASKED
    assert outcomes["balance"] is Outcome.CLEAR
    separate = {item.dataset for item in made.items if item.separate}
    assert separate == {"financial.loan", "government.tax_payment"}


def test_a_question_is_asked_for_as_a_question(setup: Setup) -> None:
    code, predicate = next(
        (c, p)
        for c, p in sorted(setup.rules.policy.questionnaire.predicates.items())
        if p.dataset == "government.tax_payment" and not p.thresholds
    )
    text = f"query Q($u: USCC!) {{ organization(uscc: $u) {{ predicates(ask: [{{code: {code}}}]) {{ answer }} }} }}"
    made = asked(setup, text)
    (item,) = made.items
    assert item.dataset == predicate.dataset
    assert {f.outcome for f in item.fields} == {Outcome.PREDICATE}
    assert "只答是否" in letter(made).zh


def test_the_letter_names_reader_purpose_items_periods_and_what_may_follow(setup: Setup) -> None:
    made = asked(setup, _LOAN, grantee_name="海口示范银行（演示）")
    text, template = letter(made), made.template
    for part in (
        BANK, "海口示范银行（演示）", "贷款申请审查", made.document.id, "银行业金融机构", "脱敏", "须另行单独同意",
        f"最近 {template.range_months} 个月", f"{template.validity_days} 天", f"最多查询 {template.max_uses} 次",
        template.adverse.zh, template.withdrawal.zh,
    ):  # fmt: skip
        assert part in text.zh, part
    for item in made.items:
        assert item.title.zh in text.zh
        assert item.title.en in text.en
    assert "industry" not in text.en  # what can never leave is not asked for


def test_the_authorization_details_are_what_the_token_endpoint_takes(setup: Setup) -> None:
    made = asked(setup, _LOAN)
    details = made.authorization_details([COMPANY], "c_abc")
    assert json.loads(json.dumps(details)) == details
    (grant,) = read(details, set(setup.rules.policy.purposes), lambda _: b"s" * 16)
    assert (grant.purpose, grant.consent_id, grant.subject_ids) == (
        "LOAN_APPLICATION", "c_abc", frozenset({b"s" * 16}),
    )  # fmt: skip
    assert "consent" not in made.authorization_details()[0]
    assert FixedClock(NOW).now() == NOW


_REFUSED: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a purpose that needs no consent": (_LOAN, "BID_CHECK", {}),
    "a kind that the document does not read": (_LOAN, "LOAN_APPLICATION", {"kind": SubjectKind.PERSON}),
    "a document that reads no subject": ("{ purposes { code } }", "LOAN_APPLICATION", {}),
    "a document that reads both kinds, and none is said": (
        "query Q($u: USCC!, $p: PersonIdentifier!) { organization(uscc: $u) { name } person(id: $p) { name } }",
        "LOAN_APPLICATION",
        {},
    ),
}


@pytest.mark.parametrize("name", _REFUSED)
def test_no_request_is_made_for(name: str, setup: Setup) -> None:
    text, purpose, more = _REFUSED[name]
    with pytest.raises(InputError, match="no consent"):
        asked(setup, text, purpose, **more)


def test_a_document_of_another_institution_or_purpose_is_as_unknown_as_none(setup: Setup) -> None:
    trusted = setup.trusted(_LOAN, institutions=(facts.BANK_QZB,))
    registry = TrustedDocuments([trusted])
    messages = set()
    for document_id, purpose in (
        (trusted.id, "LOAN_APPLICATION"), ("sha256:" + "0" * 64, "LOAN_APPLICATION"), (trusted.id, "RENEWAL"), (trusted.id, "NOTHING"),
    ):  # fmt: skip
        with pytest.raises(InputError) as caught:
            consent_request(setup.rules, registry, document_id, BANK, purpose)
        messages.add((caught.value.message, caught.value.hint, caught.value.message_zh))
    assert len(messages) == 1
    assert consent_request(setup.rules, registry, trusted.id, facts.BANK_QZB, "LOAN_APPLICATION").items
