"""Declared questions: a mistake in the file is refused with its place, and nothing unanswerable is declared."""

from __future__ import annotations

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.model.outcome import Outcome
from hub.policies.compile import compile_table
from hub.policies.files import build_policy
from hub.policies.model import PolicySet
from hub.policies.predicates import FILE, read_predicates

BROKEN = {
    "no budget": ("[budget]", "[BUDGETS]", "has no \\[budget\\]"),
    "a budget of nothing": ("questions = 20", "questions = 0", "entry budget, key questions"),
    "a key that nothing reads": ("window_days = 30", "window_days = 30\nwindows = 1", "entry budget, key windows"),
    "a code in small letters": ("[TAX_PAID_12M_AT_LEAST]", "[tax_paid]", "tax_paid is not a question"),
    "an unknown dataset": ('dataset = "government.tax_payment"', 'dataset = "government.tax"', "key dataset"),
    "an unknown test": ('test = "sum_at_least"', 'test = "sum"', "key test"),
    "a kind that the dataset does not have": ('subjects = ["ORG"]', 'subjects = ["PERSON"]', "key subjects"),
    "a sum over a text": ('field = "amount"', 'field = "taxAuthority"', "key field: the field is no amount"),
    "a period of nothing": ("months = 12", "months = 0", "key months"),
    "thresholds that fall": ("value = 100000 }", "value = 900000 }", "key thresholds"),
    "a threshold twice": ('code = "500K"', 'code = "100K"', "key code"),
    "a code the field does not have": ('in = ["PAID"]', 'in = ["LATE"]', "key in"),
    "a filter on a text": ('where = "status"', 'where = "sourceUnitName"', "key where: the field has no codes"),
    "a test that needs a filter": ('where = "status"\nin = ["PAID"]\n', "", "key where: this test needs it"),
    "months of a dataset without months": (
        'dataset = "government.social_insurance"', 'dataset = "government.licence"', "the dataset is not by month",
    ),
    "an unknown answer": ('empty = "UNKNOWN"', 'empty = "MAYBE"', "key empty"),
    "a threshold where none is used": (
        'test = "exists_in_period"', 'test = "exists_in_period"\nthresholds = []', "key thresholds: nothing reads",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_question_is_refused(name: str, texts: dict[str, str], catalog: Catalog) -> None:
    old, new, place = BROKEN[name]
    assert old in texts[FILE]
    with pytest.raises(PolicyError, match=place):
        read_predicates(texts[FILE].replace(old, new, 1), catalog)


def test_every_question_is_by_ordinary_rules_and_may_be_asked_by_someone(
    policy: PolicySet, catalog: Catalog
) -> None:
    for predicate in policy.questionnaire.predicates.values():
        reads = [f"{predicate.dataset}.{n}" for n in predicate.reads(catalog.datasets[predicate.dataset])]
        askers = {
            (role, purpose.code)
            for purpose in policy.purposes.values()
            for role in purpose.holders
            for kind in predicate.subjects
            for table in [compile_table(policy, catalog, frozenset({role}), purpose.code, kind)]
            if all(table[field].outcome >= Outcome.PREDICATE for field in reads)
        }
        assert askers, predicate.code
        assert not {role for role, _ in askers} & {"officer", "operator", "auditor"}


def test_a_question_that_nobody_may_ask_is_refused(
    texts: dict[str, str], catalog: Catalog, policy: PolicySet
) -> None:
    texts[FILE] = texts[FILE].replace(
        'dataset = "government.tax_payment"\ntest = "exists_in_period"',
        'dataset = "government.penalty"\ntest = "none_of"\nwhere = "fineAmount"\nat_least = 1',
    )
    rows = texts["rules.csv"].splitlines(keepends=True)
    shut = "".join(
        f"p, Z-SHUT-{n:02d}, {role}, *, government.penalty.fineAmount, 1, *, PREDICATE, deny\n"
        for n, role in enumerate(policy.roles)
    )
    texts["rules.csv"] = "".join(rows) + shut
    texts["closed.toml"] += '\n[[closed]]\nfield = "government.penalty.fineAmount"\nreason = "test"\n'
    with pytest.raises(PolicyError, match=r"entry TAX_PAYMENT_RECORDED_12M: nobody may ask it"):
        build_policy(texts, catalog)


UNRENDERABLE = {
    "a field that cannot be made coarser": (
        "bank, LOAN_APPLICATION, government.tax_payment.*, 3, ORG, GENERALISED, allow",
        "cannot be made coarser",
    ),
    "a field that no question reads": (
        "bank, LOAN_APPLICATION, financial.loan.annualRate, 3, ORG, PREDICATE, allow",
        "no declared question reads",
    ),
}


@pytest.mark.parametrize("name", UNRENDERABLE)
def test_a_rule_with_an_outcome_that_nothing_renders_is_refused(
    name: str, texts: dict[str, str], catalog: Catalog
) -> None:
    cells, message = UNRENDERABLE[name]
    texts["rules.csv"] += f"p, Z-TEST-01, {cells}\n"
    with pytest.raises(PolicyError, match=f"column outcome: .*{message}"):
        build_policy(texts, catalog)


def test_the_page_on_questions_names_every_one_of_them(policy: PolicySet) -> None:
    from pathlib import Path

    page = (Path(__file__).parents[2] / "docs" / "predicates.md").read_text(encoding="utf-8")
    for code, predicate in policy.questionnaire.predicates.items():
        row = next(line for line in page.splitlines() if line.startswith(f"| `{code}` |"))
        assert all(threshold in row for threshold in predicate.thresholds), code
