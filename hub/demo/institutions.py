"""The bodies around the subjects: authorities, courts, banks and utilities, each with a synthetic code.

Authorities carry their real kinds of names, so that records read as they do in practice; their codes are
synthetic. Banks and utilities are invented.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.demo.codes import FIRST_INSTITUTION, uscc
from hub.demo.divisions import CITIES, PROVINCE, Division

_AUTHORITIES = {
    "AMR": ("市场监督管理局", "市监"),
    "URBAN": ("综合行政执法局", "综执"),
    "ENVIRONMENT": ("生态环境局", "环"),
    "EMERGENCY": ("应急管理局", "应急"),
    "FIRE": ("消防救援支队", "消"),
    "TRANSPORT": ("交通运输局", "交"),
    "TOURISM": ("旅游和文化广电体育局", "旅文"),
    "TAX": ("税务局", "税"),
    "CUSTOMS": ("海关", "关"),
    "HOUSING": ("住房和城乡建设局", "住建"),
    "LABOUR": ("人力资源和社会保障局", "人社"),
    "HEALTH": ("卫生健康委员会", "卫"),
    "AGRICULTURE": ("农业农村局", "农"),
    "CIVIL": ("民政局", "民"),
    "STAFFING": ("机构编制委员会办公室", "编办"),
    "WATER": ("水务局", "水"),
    "APPROVAL": ("行政审批服务局", "审批"),
    "FINANCE": ("财政局", "财"),
    "TRADING": ("公共资源交易中心", "交易"),
    "FUND": ("住房公积金管理局", "公积金"),
    "COURT": ("高级人民法院", "法"),
    "BUSINESS": ("营商环境建设局", "营商"),
    "YOUTH": ("志愿服务指导中心", "志愿"),
    "DATA": ("大数据管理局", "数据"),
}
_PROVINCIAL = {
    "ENVIRONMENT": "海南省生态环境厅",
    "EMERGENCY": "海南省应急管理厅",
    "FIRE": "海南省消防救援总队",
    "TRANSPORT": "海南省交通运输厅",
    "TOURISM": "海南省旅游和文化广电体育厅",
    "TAX": "国家税务总局海南省税务局",
    "CUSTOMS": "中华人民共和国海口海关",
    "HOUSING": "海南省住房和城乡建设厅",
    "LABOUR": "海南省人力资源和社会保障厅",
    "AGRICULTURE": "海南省农业农村厅",
    "CIVIL": "海南省民政厅",
    "WATER": "海南省水务厅",
    "FINANCE": "海南省财政厅",
    "BUSINESS": "海南省营商环境建设厅",
}
_ONLY_PROVINCIAL = frozenset({"CUSTOMS", "FUND", "COURT", "YOUTH", "DATA"})
_BANKS = (
    "海口示范银行",
    "琼州示范银行",
    "三亚湾示范银行",
    "南海示范农商银行",
    "椰城示范村镇银行",
    "自贸示范银行",
)
_UTILITIES = {"ELECTRICITY": "海南示范电网", "WATER": "海南示范水务", "GAS": "海南示范燃气"}


@dataclass(frozen=True, slots=True)
class Institution:
    """A body that decides, lends or supplies."""

    uscc: str
    name: str
    office: str
    """How its document numbers begin, for example 琼市监."""


class Institutions:
    """Every institution of the demo; built once and read only."""

    def __init__(self) -> None:
        self._authorities: dict[tuple[str, str], Institution] = {}
        number = FIRST_INSTITUTION
        for city, (place, short) in CITIES.items():
            for kind, (suffix, act) in _AUTHORITIES.items():
                number += 1
                if kind in _ONLY_PROVINCIAL and city != PROVINCE:
                    continue
                name = _PROVINCIAL.get(kind, "") if city == PROVINCE else ""
                if kind == "TAX" and city != PROVINCE:
                    name = f"国家税务总局{place}税务局"
                code = uscc("12" if kind in ("TRADING", "YOUTH") else "11", city, f"{number:05d}")
                self._authorities[kind, city] = Institution(code, name or place + suffix, short + act)
        self.banks = tuple(
            Institution(uscc("91", "460100", f"{82_001 + n:05d}"), f"{name}（演示）", "")
            for n, name in enumerate(_BANKS)
        )
        self.utilities = {
            kind: Institution(uscc("91", "460100", f"{83_001 + n:05d}"), f"{name}（演示）", "")
            for n, (kind, name) in enumerate(_UTILITIES.items())
        }

    def authority(self, kind: str, division: Division) -> Institution:
        """The authority of this kind that is in charge in a division."""
        city = PROVINCE if kind in _ONLY_PROVINCIAL else division.city
        return self._authorities[kind, city]

    def provincial(self, kind: str) -> Institution:
        """The provincial authority of this kind."""
        return self._authorities[kind, PROVINCE]

    @property
    def everyone(self) -> tuple[Institution, ...]:
        """All institutions."""
        return (*self._authorities.values(), *self.banks, *self.utilities.values())
