from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from hub.demo import story_facts
from hub.demo.generator import Generator
from hub.demo.institutions import Institutions
from hub.demo.record import DemoRecord
from hub.model.identifiers import parse_resident_id, parse_uscc

from .demo_worlds import TODAY


def report(seed: int = 1, organizations: int = 1, today: date = TODAY) -> list[DemoRecord]:
    generator = Generator(organizations, 1, seed, today)
    return list(generator.records_of(next(generator.organisations())))


def test_the_company_is_the_first_of_every_world_whatever_size_and_seed() -> None:
    assert report(1, 1) == report(99, 5_000)
    assert report()[0].identifier == story_facts.COMPANY_USCC
    assert report()[0].name == story_facts.COMPANY_NAME


def test_the_facts_written_down_are_those_of_the_institutions() -> None:
    institutions = Institutions()
    assert [bank.uscc for bank in institutions.banks[:2]] == [story_facts.BANK_HKB, story_facts.BANK_QZB]
    for kind, code in {
        "AMR": story_facts.DEPT_AMR,
        "TAX": story_facts.DEPT_TAX,
        "BUSINESS": story_facts.OFFICER,
        "DATA": story_facts.OPERATOR,
    }.items():
        assert institutions.provincial(kind).uscc == code
        assert parse_uscc(code, demo=True)


def test_the_representative_is_a_valid_synthetic_person_and_the_first_of_the_persons() -> None:
    parsed = parse_resident_id(story_facts.PERSON_ID, today=TODAY, demo=True)
    assert parsed.birth_date.isoformat() == story_facts.PERSON_BORN
    assert next(Generator(0, 1, 5, TODAY).persons()).identifier == story_facts.PERSON_ID
    registration = report()[0].values
    assert registration["legalRepresentativeIdNumber"] == story_facts.PERSON_ID
    assert registration["legalRepresentativePhone"] == story_facts.PERSON_PHONE


@pytest.mark.parametrize("today", [TODAY, date(2026, 2, 28), date(2027, 5, 3), date(2028, 2, 29)])
def test_the_report_is_rich_on_any_day(today: date) -> None:
    counts = Counter(r.dataset for r in report(today=today))
    periods = {r.values["period"] for r in report(today=today) if r.dataset == "government.tax_payment"}
    assert len(periods) == 24
    assert counts["government.social_insurance"] == counts["government.housing_fund"] == 24
    assert counts["government.licence"] >= 3
    assert counts["government.tax_grade"] >= 5
    assert counts["market.commitment"] == 3
    for once in (
        "judicial.judgment",
        "financial.guarantee",
        "government.honour",
        "financial.loan_application",
    ):
        assert counts[once] == 1
    assert counts["market.utility_payment"] == 48
    assert counts["market.contract_performance"] == 2
    assert counts["market.industry_evaluation"] == 2


@pytest.mark.parametrize("today", [TODAY, date(2026, 3, 31), date(2028, 2, 29)])
def test_one_penalty_is_minor_and_over_and_one_is_general_and_shown_with_a_fine(today: date) -> None:
    penalties = [r.values for r in report(today=today) if r.dataset == "government.penalty"]
    minor, general = sorted(penalties, key=lambda values: str(values["decisionDate"]))
    assert minor["severity"] == "MINOR"
    assert str(minor["publicationEndDate"]) < today.isoformat()
    assert general["severity"] == "GENERAL"
    assert str(general["publicationEndDate"]) > today.isoformat()
    assert general["fineAmount"] == 2_000_000
    assert {r.source_unit for r in report() if r.dataset == "government.penalty"} == {story_facts.DEPT_AMR}


def test_the_company_is_worth_lending_to() -> None:
    records = report()
    grades = {r.values["grade"] for r in records if r.dataset == "government.tax_grade"}
    loans = [r.values for r in records if r.dataset == "financial.loan"]
    assert grades == {"A", "B"}
    assert {loan["lenderUscc"] for loan in loans} == {story_facts.BANK_HKB, story_facts.BANK_QZB}
    assert all(loan["overdueDays"] == 0 and loan["status"] == "OUTSTANDING" for loan in loans)
    assert not {"judicial.dishonest_judgment_debt", "government.abnormal_list"} & {r.dataset for r in records}
    assert not any("ARREARS" in r.values.values() for r in records)
