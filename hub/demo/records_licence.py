"""Administrative licences: the registration itself, those that go with the industry, and licences of persons.

Counts of enterprises are log-normal (median 3, mean 8); businesses of one owner have one to three.
Validity follows the licence: five years for most, three for dangerous goods, no end for registrations.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from random import Random

from hub.demo.codes import document_number, months_after
from hub.demo.institutions import Institution
from hub.demo.organisations import Organisation
from hub.demo.persons import Person
from hub.demo.record import Draft, Values
from hub.demo.world import World, day_between

MOST = 600
_SHARE = 0.96
_MU, _SIGMA = 1.1, 1.4
_PERSONAL_NUMBERS = 20_000_000_000
"""Document numbers from here on belong to persons."""


@dataclass(frozen=True, slots=True)
class Licence:
    """One kind of licence."""

    authority: str
    kind: str
    """Code of the catalogue's `licenceClass`."""
    certificate: str
    prefix: str
    years: int
    """Validity in years; 0 for no end."""
    content: str


REGISTRATION = Licence("AMR", "REGISTRATION", "营业执照", "", 0, "准予设立（变更）登记")
_PUBLIC_REGISTRATION = {
    "1": Licence("STAFFING", "REGISTRATION", "统一社会信用代码证书", "", 0, "准予登记（赋码）"),
    "5": Licence("CIVIL", "REGISTRATION", "社会组织法人登记证书", "", 0, "准予成立登记"),
}
LICENCES = {
    "foodsale": Licence("AMR", "ORDINARY", "食品经营许可证", "JY1DEMO", 5, "预包装食品、散装食品销售"),
    "catering": Licence("AMR", "ORDINARY", "食品经营许可证", "JY2DEMO", 5, "热食类、冷食类食品制售"),
    "foodmaking": Licence("AMR", "ORDINARY", "食品生产许可证", "SC1DEMO", 5, "果蔬制品、水产制品生产"),
    "tobacco": Licence("AMR", "CONCESSION", "烟草专卖零售许可证", "YC1DEMO", 5, "卷烟零售"),
    "customs": Licence("CUSTOMS", "REGISTRATION", "报关单位备案证明", "HG1DEMO", 0, "进出口货物收发货人备案"),
    "transport": Licence("TRANSPORT", "ORDINARY", "道路运输经营许可证", "YS1DEMO", 5, "道路普通货物运输"),
    "hygiene": Licence("HEALTH", "ORDINARY", "公共场所卫生许可证", "WS1DEMO", 4, "公共场所经营"),
    "fire": Licence(
        "FIRE", "VERIFICATION", "公众聚集场所消防安全许可", "XF1DEMO", 0, "投入使用、营业前消防安全检查合格"
    ),
    "construction": Licence("HOUSING", "ORDINARY", "建筑工程施工许可证", "SG1DEMO", 3, "准予工程施工"),
    "qualification": Licence("HOUSING", "RECOGNITION", "资质证书", "ZZ1DEMO", 5, "资质核定"),
    "presale": Licence("HOUSING", "ORDINARY", "商品房预售许可证", "YS2DEMO", 3, "商品房预售"),
    "discharge": Licence("ENVIRONMENT", "ORDINARY", "排污许可证", "PW1DEMO", 5, "准予排放污染物"),
    "safety": Licence("EMERGENCY", "ORDINARY", "安全生产许可证", "AQ1DEMO", 3, "准予生产经营"),
    "water": Licence("WATER", "CONCESSION", "取水许可证", "QS1DEMO", 5, "准予取用水资源"),
    "seed": Licence("AGRICULTURE", "ORDINARY", "农作物种子生产经营许可证", "ZZ2DEMO", 5, "种子生产经营"),
    "telecom": Licence("APPROVAL", "ORDINARY", "增值电信业务经营许可证", "DX1DEMO", 5, "信息服务业务"),
    "travel": Licence(
        "TOURISM", "ORDINARY", "旅行社业务经营许可证", "LX1DEMO", 0, "境内旅游业务和入境旅游业务"
    ),
    "staffing": Licence("LABOUR", "ORDINARY", "人力资源服务许可证", "RL1DEMO", 5, "职业中介活动"),
    "medical": Licence("HEALTH", "ORDINARY", "医疗机构执业许可证", "YL1DEMO", 5, "准予执业"),
    "drug": Licence("AMR", "ORDINARY", "药品经营许可证", "YP1DEMO", 5, "药品零售"),
    "culture": Licence("TOURISM", "ORDINARY", "营业性演出许可证", "YC2DEMO", 2, "营业性演出"),
}
"""Licences by key, as industries name them."""
PERSONAL = (
    Licence("TOURISM", "RECOGNITION", "导游证", "DY1DEMO", 3, "准予从事导游活动"),
    Licence(
        "TRANSPORT", "RECOGNITION", "网络预约出租汽车驾驶员证", "WY1DEMO", 6, "准予从事网络预约出租汽车客运"
    ),
    Licence("HOUSING", "RECOGNITION", "二级建造师注册证书", "JZ1DEMO", 3, "准予注册"),
    Licence("HEALTH", "RECOGNITION", "护士执业证书", "HS1DEMO", 5, "准予注册"),
    Licence("AGRICULTURE", "ORDINARY", "渔业捕捞许可证", "BY1DEMO", 5, "准予捕捞"),
)
"""Licences that natural persons hold."""


def count_of(rng: Random, org: Organisation) -> int:
    """How many licences an organisation has been given."""
    if org.index and rng.random() >= _SHARE:
        return 0
    if org.form == "INDIVIDUAL_BUSINESS":
        return rng.choice((1, 1, 2, 2, 3))
    if not org.business:
        return rng.choice((1, 1, 2))
    return min(MOST, max(1, round(rng.lognormvariate(_MU, _SIGMA))))


def licences(world: World, org: Organisation) -> Iterator[Draft]:
    """The licences of an organisation; the first is its registration."""
    rng = world.rng("government.licence", org.index)
    for number in range(count_of(rng, org)):
        if number == 0:
            licence = _PUBLIC_REGISTRATION.get(org.identifier[0], REGISTRATION)
            decided = org.established
        else:
            keys = org.industry.licences
            change = _PUBLIC_REGISTRATION.get(org.identifier[0], REGISTRATION)
            licence = LICENCES[rng.choice(keys)] if keys and rng.random() < 0.8 else change
            decided = day_between(rng, org.established, min(org.until, world.today))
        unit = world.institutions.authority(licence.authority, org.division)
        ended = org.until < world.today or rng.random() < 0.01
        yield licence_draft(licence, unit, decided, org.index * MOST + number, ended)


def personal_licence(world: World, rng: Random, person: Person, number: int) -> Draft:
    """A licence of a grown-up."""
    licence = rng.choice(PERSONAL)
    unit = world.institutions.authority(licence.authority, person.division)
    decided = day_between(rng, max(person.turned(18), months_after(world.today, -72)), world.today)
    return licence_draft(licence, unit, decided, _PERSONAL_NUMBERS + person.index * 10 + number, False)


def licence_draft(licence: Licence, unit: Institution, decided: date, number: int, ended: bool) -> Draft:
    """The record of one licence; `number` makes its document unique, `ended` that it was withdrawn."""
    title = "准予登记通知书" if licence.kind == "REGISTRATION" else "准予行政许可决定书"
    values: Values = {
        "documentTitle": title,
        "documentNo": document_number(unit.office, "许", decided.year, number),
        "licenceClass": licence.kind,
        "certificateName": licence.certificate,
        "content": licence.content,
        "decisionDate": decided.isoformat(),
        "validFrom": decided.isoformat(),
        "authorityName": unit.name,
        "authorityUscc": unit.uscc,
        "status": "INVALID" if ended else "VALID",
    }
    if licence.prefix:
        values["certificateNo"] = f"{licence.prefix}{number:010d}"
    if licence.years:
        end = months_after(decided, 12 * licence.years) - timedelta(days=1)
        values["validTo"] = end.isoformat()
    return Draft("government.licence", values, unit)
