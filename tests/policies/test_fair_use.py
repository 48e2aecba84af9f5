"""Fair-use templates: what they allow, which mistakes are refused with their place, and how wide a choice may be."""

from __future__ import annotations

from datetime import date

import pytest

from hub.catalog.types import Catalog
from hub.errors import PolicyError
from hub.policies.fair_use import FILE, wider
from hub.policies.files import build_policy
from hub.policies.lint import warnings
from hub.policies.model import Beyond, PolicySet, Rate, Unit

BROKEN = {
    "an id that is none": ('"FU-LOAN-1"', '"FU-loan"', "key id"),
    "an id that stands twice": ('"FU-LOAN-SMALL"', '"FU-LOAN-1"', "key id: the id stands twice"),
    "a purpose that does not exist": ('purpose = "RENEWAL"', 'purpose = "FRIENDSHIP"', "key purpose"),
    "a consent without end": ("max_consent_days = 365", "max_consent_days = 0", "entry FU-LOAN-1, key max_consent_days"),
    "days of a consent that nobody needs": ("max_consent_days = 0", "max_consent_days = 1", "entry FU-BID-1, key max_consent_days"),
    "no subject in a request": ("subjects_per_request = 10", "subjects_per_request = 0", "key subjects_per_request"),
    "more subjects in a request than the hub answers": ("subjects_per_request = 1000", "subjects_per_request = 1001", "key subjects_per_request"),
    "a negative cap": ("range_months = 36", "range_months = -1", "key range_months"),
    "a cap in quotes": ("range_months = 36", 'range_months = "36"', "key range_months"),
    "an unknown calendar unit": ('unit = "MONTH", most = 500', 'unit = "WEEK", most = 500', "FU-LOAN-1.reads_of_subject.2, key unit"),
    "a unit that stands twice": ('unit = "MONTH", most = 500', 'unit = "DAY", most = 500', "key reads_of_subject"),
    "a rate of nothing": ('unit = "DAY", most = 50 }', 'unit = "DAY", most = 0 }', "key reads_of_subject"),
    "a day that allows as much as its month": ('unit = "DAY", most = 50 }', 'unit = "DAY", most = 500 }', "the cap of a DAY can never be reached"),
    "a rate with a further key": ("most = 50 }", "most = 50, per = 1 }", "key per"),
    "a rate that is missing": ("reads_in_all = []\n", "", "key reads_in_all"),
    "fewer reads in all than of one subject": ('unit = "DAY", most = 2000 }', 'unit = "DAY", most = 4 }', "FU-LOAN-SMALL, key reads_in_all"),
    "an unknown way with what is beyond": ('over_range = "CLAMP"', 'over_range = "WARN"', "key over_range"),
    "caps of an unknown dataset": ('dataset = "financial.loan"', 'dataset = "financial.lone"', "key dataset"),
    "caps of a dataset twice": ('dataset = "government.tax_payment"', 'dataset = "financial.loan"', "key dataset: it stands twice"),
    "a range of basic facts": ('dataset = "financial.loan"', 'dataset = "government.licence"', "entry FU-LOAN-SMALL: government.licence holds basic facts"),
    "a dataset that is not opened for the purpose": ('dataset = "financial.loan"', 'dataset = "market.industry_evaluation"', "entry FU-LOAN-SMALL: no rule opens market.industry_evaluation for LOAN_APPLICATION"),
    "a dataset looked back at longer than the rest": ("range_months = 12\nreads", "range_months = 25\nreads", "key dataset.range_months"),
    "a dataset looked back at as long as the rest": ("range_months = 12\nreads", "range_months = 24\nreads", "key dataset.range_months"),
    "a dataset kept longer than the rest": ("data_life_days = 15", "data_life_days = 31", "key dataset.data_life_days"),
    "a dataset read as often as the rest": ('unit = "DAY", most = 2 }', 'unit = "DAY", most = 5 }', "key dataset.reads_of_subject"),
    "a dataset without a cap of its own": ("range_months = 12\ndata_life_days = 15\n", "", "key dataset: it has no cap of its own"),
    "a choice with a longer consent": ("max_consent_days = 90", "max_consent_days = 400", "FU-LOAN-SMALL, key max_consent_days: it is wider than FU-LOAN-1"),
    "a choice that looks back further": ("range_months = 24\ndata_life_days = 30", "range_months = 48\ndata_life_days = 30", "FU-LOAN-SMALL, key range_months: it is wider"),
    "a choice that looks back for ever": ("range_months = 24\ndata_life_days = 30", "range_months = 0\ndata_life_days = 30", "FU-LOAN-SMALL, key range_months: it is wider"),
    "a choice that keeps data longer": ("data_life_days = 30", "data_life_days = 0", "FU-LOAN-SMALL, key data_life_days: it is wider"),
    "a choice that is read oftener": ('most = 5 }, { unit = "MONTH", most = 20 }', 'most = 51 }, { unit = "MONTH", most = 60 }', "FU-LOAN-SMALL, key reads_of_subject: it is wider"),
    "a choice without a cap that the default has": ('{ unit = "DAY", most = 5 }, { unit = "MONTH", most = 20 }', '{ unit = "HOUR", most = 5 }', "FU-LOAN-SMALL, key reads_of_subject: it is wider"),
    "a choice without a cap of all reads": ('reads_in_all = [{ unit = "DAY", most = 2000 }, { unit = "MONTH", most = 20000 }]', "reads_in_all = []", "FU-LOAN-SMALL, key reads_in_all: it is wider"),
    "a choice with more subjects in a request": ("subjects_per_request = 1\n", "subjects_per_request = 11\n", "FU-LOAN-SMALL, key subjects_per_request: it is wider"),
}  # fmt: skip


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_template_is_refused_with_its_place(
    name: str, texts: dict[str, str], catalog: Catalog
) -> None:
    old, new, place = BROKEN[name]
    assert old in texts[FILE]
    texts[FILE] = texts[FILE].replace(old, new, 1)
    with pytest.raises(PolicyError) as caught:
        build_policy(texts, catalog)
    assert FILE in caught.value.message
    assert place in caught.value.message
    assert caught.value.hint


def test_a_purpose_that_rests_on_consent_has_a_template(texts: dict[str, str], catalog: Catalog) -> None:
    texts[FILE] = texts[FILE].replace(_entry(texts, "FU-RENEWAL-1"), "")
    with pytest.raises(PolicyError, match="has no template for RENEWAL"):
        build_policy(texts, catalog)


def test_no_rule_opens_anything_for_a_purpose_without_template(
    texts: dict[str, str], catalog: Catalog
) -> None:
    texts[FILE] = texts[FILE].replace(_entry(texts, "FU-SELF-1"), "")
    with pytest.raises(PolicyError, match="SELF_QUERY has no fair-use template, so it reads nobody"):
        build_policy(texts, catalog)


def test_a_request_for_all_it_may_name_is_within_the_reads_of_all_subjects(
    texts: dict[str, str], catalog: Catalog
) -> None:
    supply = _entry(texts, "FU-SUPPLY-1")
    texts[FILE] = texts[FILE].replace(supply, supply.replace("most = 1000000", "most = 199"))
    with pytest.raises(PolicyError, match="entry FU-SUPPLY-1, key reads_in_all"):
        build_policy(texts, catalog)


def test_the_first_template_of_a_purpose_is_its_default(policy: PolicySet) -> None:
    first, second = policy.fair_use_for("LOAN_APPLICATION")
    assert policy.fair_use_of("LOAN_APPLICATION", None) is first
    assert policy.fair_use_of("LOAN_APPLICATION", first.id) is first
    assert policy.fair_use_of("LOAN_APPLICATION", second.id) is second
    assert list(policy.fair_use)[:2] == [first.id, second.id]


def test_a_template_of_another_purpose_is_none(policy: PolicySet) -> None:
    assert policy.fair_use_of("LOAN_APPLICATION", policy.fair_use_for("RENEWAL")[0].id) is None
    assert policy.fair_use_of("LOAN_APPLICATION", "FU-NONE") is None
    assert policy.fair_use_of("FRIENDSHIP", None) is None


def test_purposes_that_read_no_subject_have_no_template(policy: PolicySet) -> None:
    assert {code for code in policy.purposes if not policy.fair_use_for(code)} == {
        "AUDIT_REVIEW",
        "EMERGENCY_REVIEW",
        "OPERATION",
        "RESEARCH_ANONYMISED",
    }
    assert policy.fair_use_of("OPERATION", None) is None


def test_no_template_is_wider_than_the_default_of_its_purpose(policy: PolicySet) -> None:
    for template in policy.fair_use.values():
        assert list(wider(template, policy.fair_use_for(template.purpose)[0])) == []


def test_the_shipped_caps_of_a_loan_application(policy: PolicySet) -> None:
    caps = policy.fair_use["FU-LOAN-1"]
    assert caps.reads_of_subject == (Rate(Unit.DAY, 50), Rate(Unit.MONTH, 500))
    assert (caps.max_consent_days, caps.range_months, caps.data_life_days) == (365, 36, 90)
    assert (caps.over_consent_days, caps.over_range) == (Beyond.REFUSE, Beyond.CLAMP)
    assert policy.fair_use["FU-POST-1"].subjects_per_request == 1000


def test_a_dataset_has_its_own_caps_and_otherwise_those_of_the_template(policy: PolicySet) -> None:
    caps = policy.fair_use["FU-LOAN-SMALL"]
    assert (caps.range_months_of("financial.loan"), caps.range_months_of("government.penalty")) == (12, 24)
    assert (caps.data_life_days_of("financial.loan"), caps.data_life_days_of("government.tax_payment")) == (
        30,
        15,
    )


def test_one_looks_back_by_whole_months(policy: PolicySet) -> None:
    caps = policy.fair_use["FU-LOAN-SMALL"]
    assert caps.earliest(date(2026, 11, 20)) == date(2024, 11, 20)
    assert caps.earliest(date(2026, 11, 20), "financial.loan") == date(2025, 11, 20)
    assert caps.earliest(date(2028, 2, 29), "financial.loan") == date(2027, 2, 28)
    assert policy.fair_use["FU-SELF-1"].earliest(date(2026, 11, 20)) is None


def test_a_template_that_nobody_verified_deserves_a_look(policy: PolicySet, catalog: Catalog) -> None:
    assert "fair_use.toml: FU-LOAN-1 is not verified by those who answer for its caps." in set(
        warnings(policy, catalog)
    )


def _entry(texts: dict[str, str], template: str) -> str:
    """The text of one template."""
    return next(
        "[[template]]" + part
        for part in texts[FILE].split("[[template]]")[1:]
        if f'id = "{template}"' in part
    )
