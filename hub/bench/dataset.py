"""The records of the benchmark: the same number for every company, so that every answer has the same size.

- A company's records are a function of its number and the day; nothing is drawn by chance.
- Amounts, counts and names differ from company to company, so that nothing can be reused between answers.
- Events lie within the last year, because a consent for a loan covers two years back.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from hub.demo import story_facts as facts
from hub.demo.codes import document_number, months_after, organisation_number, resident_id, uscc

MONTHS = 12
"""Monthly records of each kind that every company has."""
EVENTS = 3
"""Records of every other kind that every company has; the report asks for two of them."""
RECORDS = 1 + 3 * MONTHS + 4 * EVENTS
"""Records of every company."""
_DIVISION = "460100"
_BORN = (date(1960, 1, 1), date(1999, 12, 31))

Values = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Company:
    """One company of the benchmark."""

    index: int
    uscc: str
    name: str

    @classmethod
    def of(cls, index: int) -> Company:
        """The company with this number, from 0."""
        code = uscc("91", _DIVISION, organisation_number(index))
        return cls(index, code, f"海口压测第{index + 1}号贸易有限公司（演示）")


def records(company: Company, today: date) -> Iterator[tuple[str, Values]]:
    """Dataset and values in stored form of every record of a company."""
    yield "government.registration", _registration(company)
    for number in range(1, MONTHS + 1):
        month = months_after(today, -number).strftime("%Y-%m")
        yield from _monthly(company, month, number)
    for number in range(1, EVENTS + 1):
        day = today - timedelta(days=40 * number)
        yield from _events(company, day, number)


def _registration(company: Company) -> Values:
    identity, _ = resident_id(company.index, 1, *_BORN, 0.5)
    return {
        "name": company.name,
        "uscc": company.uscc,
        "legalRepresentativeName": f"符测{company.index % 10}",
        "legalRepresentativeIdNumber": identity,
        "legalRepresentativePhone": f"100{company.index:08d}",
        "organizationType": "ENTERPRISE",
        "establishedOn": f"20{10 + company.index % 10}-05-20",
        "registeredCapital": 100_000_000 + company.index * 1_000_000,
        "operatingStatus": "ACTIVE",
        "industryCode": "F5199",
        "divisionCode": _DIVISION,
        "address": f"海南省海口市演示大道{company.index + 1}号",
        "businessScope": "货物进出口；供应链管理服务；农产品批发",
        "registrationAuthority": "海口市市场监督管理局（演示）",
    }


def _monthly(company: Company, month: str, number: int) -> Iterator[tuple[str, Values]]:
    base = 100_000 * number + 137 * company.index
    common = {"subjectName": company.name, "uscc": company.uscc, "period": month}
    source = {"sourceUnitName": "国家税务总局海南省税务局（演示）", "sourceUnitUscc": facts.DEPT_TAX}
    yield (
        "government.tax_payment",
        {
            **common,
            "taxType": "VAT",
            "amount": base + 3_511,
            "taxableIncome": base * 12,
            "paidOn": f"{month}-15",
            "taxAuthority": "国家税务总局海口市税务局（演示）",
            **source,
        },
    )
    yield (
        "government.social_insurance",
        {
            **common,
            "insuranceType": "ALL",
            "insuredCount": 20 + (company.index + number) % 80,
            "contributionBase": base * 9,
            "amount": base * 2,
            "status": "PAID",
            **source,
        },
    )
    yield (
        "government.housing_fund",
        {
            **common,
            "depositorCount": 18 + (company.index + number) % 80,
            "contributionBase": base * 8,
            "amount": base + 977,
            "unitAccountNo": f"4601{company.index:08d}",
            "status": "PAID",
            **source,
        },
    )


def _events(company: Company, day: date, number: int) -> Iterator[tuple[str, Values]]:
    serial = company.index * 10 + number
    source = {"sourceUnitName": "海南省市场监督管理局（演示）", "sourceUnitUscc": facts.DEPT_AMR}
    subject = {"subjectName": company.name, "subjectKind": "ORGANIZATION", "uscc": company.uscc}
    yield "government.penalty", {**_penalty(company, day, serial), **source}
    yield (
        "market.commitment",
        {
            **subject,
            "commitmentNo": f"诺演{serial:07d}",
            "kind": "PROACTIVE",
            "matter": "依法诚信经营",
            "content": "依法经营，按期纳税，不发布虚假信息。",
            "committedOn": day.isoformat(),
            "acceptingUnit": "海南省营商环境建设厅（演示）",
            "acceptingUnitUscc": facts.OFFICER,
            "status": "IN_PROGRESS",
            **source,
        },
    )
    yield "financial.loan", {**subject, **_loan(day, serial), **source}
    yield (
        "financial.guarantee",
        {
            **subject,
            "creditor": "琼州示范银行（演示）",
            "creditorUscc": facts.BANK_QZB,
            "contractNo": f"QZB-DB-{serial:08d}",
            "debtorName": f"海口压测第{serial}号物流有限公司（演示）",
            "kind": "SURETYSHIP",
            "amount": 30_000_000 + serial * 100,
            "balance": 20_000_000 + serial * 100,
            "signedOn": day.isoformat(),
            "dueOn": months_after(day, 36).isoformat(),
            "status": "IN_FORCE",
            **source,
        },
    )


def _penalty(company: Company, day: date, serial: int) -> Values:
    return {
        "counterpartyName": company.name,
        "counterpartyType": "ORGANIZATION",
        "uscc": company.uscc,
        "legalRepresentativeName": f"符测{company.index % 10}",
        "documentNo": document_number("琼市监", "罚", day.year, serial),
        "violationType": "违反市场监督管理规定",
        "violationFacts": "当事人未按规定公示企业年度报告，经责令改正后逾期未改正。",
        "legalBasis": "《企业信息公示暂行条例》第十七条",
        "penaltyTypes": ["FINE"],
        "content": "罚款人民币伍仟元整。",
        "fineAmount": 500_000 + serial * 10,
        "decisionDate": day.isoformat(),
        "publicationEndDate": months_after(day, 36).isoformat(),
        "authorityName": "海口市市场监督管理局（演示）",
        "authorityUscc": facts.DEPT_AMR,
        "severity": "GENERAL",
        "disclosureScope": "PUBLIC",
    }


def _loan(day: date, serial: int) -> Values:
    return {
        "lender": "海口示范银行（演示）",
        "lenderUscc": facts.BANK_HKB,
        "contractNo": f"HKB-LD-{serial:08d}",
        "accountNo": f"6200{serial:012d}",
        "product": "流动资金贷款",
        "guaranteeType": "MORTGAGE",
        "issuedOn": day.isoformat(),
        "dueOn": months_after(day, 24).isoformat(),
        "principal": 200_000_000 + serial * 100,
        "balance": 150_000_000 + serial * 100,
        "annualRate": "3.85",
        "classification": "NORMAL",
        "status": "OUTSTANDING",
        "overdueDays": serial % 5,
        "overdueAmount": 0,
        "reportedOn": day.isoformat(),
    }
