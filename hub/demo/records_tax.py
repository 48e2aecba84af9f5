"""Tax: yearly grades (A, B, M, C, D) and payments by month and tax."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

from hub.demo.codes import months_after
from hub.demo.institutions import Institution
from hub.demo.organisations import Organisation, turnover_in
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World

FIRST_GRADED_YEAR = 2014
_BEST = Mix.of({"A": 26, "B": 64, "M": 6, "C": 3.5, "D": 0.5})
_WORST = Mix.of({"A": 3, "B": 52, "M": 26, "C": 13, "D": 6})
_SOLE_SHARE = 0.35
_WINDOW = {"MICRO": 24, "SMALL": 24, "MEDIUM": 36, "LARGE": 36}


def months_back(org: Organisation, today: date, window: int) -> list[tuple[int, int]]:
    """Year and month of the latest months for which payments are known, oldest first.

    A month is known when it lies wholly inside the organisation's life and its due day (the 15th of the next
    month) is past.
    """
    last = months_after(min(org.until, today).replace(day=1), -1)
    if today.day < 16:
        last = min(last, months_after(today.replace(day=1), -2))
    first = months_after(org.established.replace(day=1), 1)
    count = min(window, (last.year - first.year) * 12 + last.month - first.month + 1)
    return [(day.year, day.month) for day in (months_after(last, -n) for n in range(count - 1, -1, -1))]


def tax_grades(world: World, org: Organisation) -> Iterator[Draft]:
    """One grade for each year since 2014; M in the year of establishment, none when that was its second half."""
    rng = world.rng("government.tax_grade", org.index)
    unit = world.institutions.authority("TAX", org.division)
    known = world.today.year - 1 if world.today >= date(world.today.year, 5, 1) else world.today.year - 2
    grade = ""
    for year in range(max(FIRST_GRADED_YEAR, org.established.year), min(known, org.until.year) + 1):
        if year == org.established.year:
            if org.established.month > 6:
                continue
            grade = "M"
        elif not grade or grade == "M" or rng.random() < 0.3:
            grade = (_BEST if rng.random() < org.conduct else _WORST).pick(rng)
        evaluated = date(year + 1, 4, 30)
        values: Values = {
            "year": year,
            "grade": grade,
            "evaluatedOn": evaluated.isoformat(),
            "evaluator": unit.name,
        }
        yield Draft("government.tax_grade", values, unit)


def tax_payments(world: World, org: Organisation) -> Iterator[Draft]:
    """Payments: value-added and maintenance tax monthly, income tax and stamp duty quarterly.

    Of the individually-owned businesses a good third pays, and by the quarter; others that are no business pay none.
    """
    rng = world.rng("government.tax_payment", org.index)
    sole = org.form == "INDIVIDUAL_BUSINESS"
    if not org.business and not (sole and rng.random() < _SOLE_SHARE):
        return
    unit = world.institutions.authority("TAX", org.division)
    general = not sole and (org.size != "MICRO" or rng.random() < 0.5)
    rate = rng.uniform(0.012, 0.045) if general else 0.01
    profit = rng.uniform(0.02, 0.12)
    since_quarter = 0.0
    for year, month in months_back(org, world.today, _WINDOW[org.size]):
        sales = turnover_in(org, month, rng.random())
        since_quarter += sales
        quarter_end = month % 3 == 0
        if general or quarter_end:
            base = sales if general else since_quarter
            vat = round(base * rate) * 100
            yield _payment(unit, year, month, "VAT", vat, round(base) * 100)
            if vat >= 100_00:
                yield _payment(unit, year, month, "URBAN_MAINTENANCE_TAX", vat * 7 // 100, 0)
        if quarter_end:
            kind = "INDIVIDUAL_INCOME_TAX" if sole else "CORPORATE_INCOME_TAX"
            income_tax = round(since_quarter * profit * (0.25 if org.size in ("MEDIUM", "LARGE") else 0.05))
            yield _payment(unit, year, month, kind, income_tax * 100, 0)
            if not sole:
                yield _payment(unit, year, month, "STAMP_DUTY", round(since_quarter * 0.0003) * 100, 0)
            since_quarter = 0.0


def _payment(unit: Institution, year: int, month: int, tax: str, amount: int, sales: int) -> Draft:
    paid_year, paid_month = (year + 1, 1) if month == 12 else (year, month + 1)
    values: Values = {
        "period": f"{year}-{month:02d}",
        "taxType": tax,
        "amount": amount,
        "paidOn": f"{paid_year}-{paid_month:02d}-15",
        "taxAuthority": unit.name,
    }
    if sales:
        values["taxableIncome"] = sales
    return Draft("government.tax_payment", values, unit)
