"""Lenders: loan applications, loans and guarantees. Amounts of credit stand in this domain and nowhere else.

Rules
- Lenders are the demo banks; each is the source unit of what it reports.
- An approved application is followed by a loan of the same bank, amount and rate.
- Approved 58 %, about 0.9 million CNY on average, 3.6 to 5.2 % a year. Overdue loans lean on conduct.
- A guarantee stands for the debt of an organisation of lower index, so that every size of world holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from random import Random

from hub.demo.codes import months_after
from hub.demo.institutions import Institution
from hub.demo.organisations import Organisation
from hub.demo.parties import Party
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World, day_between, round_fen

APPLICATION_SHARE = 0.04
LOAN_SHARE = {"MICRO": 0.10, "SMALL": 0.35, "MEDIUM": 0.6, "LARGE": 0.8}
GUARANTEE_SHARE = 0.03
DECISIONS = Mix.of({"APPROVED": 58, "REJECTED": 34, "WITHDRAWN": 8})
_SECURITY = Mix.of({"CREDIT": 40, "MORTGAGE": 30, "GUARANTEE": 20, "PLEDGE": 6, "COMBINED": 4})
_PRODUCTS = ("税易贷", "信易贷", "流动资金贷款", "供应链融资", "椰农贷", "经营快贷")
_REFUSALS = ("经营年限不足", "负债水平偏高", "材料不完整", "不符合产品准入条件")


def applications_and_loans(world: World, org: Organisation) -> Iterator[Draft]:
    """Loan applications with what followed from them, and loans from before."""
    rng = world.rng("financial.loan", org.index)
    number = 0
    if rng.random() < APPLICATION_SHARE * (1.5 if org.business else 0.8):
        applied = day_between(rng, max(months_after(world.today, -24), org.established), org.until)
        for draft in _application(world, rng, org, applied):
            number += draft.dataset == "financial.loan"
            yield draft
    share = LOAN_SHARE[org.size] if org.business else 0.02
    if rng.random() >= share:
        return
    for _ in range(rng.choice((1, 1, 2, 3))):
        issued = day_between(rng, max(months_after(world.today, -48), org.established), org.until)
        principal = round_fen(min(org.turnover * rng.uniform(0.5, 5), 80_000_000), 10_000)
        lender = rng.choice(world.institutions.banks)
        yield loan_draft(world, rng, org, lender, issued, principal, number, org.conduct)
        number += 1


def _application(world: World, rng: Random, org: Organisation, applied: date) -> Iterator[Draft]:
    lender = rng.choice(world.institutions.banks)
    asked = round_fen(min(900_000 * rng.lognormvariate(-0.25, 0.7), 10_000_000), 10_000)
    decided = applied + timedelta(days=2 + rng.randrange(14))
    decision = DECISIONS.pick(rng) if decided <= world.today else "PENDING"
    values: Values = {
        "lender": lender.name,
        "lenderUscc": lender.uscc,
        "applicationNo": f"XYD演{applied:%Y%m%d}{org.index:07d}",
        "product": rng.choice(_PRODUCTS[:2]),
        "appliedOn": applied.isoformat(),
        "appliedAmount": asked,
        "decision": decision,
        "guaranteeType": _SECURITY.pick(rng),
        "termMonths": rng.choice((12, 12, 24, 36)),
    }
    if decision != "PENDING":
        values["decidedOn"] = decided.isoformat()
    if decision == "REJECTED":
        values["refusalReason"] = rng.choice(_REFUSALS)
    if decision != "APPROVED":
        yield Draft("financial.loan_application", values, lender)
        return
    rate = _rate(rng)
    yield Draft("financial.loan_application", {**values, "approvedAmount": asked, "annualRate": rate}, lender)
    loan = loan_draft(world, rng, org, lender, decided, asked, 0, org.conduct)
    yield Draft(loan.dataset, {**loan.values, "annualRate": rate}, lender)


def _rate(rng: Random) -> str:
    return f"{rng.randint(72, 104) * 5 / 100:.2f}".rstrip("0").rstrip(".")


def loan_draft(
    world: World,
    rng: Random,
    party: Party,
    lender: Institution,
    issued: date,
    principal: int,
    number: int,
    conduct: float,
) -> Draft:
    """One loan as its bank reports it at the end of last month; amounts in 分, `conduct` from 0 (bad) to 1."""
    months = rng.choice((12, 12, 24, 36, 60))
    due = months_after(issued, months)
    elapsed = (world.today - issued).days / max(1, (due - issued).days)
    settled = elapsed >= 1
    overdue = not settled and rng.random() < 0.06 * (1 - conduct)
    balance = 0 if settled else int(principal * max(0.05, 1 - elapsed * rng.choice((0, 1)))) // 100 * 100
    days = rng.randint(3, 180) if overdue else 0
    values: Values = {
        "lender": lender.name,
        "lenderUscc": lender.uscc,
        "contractNo": f"DK演{issued:%Y%m%d}{party.index:07d}{number:02d}",
        "accountNo": f"6200DEMO{party.index:07d}{number:02d}",
        "product": rng.choice(_PRODUCTS),
        "guaranteeType": _SECURITY.pick(rng),
        "issuedOn": issued.isoformat(),
        "dueOn": due.isoformat(),
        "principal": principal,
        "balance": balance,
        "annualRate": _rate(rng),
        "classification": "NORMAL" if not overdue else "SPECIAL_MENTION" if days <= 90 else "SUBSTANDARD",
        "status": "SETTLED" if settled else "OVERDUE" if overdue else "OUTSTANDING",
        "overdueDays": days,
        "overdueAmount": balance // 12 // 100 * 100 if overdue else 0,
        "reportedOn": max(issued, world.today.replace(day=1) - timedelta(days=1)).isoformat(),
    }
    if settled:
        values["settledOn"] = due.isoformat()
    return Draft("financial.loan", values, lender)


def guarantees(world: World, org: Organisation, name_of: Callable[[int], str]) -> Iterator[Draft]:
    """Guarantees given for other organisations; `name_of` gives the name of the organisation with an index."""
    rng = world.rng("financial.guarantee", org.index)
    if (
        not org.business
        or not org.index
        or rng.random() >= GUARANTEE_SHARE * (1 if org.size == "MICRO" else 3)
    ):
        return
    debtor = name_of(rng.randrange(org.index))
    signed = day_between(rng, max(months_after(world.today, -36), org.established), org.until)
    amount = round_fen(min(org.turnover * rng.uniform(1, 6), 50_000_000), 10_000)
    yield guarantee_draft(world, rng, org, rng.choice(world.institutions.banks), debtor, signed, amount)


def guarantee_draft(
    world: World,
    rng: Random,
    org: Organisation,
    creditor: Institution,
    debtor: str,
    signed: date,
    amount: int,
) -> Draft:
    """One guarantee for two years; `amount` in 分."""
    due = months_after(signed, 24)
    released = due <= world.today
    values: Values = {
        "creditor": creditor.name,
        "creditorUscc": creditor.uscc,
        "contractNo": f"DB演{signed:%Y%m%d}{org.index:07d}",
        "debtorName": debtor,
        "kind": rng.choice(("SURETYSHIP", "SURETYSHIP", "MORTGAGE", "PLEDGE")),
        "amount": amount,
        "balance": 0 if released else amount // 2,
        "signedOn": signed.isoformat(),
        "dueOn": due.isoformat(),
        "status": "RELEASED" if released else "IN_FORCE",
    }
    return Draft("financial.guarantee", values, creditor)
