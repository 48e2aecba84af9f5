"""The market's side: commitments, performance of public contracts, and industry evaluations."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from hub.demo.codes import months_after
from hub.demo.organisations import Organisation
from hub.demo.parties import Party
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World, day_between, poisson, round_fen

COMMITMENT_SHARE = 0.45
KINDS = Mix.of(
    {
        "PROACTIVE": 50,
        "APPROVAL_SUBSTITUTION": 25,
        "PROOF_ITEM": 12,
        "CREDIT_REPAIR": 5,
        "INDUSTRY_SELF_DISCIPLINE": 8,
    }
)
STATES = Mix.of({"FULFILLED": 93, "IN_PROGRESS": 5, "BREACHED": 2})
_MATTERS = {
    "PROACTIVE": (
        "BUSINESS",
        "主动公示诚信经营承诺",
        "依法诚信经营，自觉接受政府、行业组织和社会公众的监督。",
    ),
    "APPROVAL_SUBSTITUTION": ("APPROVAL", "告知承诺办理行政许可", "已知晓并符合许可条件，承诺内容真实有效。"),
    "PROOF_ITEM": ("AMR", "证明事项告知承诺", "承诺所述情况真实、准确，愿意承担不实承诺的法律责任。"),
    "CREDIT_REPAIR": ("BUSINESS", "信用修复承诺", "已纠正失信行为、履行义务，不再发生同类失信行为。"),
    "INDUSTRY_SELF_DISCIPLINE": ("AMR", "行业自律公约", "遵守行业公约，不从事不正当竞争。"),
}
_CONTRACT_SHARE = {"E": 0.3, "I": 0.25, "M": 0.15, "N": 0.2, "C": 0.1, "L": 0.08}
_CONTRACTS = Mix.of({"FULFILLED": 70, "IN_PROGRESS": 25, "BREACHED": 2, "TERMINATED": 3})
_LEVELS = {
    "CUSTOMS": (("高级认证企业", 1), ("注册登记和备案企业", 14)),
    "ENVIRONMENT": (("绿", 2), ("蓝", 10), ("黄", 3), ("红", 0.4)),
    "ENTERPRISE_RISK": (("A", 5), ("B", 10), ("C", 3), ("D", 1)),
    "CONSTRUCTION": (("AAA", 1), ("AA", 3), ("A", 6), ("B", 2)),
    "TRANSPORT": (("AA", 2), ("A", 8), ("B", 2), ("C", 0.4)),
    "TOURISM": (("AAA", 1), ("AA", 3), ("A", 6), ("B", 2)),
    "CREDIT_VILLAGE": (("信用户", 5),),
}
_EVALUATORS = {"CUSTOMS": "CUSTOMS", "ENVIRONMENT": "ENVIRONMENT", "CONSTRUCTION": "HOUSING"} | {
    "TRANSPORT": "TRANSPORT",
    "TOURISM": "TOURISM",
    "ENTERPRISE_RISK": "AMR",
    "CREDIT_VILLAGE": "AGRICULTURE",
}


def commitments(world: World, org: Organisation) -> Iterator[Draft]:
    """Commitments of 45 % of organisations, about three each."""
    rng = world.rng("market.commitment", org.index)
    if rng.random() >= COMMITMENT_SHARE:
        return
    for number in range(1 + poisson(rng, 2)):
        yield commitment_draft(world, rng, org, KINDS.pick(rng), org.index * 100 + number)


def commitment_draft(world: World, rng: Random, party: Party, kind: str, number: int) -> Draft:
    """One commitment; its code has 20 digits: province, day, running number."""
    authority, matter, content = _MATTERS[kind]
    unit = world.institutions.authority(authority, party.division)
    earliest, latest = months_after(world.today, -48), world.today - timedelta(days=1)
    if isinstance(party, Organisation):
        earliest, latest = max(earliest, party.established), max(party.established, min(latest, party.until))
    else:
        earliest = max(earliest, party.turned(14))
    committed = day_between(rng, earliest, latest)
    state = STATES.pick(rng)
    values: Values = {
        "commitmentNo": f"46{committed:%Y%m%d}{number:010d}",
        "kind": kind,
        "matter": matter,
        "content": content,
        "committedOn": committed.isoformat(),
        "acceptingUnit": unit.name,
        "acceptingUnitUscc": unit.uscc,
        "status": state,
    }
    if kind != "PROACTIVE":
        values["validTo"] = months_after(committed, 36).isoformat()
    confirmed = committed + timedelta(days=30 + rng.randrange(120))
    if state != "IN_PROGRESS" and confirmed <= world.today:
        values["confirmedOn"] = confirmed.isoformat()
    return Draft("market.commitment", values, unit)


def contract_performance(world: World, org: Organisation) -> Iterator[Draft]:
    """Contracts from public procurement and public resource trading."""
    rng = world.rng("market.contract_performance", org.index)
    share = _CONTRACT_SHARE.get(org.industry.section, 0.03) * (1 if org.size == "MICRO" else 2)
    if rng.random() >= share:
        return
    for number in range(1 + poisson(rng, 1.5)):
        signed = day_between(rng, max(months_after(world.today, -48), org.established), org.until)
        yield contract_draft(world, rng, org, signed, number)


def contract_draft(world: World, rng: Random, org: Organisation, signed: date, number: int) -> Draft:
    """One public contract."""
    source = world.institutions.authority(rng.choice(("TRADING", "FINANCE")), org.division)
    party = world.institutions.authority(rng.choice(("HEALTH", "HOUSING", "TOURISM", "WATER")), org.division)
    state = _CONTRACTS.pick(rng)
    due = months_after(signed, rng.choice((3, 6, 12, 24)))
    if due > world.today and state == "FULFILLED":
        state = "IN_PROGRESS"
    trading = source.office.endswith("交易")
    values: Values = {
        "contractNo": f"HT演{signed:%Y}-{org.index:06d}-{number:02d}",
        "contractName": f"{party.name}{rng.choice(org.industry.trades)}采购项目合同",
        "contractType": "PUBLIC_RESOURCE" if trading else "GOVERNMENT_PROCUREMENT",
        "contractingParty": party.name,
        "contractAmount": round_fen(min(org.turnover * rng.uniform(0.5, 6), 90_000_000), 1_000),
        "signedOn": signed.isoformat(),
        "dueOn": due.isoformat(),
        "status": state,
    }
    if state == "BREACHED":
        values["breachDescription"] = "未按合同约定期限交付，已按约定承担违约责任。（演示数据）"
    return Draft("market.contract_performance", values, source)


def industry_evaluations(world: World, org: Organisation) -> Iterator[Draft]:
    """Yearly risk classes of many enterprises, and evaluations of the sector for some."""
    rng = world.rng("market.industry_evaluation", org.index)
    schemes = [
        s
        for s, share in (("ENTERPRISE_RISK", 0.55), (org.industry.scheme, 0.3))
        if s and rng.random() < share
    ]
    for scheme in schemes:
        for back in range(rng.choice((1, 2, 2, 3))):
            evaluated = date(world.today.year - back, 3 + 2 * (scheme != "ENTERPRISE_RISK"), 31)
            if org.established < evaluated - timedelta(days=180) and evaluated <= min(org.until, world.today):
                yield evaluation_draft(world, rng, org, scheme, evaluated)


def evaluation_draft(
    world: World, rng: Random, org: Organisation, scheme: str, evaluated: date, level: str = ""
) -> Draft:
    """One result of an evaluation; the level is as the source writes it."""
    unit = world.institutions.authority(_EVALUATORS[scheme], org.division)
    levels = _LEVELS[scheme]
    place = rng.choices(range(len(levels)), [weight for _, weight in levels])[0]
    values: Values = {
        "scheme": scheme,
        "level": level or levels[place][0],
        "evaluator": unit.name,
        "evaluatorUscc": unit.uscc,
        "evaluatedOn": evaluated.isoformat(),
        "validFrom": evaluated.isoformat(),
        "validTo": months_after(evaluated, 12).isoformat(),
        "standard": "行业信用评价办法（演示）",
    }
    if scheme in ("CONSTRUCTION", "TOURISM", "TRANSPORT"):
        values["score"] = str(95 - 8 * place - rng.randrange(8))
    return Draft("market.industry_evaluation", values, unit)
