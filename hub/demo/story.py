"""The story's company and its representative: the same in every size and for every seed, with a rich report.

The company is worth lending to: grades A and B, everything paid, loans of two banks on time. It also has something to
explain: one minor penalty that is no longer shown, one general penalty that is, and a judgment against it.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from hub.demo.codes import months_after
from hub.demo.divisions import DIVISION
from hub.demo.industries import INDUSTRY
from hub.demo.institutions import Institution
from hub.demo.organisations import Organisation
from hub.demo.persons import Identity, Person
from hub.demo.record import Draft, Values
from hub.demo.records_financial import guarantee_draft, loan_draft
from hub.demo.records_judicial import judgment
from hub.demo.records_licence import LICENCES, REGISTRATION, licence_draft
from hub.demo.records_lists import honour_draft
from hub.demo.records_market import commitment_draft, contract_draft, evaluation_draft
from hub.demo.records_monthly import housing_fund, social_insurance, utility_payments
from hub.demo.records_penalty import decided_penalty
from hub.demo.records_tax import tax_payments
from hub.demo.story_facts import (
    COMPANY_DIVISION,
    COMPANY_NAME,
    COMPANY_USCC,
    PERSON_BORN,
    PERSON_ID,
    PERSON_NAME,
    PERSON_PHONE,
)
from hub.demo.violations import VIOLATIONS
from hub.demo.world import World

_SEED = 1
ESTABLISHED = date(2016, 5, 18)
GRADES = "BBABAABA"
"""Tax credit grades of the last years, oldest first."""
_DEBTOR = "海口屿帆物流有限公司（演示）"
_WAN = 1_000_000


def story_world(world: World) -> World:
    """The world whose chances the story uses: the same for every seed."""
    return World(_SEED, world.today, world.institutions)


def story_company(world: World) -> Organisation:
    """The company, index 0."""
    division = DIVISION[COMPANY_DIVISION]
    return Organisation(
        index=0,
        identifier=COMPANY_USCC,
        name=COMPANY_NAME,
        form="ENTERPRISE",
        size="SMALL",
        industry=INDUSTRY["F"],
        division=division,
        address="海南省海口市滨海大道演示园区8号椰澜大厦1203室",
        established=ESTABLISHED,
        state="ACTIVE",
        until=world.today,
        representative=Identity(PERSON_NAME, PERSON_ID, date.fromisoformat(PERSON_BORN), True, PERSON_PHONE),
        capital=2_000 * _WAN,
        staff=46,
        turnover=3_200_000,
        conduct=1.0,
    )


def story_person(world: World) -> Person:
    """The company's representative as a subject, index 0 of the persons."""
    company = story_company(world)
    address = "海南省海口市国兴大道演示小区3栋1802室"
    return Person(0, company.representative, company.division, address, "企业负责人", False)


def company_records(world: World, company: Organisation) -> Iterator[Draft]:
    """Everything on the company besides its registration."""
    fixed = story_world(world)
    yield from _licences(fixed, company)
    yield from _penalties(fixed, company)
    yield from _tax_grades(fixed, company)
    yield from tax_payments(fixed, company)
    yield from social_insurance(fixed, company)
    yield from housing_fund(fixed, company)
    yield from utility_payments(fixed, company)
    yield from _standing(fixed, company)
    yield from _credit(fixed, company)


def _licences(world: World, company: Organisation) -> Iterator[Draft]:
    rows = (
        (REGISTRATION, ESTABLISHED),
        (LICENCES["customs"], date(2017, 3, 9)),
        (LICENCES["foodsale"], months_after(world.today, -38)),
        (LICENCES["transport"], months_after(world.today, -20)),
        (LICENCES["fire"], months_after(world.today, -19)),
    )
    for number, (licence, decided) in enumerate(rows):
        unit = world.institutions.provincial("AMR")
        if licence.authority != "AMR":
            unit = world.institutions.authority(licence.authority, company.division)
        yield licence_draft(licence, unit, decided, number + 1, False)


def _penalties(world: World, company: Organisation) -> Iterator[Draft]:
    rng = world.rng("story.penalty", 0)
    late_report = next(v for v in VIOLATIONS if v.title == "未按规定公示年度报告")
    advertising = next(v for v in VIOLATIONS if v.title == "虚假宣传")
    amr = world.institutions.provincial("AMR")
    rows = (
        (late_report, "MINOR", months_after(world.today, -26), 3, 1_000),
        (advertising, "GENERAL", months_after(world.today, -5), 12, 20_000),
    )
    for number, (violation, severity, decided, months, fine) in enumerate(rows):
        draft = decided_penalty(world, rng, company, violation, severity, decided, number + 1, months)
        own: Values = {
            "documentNo": f"琼市监罚演〔{decided.year}〕{number + 11:04d}号",
            "penaltyTypes": ["FINE"],
            "content": f"罚款{fine}元，责令改正",
            "fineAmount": fine * 100,
            "authorityName": amr.name,
            "authorityUscc": amr.uscc,
            "receivedOn": (decided + timedelta(days=4)).isoformat(),
        }
        values = {k: v for k, v in {**draft.values, **own}.items() if k != "confiscatedAmount"}
        yield Draft(draft.dataset, values, amr)


def _tax_grades(world: World, company: Organisation) -> Iterator[Draft]:
    unit = world.institutions.provincial("TAX")
    latest = world.today.year - (1 if world.today >= date(world.today.year, 5, 1) else 2)
    for back, grade in enumerate(reversed(GRADES)):
        year = latest - back
        values: Values = {
            "year": year,
            "grade": grade,
            "evaluatedOn": f"{year + 1}-04-30",
            "evaluator": unit.name,
        }
        yield Draft("government.tax_grade", values, unit)


def _standing(world: World, company: Organisation) -> Iterator[Draft]:
    rng = world.rng("story.standing", 0)
    claim: Values = {
        "documentType": "JUDGMENT",
        "causeOfAction": "买卖合同纠纷",
        "claimAmount": 186_000_00,
        "otherParties": ["海口沧舟包装有限公司（演示）"],
        "outcome": "被告于判决生效之日起十日内支付货款186000元；已履行完毕。（演示数据）",
    }
    case = judgment(world, rng, company, months_after(world.today, -15), 123)
    yield Draft(case.dataset, {**case.values, **claim}, case.source)
    yield honour_draft(world, rng, company, ("守合同重信用企业", "AMR", "PROVINCIAL"), 1)
    for number, kind in enumerate(("PROACTIVE", "APPROVAL_SUBSTITUTION", "PROOF_ITEM")):
        draft = commitment_draft(world, rng, company, kind, number + 1)
        yield Draft(draft.dataset, {**draft.values, "status": "FULFILLED"}, draft.source)
    for number, months in enumerate((30, 9)):
        yield contract_draft(world, rng, company, months_after(world.today, -months), number)
    year = world.today.year - (world.today < date(world.today.year, 6, 1))
    yield evaluation_draft(world, rng, company, "ENTERPRISE_RISK", date(year, 3, 31), "A")
    yield evaluation_draft(world, rng, company, "CUSTOMS", date(year, 5, 31), "高级认证企业")


def _credit(world: World, company: Organisation) -> Iterator[Draft]:
    rng = world.rng("story.credit", 0)
    first, second = world.institutions.banks[:2]
    yield _loan(world, company, first, months_after(world.today, -8), (500, 500), 0, "CREDIT", 24)
    yield _loan(world, company, second, months_after(world.today, -17), (300, 120), 1, "MORTGAGE", 36)
    signed = months_after(world.today, -10)
    yield guarantee_draft(world, rng, company, second, _DEBTOR, signed, 200 * _WAN)
    applied = world.today - timedelta(days=2)
    values: Values = {
        "lender": first.name,
        "lenderUscc": first.uscc,
        "applicationNo": f"XYD演{applied:%Y%m%d}0000000",
        "product": "信易贷",
        "appliedOn": applied.isoformat(),
        "appliedAmount": 300 * _WAN,
        "decision": "PENDING",
        "guaranteeType": "CREDIT",
        "termMonths": 12,
    }
    yield Draft("financial.loan_application", values, first)


def _loan(
    world: World,
    company: Organisation,
    lender: Institution,
    issued: date,
    wan: tuple[int, int],
    number: int,
    security: str,
    months: int,
) -> Draft:
    """A loan that is paid on time; `wan` are principal and balance in 万元."""
    principal, balance = wan
    draft = loan_draft(
        world, world.rng("story.loan", number), company, lender, issued, principal * _WAN, number, 1.0
    )
    own: Values = {
        "balance": balance * _WAN,
        "dueOn": months_after(issued, months).isoformat(),
        "status": "OUTSTANDING",
        "guaranteeType": security,
        "annualRate": "3.85",
    }
    values = {k: v for k, v in {**draft.values, **own}.items() if k != "settledOn"}
    return Draft(draft.dataset, values, lender)


def person_records(world: World, person: Person) -> Iterator[Draft]:
    """Everything on the representative besides the profile."""
    fixed = story_world(world)
    rng = fixed.rng("story.person", 0)
    yield honour_draft(fixed, rng, person, ("三星级志愿者", "YOUTH", "MUNICIPAL"), 2)
    yield commitment_draft(fixed, rng, person, "PROOF_ITEM", 9)
