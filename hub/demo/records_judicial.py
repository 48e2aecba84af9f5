"""The courts: judgments, dishonest judgment debts, and consumption restrictions, which follow from one another.

Rules
- Every dishonest judgment debt rests on a judgment against the debtor that is on record too, and comes with a
  consumption restriction in the same enforcement case.
- A debt is removed only when fully performed, one year after publication at the earliest.
- All case numbers carry the mark 演.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from hub.demo.codes import case_number, months_after
from hub.demo.names import brand
from hub.demo.organisations import Organisation
from hub.demo.parties import Party
from hub.demo.persons import Person
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World, day_between, round_fen

DEBTOR_SHARE = {True: 0.009, False: 0.0035}
"""Share of dishonest judgment debtors among organisations (True) and grown-ups (False)."""
DEFENDANT_SHARE = {True: 0.05, False: 0.012}
RESTRICTED_SHARE = 0.002
"""Share of subjects under a consumption restriction without being a dishonest judgment debtor."""
MOST_CASES = 200
_CAUSES = (
    "买卖合同纠纷",
    "金融借款合同纠纷",
    "建设工程施工合同纠纷",
    "租赁合同纠纷",
    "劳动争议",
    "服务合同纠纷",
)
_CONDUCT = ("有履行能力而拒不履行生效法律文书确定义务", "违反财产报告制度", "其他规避执行")
_TYPES = Mix.of({"JUDGMENT": 60, "MEDIATION": 25, "RULING": 15})
_MEASURES = "不得乘坐飞机、列车软卧、动车组一等座，不得在星级以上宾馆、酒店进行高消费，不得购买不动产。"


def judicial(world: World, party: Party) -> Iterator[Draft]:
    """All court records of a subject; none of a person who came of age less than a year ago."""
    org = isinstance(party, Organisation)
    if isinstance(party, Person) and party.turned(19) > world.today:
        return
    rng = world.rng("judicial.org" if org else "judicial.person", party.index)
    lean = 2 - 2 * party.conduct if isinstance(party, Organisation) else 1.0
    chance = rng.random() / max(0.2, lean)
    if chance < DEBTOR_SHARE[org]:
        yield from _debts(world, rng, party)
    elif chance < DEFENDANT_SHARE[org]:
        for number in range(min(MOST_CASES, int(rng.paretovariate(1.3)))):
            yield judgment(world, rng, party, _day(world, rng, party), number)
    elif rng.random() < RESTRICTED_SHARE:
        ordered = _day(world, rng, party)
        yield _restriction(world, rng, party, _case(party, ordered, "执", 900), ordered, False)


def _day(world: World, rng: Random, party: Party) -> date:
    earliest = months_after(world.today, -60)
    return day_between(rng, max(earliest, _oldest(party)), world.today - timedelta(days=20))


def _case(party: Party, day: date, kind: str, number: int) -> str:
    base = party.index * 1000 + number + (0 if isinstance(party, Organisation) else 500)
    return case_number(day.year, party.division.court_code, kind, base)


def judgment(
    world: World, rng: Random, party: Party, judged: date, number: int, role: str = "DEFENDANT"
) -> Draft:
    """A judgment, ruling or mediation in a civil case of the party."""
    amount = round_fen(60_000 * rng.lognormvariate(0, 1.2), 100)
    kind = _TYPES.pick(rng)
    other = f"海南{brand(rng)}贸易有限公司（演示）"
    payer = "原告" if role == "PLAINTIFF" else "被告"
    values: Values = {
        "caseNo": _case(party, judged, "民初", number),
        "court": party.division.court,
        "documentType": kind,
        "caseType": "CIVIL",
        "causeOfAction": rng.choice(_CAUSES),
        "partyRole": role,
        "judgedOn": judged.isoformat(),
        "claimAmount": amount,
        "otherParties": [other],
        "outcome": f"{payer}于文书生效之日起十日内支付{amount // 100}元。（演示数据）",
    }
    effective = judged + timedelta(days=15)
    if effective <= world.today:
        values["effectiveOn"] = effective.isoformat()
    return Draft("judicial.judgment", values, world.institutions.provincial("COURT"))


def _debts(world: World, rng: Random, party: Party) -> Iterator[Draft]:
    for number in range(rng.choice((1, 1, 1, 2, 2, 3, 5))):
        judged = max(_day(world, rng, party) - timedelta(days=150), _oldest(party))
        basis = judgment(world, rng, party, judged, number)
        published = judged + timedelta(days=100 + rng.randrange(60))
        yield basis
        if published > world.today:
            return
        yield from _enforcement(world, rng, party, basis.values, published, number)


def _oldest(party: Party) -> date:
    return party.established if isinstance(party, Organisation) else party.turned(18)


def _enforcement(
    world: World, rng: Random, party: Party, basis: Values, published: date, number: int
) -> Iterator[Draft]:
    amount = basis["claimAmount"]
    assert isinstance(amount, int)
    removed = day_between(rng, months_after(published, 12), months_after(published, 24))
    performed = rng.random() < 0.35 and removed <= world.today
    part = rng.random() < 0.3
    case = _case(party, published, "执", number)
    values: Values = {
        "caseNo": case,
        "court": party.division.court,
        "province": "海南",
        "basisDocumentNo": basis["caseNo"],
        "basisIssuer": party.division.court,
        "obligation": f"支付{amount // 100}元及迟延履行期间的债务利息",
        "performance": "FULL" if performed else "PARTIAL" if part else "NONE",
        "conduct": rng.choice(_CONDUCT),
        "filedOn": (published - timedelta(days=40)).isoformat(),
        "publishedOn": published.isoformat(),
        "severity": "SERIOUS",
        "publicationEndDate": (removed if performed else months_after(published, 24)).isoformat(),
    }
    if performed:
        values["removedOn"] = removed.isoformat()
    elif part:
        values["performedPart"] = f"{amount // 400}元"
        values["outstandingPart"] = f"{amount // 100 - amount // 400}元"
    if isinstance(party, Person):
        values["gender"] = "MALE" if party.identity.male else "FEMALE"
        values["age"] = (published - party.identity.born).days // 365
    else:
        values["legalRepresentativeName"] = party.representative.name
    yield Draft("judicial.dishonest_judgment_debt", values, world.institutions.provincial("COURT"))
    yield _restriction(world, rng, party, case, published, performed)


def _restriction(world: World, rng: Random, party: Party, case: str, ordered: date, performed: bool) -> Draft:
    values: Values = {
        "caseNo": case,
        "court": party.division.court,
        "orderedOn": ordered.isoformat(),
        "filedOn": (ordered - timedelta(days=40)).isoformat(),
        "applicantName": f"海南{brand(rng)}贸易有限公司（演示）",
        "measures": _MEASURES,
        "severity": "SERIOUS",
    }
    end = months_after(ordered, 36)
    lifted = day_between(rng, months_after(ordered, 12), months_after(ordered, 30))
    if performed and lifted <= world.today:
        values["liftedOn"] = lifted.isoformat()
        end = lifted
    values["publicationEndDate"] = end.isoformat()
    if isinstance(party, Organisation):
        values["restrictedPersonName"] = party.representative.name
    return Draft("judicial.consumption_restriction", values, world.institutions.provincial("COURT"))
