"""Administrative penalties: who, for what, how much, how grave, and how long it may be shown.

Rules
- MINOR 62 %, GENERAL 35 %, SERIOUS 3 %; a fine above the limit of the simplified procedure is never MINOR, and
  a SERIOUS one always takes a licence, a right or a business away (Administrative Penalty Law, arts. 9 and 51).
- Publication ends 3 months (MINOR), 3 to 12 months (GENERAL) or 1 to 3 years (SERIOUS) after the decision.
- 92 % are uploaded within 7 working days, 7 % late, 1 % very late; none before the decision or after today.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from hub.demo.codes import document_number, months_after, working_days_after
from hub.demo.organisations import Organisation
from hub.demo.parties import Party
from hub.demo.persons import Person
from hub.demo.record import Draft, Values
from hub.demo.violations import BY_AUTHORITY, PERSONAL, Violation
from hub.demo.world import Mix, World, round_fen

SHARE = {
    "INDIVIDUAL_BUSINESS": 0.03,
    "ENTERPRISE": 0.06,
    "FARMER_COOPERATIVE": 0.04,
    "SOCIAL_ORGANIZATION": 0.02,
}
"""Share of organisations with at least one penalty, by kind."""
SEVERITIES = Mix.of({"MINOR": 62, "GENERAL": 35, "SERIOUS": 3})
_SIMPLIFIED = {True: 3_000, False: 200}
_AGAIN = 0.4
_MONTHS = {"MINOR": (3,), "GENERAL": (3, 6, 12, 12), "SERIOUS": (12, 24, 36, 36)}
_WINDOW_DAYS = 4 * 365
_GRAVE = (
    ("REVOKE_LICENCE", "吊销许可证件"),
    ("RESTRICT_EMPLOYMENT", "限制从业"),
    ("ORDER_CLOSURE", "责令关闭"),
)


def penalties(world: World, org: Organisation) -> Iterator[Draft]:
    """The penalties of an organisation: one, and more by a geometric law; worse conduct, more often."""
    rng = world.rng("government.penalty", org.index)
    if rng.random() >= SHARE.get(org.form, 0) * (1.6 - 1.2 * org.conduct):
        return
    number = 0
    while number == 0 or (number < 9 and rng.random() < _AGAIN):
        kinds = [a for a in org.industry.authorities if a in BY_AUTHORITY]
        authority = kinds[min(int(rng.expovariate(1.2)), len(kinds) - 1)]
        violation = rng.choice(BY_AUTHORITY[authority])
        yield penalty_draft(world, rng, org, violation, org.index * 10 + number)
        number += 1


def personal_penalty(world: World, rng: Random, person: Person, number: int) -> Draft:
    """A penalty of a grown-up."""
    return penalty_draft(world, rng, person, rng.choice(PERSONAL), 5_000_000 + person.index * 10 + number)


def penalty_draft(world: World, rng: Random, party: Party, violation: Violation, number: int) -> Draft:
    """One penalty of a party for a violation, decided some day of the last four years."""
    earliest, latest = _days(world, party)
    decided = latest - timedelta(days=min(int(rng.expovariate(1 / 450)), max(0, (latest - earliest).days)))
    return decided_penalty(world, rng, party, violation, SEVERITIES.pick(rng), decided, number)


def _days(world: World, party: Party) -> tuple[date, date]:
    first = world.today - timedelta(days=_WINDOW_DAYS)
    last = world.today - timedelta(days=2)
    if isinstance(party, Organisation):
        return max(first, party.established), max(party.established, min(last, party.until))
    return max(first, party.turned(14)), last


def decided_penalty(
    world: World,
    rng: Random,
    party: Party,
    violation: Violation,
    severity: str,
    decided: date,
    number: int,
    months: int = 0,
) -> Draft:
    """The record of one penalty with given severity and day of decision, shown for `months` (0: by chance)."""
    unit = world.institutions.authority(violation.authority, party.division)
    types, content, own = _sanction(rng, party, violation, severity)
    end = months_after(decided, months or rng.choice(_MONTHS[severity]))
    values: Values = {
        "documentNo": document_number(unit.office, "罚", decided.year, number),
        "violationType": violation.title,
        "violationFacts": f"当事人{violation.facts}，事实清楚、证据确凿。（演示数据）",
        "legalBasis": violation.basis,
        "penaltyTypes": list(types),
        "content": content,
        **own,
        "decisionDate": decided.isoformat(),
        "validTo": months_after(decided, 36 if severity == "SERIOUS" else 12).isoformat(),
        "publicationEndDate": end.isoformat(),
        "authorityName": unit.name,
        "authorityUscc": unit.uscc,
        "severity": severity,
        "disclosureScope": "GOV_SHARING" if isinstance(party, Person) else "PUBLIC",
        "collectingDepartment": world.institutions.provincial("BUSINESS").name,
        "sourceRecordId": f"DEMO-CF-{number:08d}",
        "sourceBatchId": f"DEMO{decided:%Y%m}",
        "receivedOn": _received(rng, decided, world.today).isoformat(),
    }
    return Draft("government.penalty", values, unit)


def _sanction(
    rng: Random, party: Party, violation: Violation, severity: str
) -> tuple[tuple[str, ...], str, Values]:
    limit = _SIMPLIFIED[isinstance(party, Organisation)]
    if severity == "MINOR":
        if violation.lowest > limit or rng.random() < 0.45:
            return ("WARNING",), "警告，责令改正", {}
        amount = min(limit, max(100, int(rng.lognormvariate(0, 0.5) * limit / 3) // 100 * 100))
        return ("FINE",), f"罚款{amount}元", {"fineAmount": amount * 100}
    amount = round_fen(violation.median * rng.lognormvariate(0, 0.7), 100) // 100
    amount = min(violation.highest, max(violation.lowest, amount, limit + 100))
    if severity == "SERIOUS":
        return _grave_sanction(rng, violation, amount * 3)
    own: Values = {"fineAmount": amount * 100}
    if rng.random() < 0.15:
        gains = round_fen(amount * rng.uniform(0.1, 0.9), 10)
        own["confiscatedAmount"] = gains
        return ("FINE", "CONFISCATE_GAINS"), f"罚款{amount}元，没收违法所得{gains // 100}元", own
    return ("FINE",), f"罚款{amount}元，责令改正", own


def _grave_sanction(rng: Random, violation: Violation, amount: int) -> tuple[tuple[str, ...], str, Values]:
    grave, words = rng.choice(_GRAVE)
    own: Values = {"fineAmount": amount * 100}
    if grave == "REVOKE_LICENCE":
        own["affectedLicence"] = f"许可证件 DEMO{amount:08d}"
    return ("FINE", grave), f"罚款{amount}元，{words}（{violation.title}）", own


def _received(rng: Random, decided: date, today: date) -> date:
    lateness = rng.random()
    days = (
        rng.randint(1, 7)
        if lateness < 0.92
        else rng.randint(8, 20)
        if lateness < 0.99
        else rng.randint(40, 90)
    )
    return min(today, working_days_after(decided, days))
