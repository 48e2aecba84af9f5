"""A certificate is the most that can leave, and only a change that lets more leave is called wider."""

from __future__ import annotations

import dataclasses
from random import Random

import pytest
from disclosure.documents import write
from world import COMPANY

from hub.catalog.types import SubjectKind
from hub.disclosure.operations import Preparer
from hub.disclosure.plan import PlanCompiler, Scope
from hub.disclosure.rules import Rules
from hub.documents.certificate import Certificate, Section, certify, compare, widest_scope
from hub.model.outcome import Outcome

from .document_world import Setup

_HOLDERS = {
    "a bank": ("bank", "LOAN_APPLICATION"),
    "a bank after the loan": ("bank", "LOAN_REVIEW_POST"),
    "a department": ("department", "GOV_SUPERVISION"),
    "the organisation itself": ("subject", "SELF_QUERY"),
    "the public": ("public", "BID_CHECK"),
}


def _random_items(rules: Rules, scope: Scope, rng: Random) -> dict[str, frozenset[str]] | None:
    """A consent that a subject could have given instead of the widest."""
    if scope.items is None:
        return None
    datasets = [d for d in sorted(scope.items) if rng.random() < 0.7]
    names = {d: [f.name for f in rules.catalog.datasets[d].fields if rng.random() < 0.5] for d in datasets}
    return {d: frozenset(names[d]) for d in datasets}


@pytest.mark.parametrize("name", _HOLDERS)
def test_what_a_plan_shows_lies_within_the_certificate(name: str, setup: Setup) -> None:
    role, purpose = _HOLDERS[name]
    rules, preparer, rng, shown = setup.rules, Preparer(setup.schema), Random(name), 0
    table = rules.table(frozenset({role}), purpose, SubjectKind.ORG)
    widest = widest_scope(rules, role, purpose, SubjectKind.ORG)
    for seed in range(60):
        written = write(setup.schema, seed, COMPANY)
        trusted = setup.trusted(written.text, (role,), (purpose,))
        section = certify(rules, trusted).section(role, purpose, "ORG")
        assert section is not None
        operation = trusted.document.operation(None)
        prepared = preparer.prepare(operation, preparer.variables(operation, written.variables))
        scope = dataclasses.replace(widest, items=_random_items(rules, widest, rng))
        for root in prepared.subjects:
            plan = PlanCompiler(rules.catalog, table, scope, 100).compile(root.selected)
            for word, datasets in plan.fields.items():
                for dataset, names in datasets.items() if word not in ("withheld", "predicate") else ():
                    for field in names:
                        shown += 1
                        allowed = Outcome[section.fields[f"{dataset}.{field}"]]
                        assert table[f"{dataset}.{field}"].outcome <= allowed
            assert {slot.dataset for slot in plan.slots if slot.dated or slot.ranged} <= set(section.lists)
    assert shown > 50


@pytest.mark.parametrize("name", _HOLDERS)
def test_a_caller_of_several_roles_gets_no_more_than_its_roles_certificates(name: str, setup: Setup) -> None:
    role, purpose = _HOLDERS[name]
    rules = setup.rules
    holders = rules.policy.purposes[purpose].holders
    for kind in SubjectKind:
        alone = [rules.table(frozenset({r}), purpose, kind) for r in holders]
        together = rules.table(frozenset({*holders, role, "source_unit"}), purpose, kind)
        for field, decision in together.items():
            assert decision.outcome <= max(table[field].outcome for table in alone), field


def test_a_certificate_is_the_same_bytes_each_time_and_reads_back(setup: Setup) -> None:
    text = "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { idNumber } } }"
    made = [certify(setup.rules, setup.trusted(text)).to_json() for _ in range(2)]
    assert made[0] == made[1]
    policy = dataclasses.replace(setup.rules.policy, revision="sha256:other")
    assert certify(Rules(setup.rules.catalog, policy), setup.trusted(text)).to_json() == made[0]


def test_the_certificate_of_the_loan_file_masks_and_withholds_as_the_rules_do(setup: Setup) -> None:
    text = (
        "query Q($u: USCC!) { organization(uscc: $u) { name legalRepresentative { name idNumber } "
        "market { industryEvaluations { nodes { id } } } } }"
    )
    section = certify(setup.rules, setup.trusted(text)).section("bank", "LOAN_APPLICATION", "ORG")
    assert section is not None
    assert section.fields["government.registration.name"] == "CLEAR"
    assert section.fields["government.registration.legalRepresentativeIdNumber"] == "MASKED"
    assert section.lists == ()  # no rule opens industry evaluations to lending


def test_a_purpose_that_rests_on_consent_shows_nothing_to_kinds_without_a_template(setup: Setup) -> None:
    policy = dataclasses.replace(setup.rules.policy, consents={})
    trusted = setup.trusted("query Q($u: USCC!) { organization(uscc: $u) { name } }")
    (section,) = certify(Rules(setup.rules.catalog, policy), trusted).sections
    assert not section.fields
    assert section.withheld == ("government.registration.name",)


def _one(
    fields: dict[str, str], lists: tuple[str, ...] = (), other: tuple[str, ...] = (), role: str = "bank"
) -> Certificate:
    return Certificate("sha256:1", (Section(role, "P", "ORG", fields, (), lists),), other)


_BASE = _one({"a.b.c": "MASKED"}, ("a.b",), ("organization.id",))
_CHANGES: dict[str, tuple[Certificate | None, Certificate, int, int]] = {
    "nothing changes": (_BASE, _BASE, 0, 0),
    "a field appears": (_BASE, _one({"a.b.c": "MASKED", "a.b.d": "PREDICATE"}, ("a.b",), ("organization.id",)), 1, 0),
    "an outcome opens": (_BASE, _one({"a.b.c": "CLEAR"}, ("a.b",), ("organization.id",)), 1, 0),
    "an outcome shuts": (_BASE, _one({"a.b.c": "GENERALISED"}, ("a.b",), ("organization.id",)), 0, 1),
    "a field is gone": (_BASE, _one({}, ("a.b",), ("organization.id",)), 0, 1),
    "a list appears": (_BASE, _one({"a.b.c": "MASKED"}, ("a.b", "a.e"), ("organization.id",)), 1, 0),
    "a list is gone": (_BASE, _one({"a.b.c": "MASKED"}, (), ("organization.id",)), 0, 1),
    "another leaf appears": (_BASE, _one({"a.b.c": "MASKED"}, ("a.b",), ("organization.id", "x.y")), 1, 0),
    "another role gets it": (_BASE, _one({"a.b.c": "MASKED"}, ("a.b",), ("organization.id",), "public"), 2, 2),
    "one opens and one shuts": (_one({"a.b.c": "CLEAR", "a.b.d": "MASKED"}), _one({"a.b.c": "MASKED", "a.b.d": "CLEAR"}), 1, 1),
    "there was none": (None, _BASE, 3, 0),
    "only the text changes": (_BASE, dataclasses.replace(_BASE, document="sha256:2"), 0, 1),
}  # fmt: skip


@pytest.mark.parametrize("name", _CHANGES)
def test_a_comparison_tells_wider_from_narrower_when(name: str) -> None:
    before, now, wider, narrower = _CHANGES[name]
    found = compare(before, now)
    assert (len(found.wider), len(found.narrower)) == (wider, narrower), found
    assert bool(found) is (wider + narrower > 0)


def test_a_certificate_names_the_questions_that_are_answered(setup: Setup) -> None:
    codes = sorted(setup.rules.policy.questionnaire.predicates)
    ask = ", ".join(f"{{code: {code}}}" for code in codes)
    stated = setup.trusted(
        f"query Q($u: USCC!) {{ organization(uscc: $u) {{ predicates(ask: [{ask}]) {{ answer }} }} }}"
    )
    free = setup.trusted(
        "query Q($u: USCC!, $a: [PredicateQuestion!]!) { organization(uscc: $u) { predicates(ask: $a) { answer } } }"
    )
    one = setup.trusted(
        f"query Q($u: USCC!) {{ organization(uscc: $u) {{ predicates(ask: {{code: {codes[0]}}}) {{ answer }} }} }}"
    )
    questions = []
    for trusted in (stated, free, one):
        certificate = certify(setup.rules, trusted)
        section = certificate.section("bank", "LOAN_APPLICATION", "ORG")
        assert section is not None
        assert not section.fields
        questions.append(section.questions)
        assert certificate.other == ("organization.predicates.answer",)
    assert questions[0] == questions[1] != ()
    assert set(questions[2]) <= {codes[0]}
    assert compare(certify(setup.rules, one), certify(setup.rules, stated)).wider
