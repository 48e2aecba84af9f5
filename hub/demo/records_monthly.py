"""Monthly series besides tax: social insurance, housing fund, and water, electricity and gas."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from random import Random

from hub.demo.codes import months_after
from hub.demo.institutions import Institution
from hub.demo.organisations import Organisation, turnover_in
from hub.demo.record import Draft, Values
from hub.demo.records_tax import months_back
from hub.demo.world import World

_WINDOW = {"MICRO": 24, "SMALL": 24, "MEDIUM": 36, "LARGE": 36}
_INSURANCE_RATE = 265
"""Per mille of the base that employer and employed pay together."""
_FUND_SHARE = {"MICRO": 0.4, "SMALL": 0.85, "MEDIUM": 1.0, "LARGE": 1.0}
_UTILITIES = {
    "ELECTRICITY": (0.75, 0.72, 45.0),
    "WATER": (0.5, 4.1, 6.0),
    "GAS": (0.08, 3.9, 9.0),
}
"""Share of businesses with an account, CNY per unit, units per head and month."""
_GAS_SECTIONS = frozenset("CH")


def headcounts(rng: Random, org: Organisation, months: int) -> list[int]:
    """Insured staff month by month: it drifts, and ends at the organisation's staff."""
    count, counts = org.staff, []
    for _ in range(months):
        counts.append(count)
        step = max(1, org.staff // 25)
        count = max(1, count + rng.choice((-step, 0, 0, 0, step)))
    return counts[::-1]


def social_insurance(world: World, org: Organisation) -> Iterator[Draft]:
    """Contributions of all insurances together, month by month; arrears are rare and lean on conduct."""
    rng = world.rng("government.social_insurance", org.index)
    unit = world.institutions.authority("LABOUR", org.division)
    months = months_back(org, world.today, _WINDOW[org.size])
    wage = int(rng.uniform(4_200, 9_800))
    for (year, month), insured in zip(months, headcounts(rng, org, len(months)), strict=True):
        base = insured * wage * 100
        due = base * _INSURANCE_RATE // 1000
        late = rng.random() < 0.04 * (1 - org.conduct)
        values: Values = {
            "period": f"{year}-{month:02d}",
            "insuranceType": "ALL",
            "insuredCount": insured,
            "contributionBase": base,
            "amount": 0 if late else due,
            "arrearsAmount": due if late else 0,
            "status": "ARREARS" if late else "PAID",
        }
        yield Draft("government.social_insurance", values, unit)


def housing_fund(world: World, org: Organisation) -> Iterator[Draft]:
    """Contributions to the housing fund, month by month, by those who take part."""
    rng = world.rng("government.housing_fund", org.index)
    if org.index and rng.random() >= _FUND_SHARE[org.size]:
        return
    unit = world.institutions.authority("FUND", org.division)
    months = months_back(org, world.today, _WINDOW[org.size])
    wage, rate = int(rng.uniform(4_000, 9_000)), rng.choice((10, 10, 16, 20, 24))
    for (year, month), insured in zip(months, headcounts(rng, org, len(months)), strict=True):
        depositors = max(1, insured * 9 // 10)
        base = depositors * wage * 100
        values: Values = {
            "period": f"{year}-{month:02d}",
            "depositorCount": depositors,
            "contributionBase": base,
            "amount": base * rate // 100,
            "unitAccountNo": f"{org.division.code}9{org.index:08d}",
            "status": "PAID",
        }
        yield Draft("government.housing_fund", values, unit)


def utility_payments(world: World, org: Organisation) -> Iterator[Draft]:
    """Bills of the utilities where the organisation has an account, month by month."""
    rng = world.rng("market.utility_payment", org.index)
    months = months_back(org, world.today, 24)
    for number, (utility, (share, price, heads)) in enumerate(_UTILITIES.items()):
        likely = 0.6 if utility == "GAS" and org.industry.section in _GAS_SECTIONS else share
        if utility == "GAS" if org.index == 0 else rng.random() >= likely:
            continue
        unit = world.institutions.utilities[utility]
        account = f"46{number + 1}{org.index:010d}"
        for year, month in months:
            units = max(1, round(org.staff * heads * turnover_in(org, month, rng.random()) / org.turnover))
            yield _bill(rng, org, unit, utility, account, (year, month), units, round(units * price * 100))


def _bill(
    rng: Random,
    org: Organisation,
    unit: Institution,
    utility: str,
    account: str,
    period: tuple[int, int],
    units: int,
    amount: int,
) -> Draft:
    year, month = period
    late = rng.random() < 0.05 * (1 - org.conduct)
    values: Values = {
        "period": f"{year}-{month:02d}",
        "utility": utility,
        "accountNo": account,
        "usage": str(units),
        "amount": amount,
        "paidAmount": 0 if late else amount,
        "arrearsAmount": amount if late else 0,
        "status": "ARREARS" if late else "PAID",
    }
    if not late:
        due = months_after(date(year, month, 1), 1)
        values["paidOn"] = due.replace(day=4 + rng.randrange(11)).isoformat()
    return Draft("market.utility_payment", values, unit)
