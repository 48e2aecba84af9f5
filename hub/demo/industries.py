"""Industries of the demo: sections of GB/T 4754-2017 with weights, trades, scopes and licences.

Codes and weights are from general knowledge and unverified; they serve the demo only.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random


@dataclass(frozen=True, slots=True)
class Industry:
    """One section of the classification as the demo uses it."""

    section: str
    weight: float
    codes: tuple[str, ...]
    """Four-digit classes with the section's letter."""
    trades: tuple[str, ...]
    scope: str
    licences: tuple[str, ...]
    """Keys into the licences of `hub.demo.records_licence`."""
    authorities: tuple[str, ...]
    """Which authorities penalise here, most frequent first."""
    scheme: str
    """Industry evaluation that fits; empty for none."""
    intensity: float
    """Monthly turnover per head, in thousands of CNY."""


def _row(
    section: str,
    weight: float,
    codes: str,
    trades: str,
    scope: str,
    licences: str,
    authorities: str,
    scheme: str,
    intensity: float,
) -> Industry:
    return Industry(
        section,
        weight,
        tuple(section + code for code in codes.split()),
        tuple(trades.split()),
        scope,
        tuple(licences.split()),
        tuple(authorities.split()),
        scheme,
        intensity,
    )


INDUSTRIES = (
    _row(
        "A",
        8,
        "0161 0169 0511",
        "生态农业 热带果业 橡胶种植 南繁种业 茶业",
        "热带水果、橡胶、茶叶的种植、初加工与销售；种子生产经营。",
        "seed water",
        "AGRICULTURE AMR LABOUR",
        "CREDIT_VILLAGE",
        12,
    ),
    _row(
        "B",
        0.1,
        "1011 1019",
        "矿业",
        "建筑用石的开采与销售。",
        "safety discharge",
        "ENVIRONMENT EMERGENCY",
        "ENVIRONMENT",
        40,
    ),
    _row(
        "C",
        4,
        "1312 1371 1399 2614 3742",
        "食品 椰子制品 海洋食品 化工 航天配套",
        "食品生产；椰子制品、水产品加工与销售。",
        "foodmaking discharge",
        "AMR ENVIRONMENT EMERGENCY",
        "ENVIRONMENT",
        35,
    ),
    _row(
        "D",
        0.3,
        "4417 4610",
        "新能源 水务",
        "太阳能发电；自来水生产与供应。",
        "water safety",
        "EMERGENCY ENVIRONMENT",
        "ENVIRONMENT",
        60,
    ),
    _row(
        "E",
        7,
        "4710 4813 5010 5090",
        "建筑工程 园林工程 装饰工程 市政工程",
        "房屋建筑、市政、园林绿化、装饰装修工程施工。",
        "construction qualification",
        "HOUSING LABOUR EMERGENCY URBAN",
        "CONSTRUCTION",
        30,
    ),
    _row(
        "F",
        37,
        "5122 5191 5211 5299 5193",
        "贸易 供应链 商贸 日用百货 免税品贸易 跨境电商",
        "货物与技术进出口；日用百货、预包装食品、建材的批发与零售；供应链管理服务。",
        "foodsale customs tobacco",
        "AMR TAX CUSTOMS FIRE",
        "CUSTOMS",
        45,
    ),
    _row(
        "G",
        4,
        "5430 5532 5910",
        "物流 港航服务 运输 仓储",
        "道路货物运输；港口装卸、仓储服务。",
        "transport",
        "TRANSPORT FIRE LABOUR",
        "TRANSPORT",
        28,
    ),
    _row(
        "H",
        13,
        "6110 6121 6210 6231",
        "酒店管理 餐饮 民宿 茶饮",
        "餐饮服务；住宿服务；酒店管理。",
        "catering hygiene fire",
        "AMR FIRE HEALTH URBAN",
        "TOURISM",
        14,
    ),
    _row(
        "I",
        5,
        "6431 6510 6520",
        "信息科技 数字技术 软件",
        "软件开发；信息系统集成；数据处理服务。",
        "telecom",
        "AMR LABOUR TAX",
        "",
        38,
    ),
    _row(
        "J",
        0.5,
        "6712 6990",
        "私募基金管理 融资租赁",
        "以自有资金从事投资活动；融资租赁。",
        "",
        "TAX AMR",
        "",
        90,
    ),
    _row(
        "K",
        3,
        "7010 7020 7030",
        "房地产 物业服务",
        "房地产开发经营；物业管理。",
        "presale qualification",
        "HOUSING AMR FIRE",
        "CONSTRUCTION",
        55,
    ),
    _row(
        "L",
        9,
        "7212 7281 7291 7264",
        "旅游服务 会展服务 商务服务 人力资源 游艇租赁",
        "旅行社业务；会议及展览服务；人力资源服务；游艇租赁。",
        "travel staffing",
        "TOURISM AMR LABOUR",
        "TOURISM",
        22,
    ),
    _row(
        "M",
        4,
        "7320 7450 7519",
        "海洋科技 检测技术 工程设计",
        "海洋技术研发；检验检测；工程设计。",
        "qualification",
        "AMR LABOUR",
        "",
        30,
    ),
    _row(
        "N",
        0.6,
        "7721 7840",
        "环保科技 景区管理",
        "环境治理；游览景区管理。",
        "discharge",
        "ENVIRONMENT TOURISM",
        "ENVIRONMENT",
        20,
    ),
    _row(
        "O",
        4,
        "8010 8111 8090",
        "家政服务 汽车维修 美容美发",
        "居民日常生活服务；机动车维修；美容美发。",
        "hygiene transport",
        "HEALTH AMR URBAN",
        "",
        9,
    ),
    _row("P", 0.8, "8310 8391", "教育科技 培训", "职业技能培训。", "hygiene", "AMR LABOUR", "", 12),
    _row(
        "Q",
        0.5,
        "8425 8416",
        "医疗 康养",
        "诊所服务；康养服务；医疗器械经营。",
        "medical drug",
        "HEALTH AMR",
        "",
        24,
    ),
    _row(
        "R",
        1.5,
        "8870 9051",
        "文化传播 体育",
        "文化艺术交流活动；潜水等体育活动服务。",
        "culture",
        "TOURISM AMR",
        "TOURISM",
        15,
    ),
    _row("S", 1, "9421 9522", "行业协会 志愿服务中心", "会员服务；公益活动。", "", "AMR", "", 10),
)
"""All sections with a positive weight."""
_CUMULATIVE = tuple(accumulate(industry.weight for industry in INDUSTRIES))
INDUSTRY = {industry.section: industry for industry in INDUSTRIES}
"""Industries by section letter."""


def pick_industry(rng: Random) -> Industry:
    """An industry by weight."""
    return rng.choices(INDUSTRIES, cum_weights=_CUMULATIVE)[0]
