"""Abnormal list, lists of seriously dishonest subjects, and honours.

Rules
- Abnormal list: annual report missing 60 %, not reachable 35 %, other 5 %; 55 % of the entries are removed,
  three months after listing at the earliest. Shown for a year at most, or until removal.
- Every serious entry has a document, an authority, a basis and a responsible person; removal after one year at
  the earliest, the end of publication at three.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from hub.demo.codes import document_number, months_after
from hub.demo.organisations import Organisation
from hub.demo.parties import Party
from hub.demo.record import Draft, Values
from hub.demo.world import Mix, World, day_between

ABNORMAL_SHARE = 0.07
SERIOUS_SHARE = 0.0025
HONOUR_SHARE = 0.04
_PERSONAL_NUMBERS = 40_000_000
_REASONS = Mix.of({"ANNUAL_REPORT_MISSING": 60, "UNREACHABLE": 35, "INFORMATION_FALSE": 3, "OTHER": 2})
_REMOVED = {
    "ANNUAL_REPORT_MISSING": "已补报未报年份的年度报告并公示",
    "UNREACHABLE": "已依法办理住所变更登记或者可以通过登记的住所取得联系",
    "INFORMATION_FALSE": "已更正其公示的信息",
    "OTHER": "列入情形已经消除",
}
_LISTS = (
    (
        "MARKET_REGULATION",
        "AMR",
        "受到较重行政处罚，性质恶劣、情节严重",
        "《市场监督管理严重违法失信名单管理办法》",
    ),
    ("TAX", "TAX", "偷税数额较大且占应纳税额比例较高", "《重大税收违法失信主体信息公布管理办法》"),
    (
        "WAGE_ARREARS",
        "LABOUR",
        "克扣、无故拖欠农民工工资，经责令仍拒不支付",
        "《拖欠农民工工资失信联合惩戒对象名单管理暂行办法》",
    ),
    (
        "WORK_SAFETY",
        "EMERGENCY",
        "发生生产安全责任事故并受到行政处罚",
        "《安全生产严重失信主体名单管理办法》",
    ),
    ("CULTURE_TOURISM", "TOURISM", "因侵害旅游者权益造成严重社会影响", "《文化和旅游市场信用管理规定》"),
)
_HONOURS = (
    ("纳税信用A级纳税人", "TAX", "PROVINCIAL"),
    ("守合同重信用企业", "AMR", "PROVINCIAL"),
    ("诚信示范企业", "BUSINESS", "MUNICIPAL"),
    ("和谐劳动关系企业", "LABOUR", "MUNICIPAL"),
    ("放心消费示范单位", "AMR", "COUNTY"),
)
_PERSONAL_HONOURS = (
    ("三星级志愿者", "YOUTH", "MUNICIPAL"),
    ("五星级志愿者", "YOUTH", "PROVINCIAL"),
    ("无偿献血奉献奖铜奖", "HEALTH", "PROVINCIAL"),
    ("诚实守信好人", "BUSINESS", "COUNTY"),
    ("优秀导游员", "TOURISM", "MUNICIPAL"),
)


def abnormal_list(world: World, org: Organisation) -> Iterator[Draft]:
    """Entries of enterprises and businesses on the list of abnormal operations."""
    rng = world.rng("government.abnormal_list", org.index)
    if org.identifier[0] != "9" or rng.random() >= ABNORMAL_SHARE * (1.5 - org.conduct):
        return
    unit = world.institutions.authority("AMR", org.division)
    first = max(org.established + timedelta(days=200), months_after(world.today, -60))
    for number in range(rng.choice((1, 1, 1, 2))):
        listed = day_between(rng, first, min(org.until, world.today) - timedelta(days=3))
        if not org.established <= listed <= world.today:
            return
        reason = _REASONS.pick(rng)
        values: Values = {
            "listingReason": reason,
            "listedOn": listed.isoformat(),
            "listingAuthority": unit.name,
            "listingDocumentNo": document_number(unit.office, "异列", listed.year, org.index * 2 + number),
            "severity": "GENERAL",
        }
        removed = _later(rng, listed, 3, 12)
        if rng.random() < 0.55 and removed <= world.today:
            values["removedOn"] = removed.isoformat()
            values["removalReason"] = _REMOVED[reason]
            values["removalAuthority"] = unit.name
            end = removed
        else:
            end = months_after(listed, 12)
        values["publicationEndDate"] = end.isoformat()
        yield Draft("government.abnormal_list", values, unit)
        first = listed + timedelta(days=400)


def serious_dishonesty(world: World, org: Organisation) -> Iterator[Draft]:
    """Entries on a list of seriously dishonest subjects, other than that of the courts."""
    rng = world.rng("government.serious_dishonesty", org.index)
    if org.identifier[0] != "9" or rng.random() >= SERIOUS_SHARE * (2 - 2 * org.conduct):
        return
    name, authority, reason, basis = rng.choice(_LISTS)
    unit = world.institutions.authority(authority, org.division)
    earliest = max(org.established, months_after(world.today, -48))
    listed = day_between(rng, earliest, min(org.until, world.today))
    values: Values = {
        "listName": name,
        "documentNo": document_number(unit.office, "失信列", listed.year, org.index),
        "listedOn": listed.isoformat(),
        "listingReason": f"{reason}（演示数据）",
        "listingAuthority": unit.name,
        "listingAuthorityUscc": unit.uscc,
        "legalBasis": basis,
        "responsiblePersonName": org.representative.name,
        "severity": "SERIOUS",
    }
    end = months_after(listed, 36)
    removed = _later(rng, listed, 12, 36)
    if rng.random() < 0.3 and removed <= world.today:
        values["removedOn"] = removed.isoformat()
        values["removalReason"] = "已纠正失信行为、履行义务并作出信用承诺"
        end = removed
    values["publicationEndDate"] = end.isoformat()
    yield Draft("government.serious_dishonesty", values, unit)


def _later(rng: Random, day: date, least: int, most: int) -> date:
    """A day at least `least` and at most `most` months after `day`."""
    return day_between(rng, months_after(day, least), months_after(day, most))


def honours(world: World, org: Organisation) -> Iterator[Draft]:
    """Honours of organisations of good conduct."""
    rng = world.rng("government.honour", org.index)
    if rng.random() >= HONOUR_SHARE * 2 * org.conduct:
        return
    for number, kind in enumerate(rng.sample(_HONOURS, rng.randint(1, 3))):
        yield honour_draft(world, rng, org, kind, org.index * 4 + number)


def personal_honour(world: World, rng: Random, person: Party, number: int) -> Draft:
    """An honour of a grown-up, mostly for volunteering; `number` tells the honours of a person apart.

    The last digit of the day's ordinal is that of the number, so that no honour is given twice on one day.
    """
    kind = rng.choices(_PERSONAL_HONOURS, (10, 3, 4, 1, 1))[0]
    draft = honour_draft(world, rng, person, kind, _PERSONAL_NUMBERS + person.index * 10 + number)
    awarded = date.fromisoformat(str(draft.values["awardedOn"]))
    own: Values = {"awardedOn": (awarded - timedelta(days=(awarded.toordinal() - number) % 10)).isoformat()}
    return Draft(draft.dataset, {**draft.values, **own}, draft.source)


def honour_draft(world: World, rng: Random, party: Party, kind: tuple[str, str, str], number: int) -> Draft:
    """The record of one honour, awarded some day of the last five years."""
    title, authority, level = kind
    unit = world.institutions.authority(authority, party.division)
    earliest = months_after(world.today, -60)
    began = party.established if isinstance(party, Organisation) else party.turned(18)
    awarded = day_between(rng, max(earliest, began), world.today)
    values: Values = {
        "honourName": title,
        "honourLevel": level,
        "documentNo": document_number(unit.office, "表彰", awarded.year, number),
        "awardedOn": awarded.isoformat(),
        "awardedBy": unit.name,
        "validTo": months_after(awarded, 36).isoformat(),
        "content": f"授予“{title}”称号",
    }
    return Draft("government.honour", values, unit)
