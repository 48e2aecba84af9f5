"""Divisions of Hainan (GB/T 2260) with what the demo needs of them: weight, courts, streets.

Court codes other than 0106 are from general knowledge and unverified; they serve the demo only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Division:
    """A county-level division (or a whole city) as the registering authority's place."""

    code: str
    """Six digits, GB/T 2260."""
    name: str
    city: str
    """Code of the authority's own level: the city for districts, else the division itself."""
    short: str
    """How organisation names begin, for example 海口."""
    court: str
    court_code: str
    weight: float
    streets: tuple[str, ...]


PROVINCE = "460000"
CITIES = {
    PROVINCE: ("海南省", "琼"),
    "460100": ("海口市", "海"),
    "460200": ("三亚市", "三"),
    "460400": ("儋州市", "儋"),
    "469001": ("五指山市", "五"),
    "469002": ("琼海市", "琼海"),
    "469005": ("文昌市", "文"),
    "469006": ("万宁市", "万"),
    "469007": ("东方市", "东"),
    "469021": ("定安县", "定"),
    "469022": ("屯昌县", "屯"),
    "469023": ("澄迈县", "澄"),
    "469024": ("临高县", "临"),
    "469025": ("白沙黎族自治县", "白"),
    "469026": ("昌江黎族自治县", "昌"),
    "469027": ("乐东黎族自治县", "乐"),
    "469028": ("陵水黎族自治县", "陵"),
    "469029": ("保亭黎族苗族自治县", "保"),
    "469030": ("琼中黎族苗族自治县", "琼中"),
}
"""Code to name and short form in document numbers, of every level that has its own authorities."""

_DISTRICTS = {
    "460105": "秀英区",
    "460106": "龙华区",
    "460107": "琼山区",
    "460108": "美兰区",
    "460202": "海棠区",
    "460203": "吉阳区",
    "460204": "天涯区",
    "460205": "崖州区",
}
_ROWS = (
    ("460100", "海口", "01", 12, "滨海 国贸 海秀 大同"),
    ("460105", "海口", "0105", 8, "秀英 海秀 长流 永兴"),
    ("460106", "海口", "0106", 16, "中山 滨海 金贸 大同 海垦 金宇"),
    ("460107", "海口", "0107", 8, "国兴 府城 滨江 凤翔"),
    ("460108", "海口", "0108", 10, "海府 蓝天 和平南 白龙"),
    ("460202", "三亚", "0271", 3, "海棠北 海棠南 林旺"),
    ("460203", "三亚", "0271", 8, "迎宾 榆亚 荔枝沟"),
    ("460204", "三亚", "0271", 5, "解放 凤凰 新风"),
    ("460205", "三亚", "0271", 2, "崖城 南山 宁远"),
    ("460400", "儋州", "9003", 6, "那大 白马井 新州 光村"),
    ("469001", "五指山", "9001", 0.8, "通什 南圣 毛阳"),
    ("469002", "琼海", "9002", 4, "嘉积 博鳌 潭门"),
    ("469005", "文昌", "9005", 3, "文城 龙楼 东郊"),
    ("469006", "万宁", "9006", 3, "万城 兴隆 礼纪"),
    ("469007", "东方", "9007", 2.5, "八所 东河 大田 感城 板桥"),
    ("469021", "定安", "9021", 1.2, "定城 龙湖 雷鸣"),
    ("469022", "屯昌", "9022", 1, "屯城 枫木 新兴"),
    ("469023", "澄迈", "9023", 3, "金江 老城 福山"),
    ("469024", "临高", "9024", 1.3, "临城 博厚 调楼"),
    ("469025", "白沙", "9025", 1, "牙叉 七坊 邦溪 打安"),
    ("469026", "昌江", "9026", 1, "石碌 叉河 海尾"),
    ("469027", "乐东", "9027", 1.3, "抱由 九所 黄流"),
    ("469028", "陵水", "9028", 1.7, "椰林 英州 新村"),
    ("469029", "保亭", "9029", 0.7, "保城 三道 新政"),
    ("469030", "琼中", "9030", 0.6, "营根 湾岭 红毛"),
)


def _division(code: str, short: str, court_code: str, weight: float, streets: str) -> Division:
    district = _DISTRICTS.get(code)
    city = f"{code[:4]}00" if district else code
    place = CITIES[city][0]
    court = {"460100": "海口市中级", "4602": "三亚市城郊"}.get(code if code == city else code[:4])
    court = court or place + (district or "")
    return Division(
        code, district or place, city, short, f"{court}人民法院", court_code, weight, tuple(streets.split())
    )


DIVISIONS = tuple(_division(*row) for row in _ROWS)
"""Where synthetic subjects are registered, with weights that roughly follow where business is."""

DIVISION = {division.code: division for division in DIVISIONS}
"""Divisions by code."""


def full_name(division: Division) -> str:
    """The division with its province and city, as addresses begin: 海南省海口市龙华区."""
    city = CITIES[division.city][0]
    return f"海南省{city}" + ("" if division.code == division.city else division.name)
