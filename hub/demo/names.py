"""Names of synthetic persons and organisations.

Surnames carry weights that show Hainan (陈, 王, 符 …), given names go by decade of birth.
Brands are coined from pairs of characters and are no registered brands that we know of; every
organisation's name ends in （演示）.
"""

from __future__ import annotations

from datetime import date
from itertools import accumulate
from random import Random

MARK = "（演示）"
"""Ends the name of every synthetic organisation."""

_SURNAMES = (
    *(
        (10.5, "陈"),
        (8, "王"),
        (6, "李"),
        (5.5, "吴"),
        (4.5, "符 林 黄"),
        (4, "张"),
        (2.5, "周"),
        (2, "郑 杨"),
    ),
    *((1.5, "何 黎"), (1, "邢 蔡 云 韩 詹 钟 曾 许"), (0.9, "苏 冯 罗 刘 梁"), (0.6, "赵 孙 朱 胡 郭")),
    *((0.5, "高 谢 唐 邓 叶 董 潘"), (0.15, "欧阳")),
)
_PEOPLE = tuple(surname for _, surnames in _SURNAMES for surname in surnames.split())
_WEIGHTS = tuple(accumulate(weight for weight, surnames in _SURNAMES for _ in surnames.split()))
_BLOCKED = frozenset(
    {"王菲", "李娜", "陈晓", "张伟平", "林志玲", "周杰", "刘洋", "海南岛", "王健林", "王海燕"}
)
_MALE = {
    1950: "建国 国强 德明 金生 永福 明德 振华 亚福 志忠 文光 家富 大海",
    1960: "建军 国平 卫东 永强 学文 爱民 兴旺 海生 忠良 世雄 亚弟 光明",
    1970: "志强 海平 文辉 建华 伟民 少雄 泽光 勇 斌 辉 开明 书豪",
    1980: "海波 俊 鹏 晓东 伟杰 志鹏 亮 磊 传宇 世杰 子龙 业成",
    1990: "俊杰 浩 嘉豪 家乐 泽宇 文博 宇航 志远 昌盛 凯 鸿飞 垂宇",
    2000: "子轩 浩然 宇轩 俊熙 一诺 梓豪 铭泽 睿 泽楷 昊天 奕辰 景行",
}
_FEMALE = {
    1950: "秀英 桂兰 玉梅 亚妹 月娥 凤英 金花 爱莲 春兰 美玉 香梅 桂花",
    1960: "丽华 秀珍 爱华 玉兰 春梅 亚花 海英 慧芳 月琴 素珍 少梅 琼花",
    1970: "海燕 丽萍 艳 小红 雪梅 琼芳 燕玲 敏 淑贞 冬梅 云霞 晓丽",
    1980: "婷 静 海霞 晓燕 丽娜 思思 小妹 莹莹 琳 春燕 小玲 慧敏",
    1990: "婷婷 诗雨 雅琪 梦瑶 佳怡 雪莹 欣 思颖 晓彤 嘉欣 子晴 海若",
    2000: "梓涵 欣怡 诗涵 雨桐 梓萱 可馨 语嫣 若溪 一诺 思语 芷晴 沐瑶",
}
_GIVEN = {
    True: {decade: tuple(words.split()) for decade, words in _MALE.items()},
    False: {decade: tuple(words.split()) for decade, words in _FEMALE.items()},
}
_SECOND = tuple("海文明德志永国学家世春玉美晓小亚琼子嘉雅思昌传光业")

_HEADS = tuple("渚岚榕沧霞槟潮珊橡盐黎椰汐屿澜汀礁岬琼蕉棕芒莲荔")
_TAILS = tuple("澜晴屿汐禾岭澳浦湾汀川洲野舟朗越桥帆岸曜棠楹")
_REAL_BRANDS = frozenset({"椰岛", "椰树", "椰澳", "椰湾", "海湾", "黎川", "盐湾", "琼岭", "椰岭"})
BRANDS = tuple(
    head + tail for head in _HEADS for tail in _TAILS if head != tail and head + tail not in _REAL_BRANDS
)
"""Coined brands."""
_EXTRA = ("", "", "", "新", "源", "合", "盛", "嘉", "海", "恒")
_SHOPS = ("店", "商行", "馆", "经营部", "小吃店", "便利店", "工作室", "修理部")


def person_name(rng: Random, male: bool, born: date) -> str:
    """A person's name that fits sex and decade of birth."""
    decade = min(2000, max(1950, born.year // 10 * 10))
    while True:
        surname = rng.choices(_PEOPLE, cum_weights=_WEIGHTS)[0]
        given = rng.choice(_GIVEN[male][decade])
        if len(given) == 1 and rng.random() < 0.4:
            given = rng.choice(_SECOND) + given
        if surname + given not in _BLOCKED:
            return surname + given


def brand(rng: Random) -> str:
    """A coined brand of two or three characters."""
    return rng.choice(BRANDS) + rng.choice(_EXTRA)


def shop_name(rng: Random, division: str, street: str, trade: str) -> str:
    """The name of an individually-owned business: division, street, brand, trade."""
    return f"{division}{street}{brand(rng)}{trade}{rng.choice(_SHOPS)}{MARK}"
