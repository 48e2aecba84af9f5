"""What authorities penalise: typical violations with their basis and the usual fines, as data.

Fines are the lowest, the median and the highest in CNY, from general knowledge and unverified: demo only.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Violation:
    """One kind of violation of one authority."""

    authority: str
    title: str
    facts: str
    basis: str
    lowest: int
    median: int
    highest: int
    personal: bool = False
    """Whether natural persons commit it too."""


VIOLATIONS = (
    Violation(
        "AMR",
        "未按规定公示年度报告",
        "未在规定期限内公示上一年度报告",
        "《企业信息公示暂行条例》第十七条",
        500,
        2_000,
        10_000,
    ),
    Violation(
        "AMR",
        "虚假宣传",
        "在门店和网页对商品产地作引人误解的宣传",
        "《中华人民共和国广告法》第五十五条",
        1_000,
        8_000,
        200_000,
    ),
    Violation(
        "AMR",
        "未明码标价",
        "销售商品未按规定标明价格",
        "《中华人民共和国价格法》第四十二条",
        500,
        1_500,
        5_000,
        True,
    ),
    Violation(
        "AMR",
        "经营超过保质期食品",
        "货架陈列销售超过保质期的预包装食品",
        "《中华人民共和国食品安全法》第一百二十四条",
        1_000,
        5_000,
        100_000,
    ),
    Violation(
        "URBAN",
        "占道经营",
        "擅自占用人行道摆放桌椅经营",
        "《城市市容和环境卫生管理条例》第三十六条",
        200,
        800,
        3_000,
        True,
    ),
    Violation(
        "URBAN",
        "油烟直排",
        "未按要求安装油烟净化设施",
        "《中华人民共和国大气污染防治法》第一百一十八条",
        5_000,
        8_000,
        50_000,
    ),
    Violation(
        "ENVIRONMENT",
        "未验先投",
        "配套环境保护设施未经验收即投入生产",
        "《建设项目环境保护管理条例》第二十三条",
        20_000,
        100_000,
        1_000_000,
    ),
    Violation(
        "ENVIRONMENT",
        "超标排放水污染物",
        "废水排放浓度超过规定标准",
        "《中华人民共和国水污染防治法》第八十三条",
        20_000,
        80_000,
        1_000_000,
    ),
    Violation(
        "EMERGENCY",
        "未落实安全培训",
        "未按规定对从业人员进行安全生产教育和培训",
        "《中华人民共和国安全生产法》第九十七条",
        10_000,
        20_000,
        100_000,
    ),
    Violation(
        "EMERGENCY",
        "动火作业无票",
        "未办理作业票进行动火作业",
        "《中华人民共和国安全生产法》第一百零一条",
        10_000,
        30_000,
        500_000,
    ),
    Violation(
        "FIRE",
        "堵塞疏散通道",
        "占用、堵塞疏散通道和安全出口",
        "《中华人民共和国消防法》第六十条",
        5_000,
        6_000,
        50_000,
    ),
    Violation(
        "FIRE",
        "消防设施故障",
        "火灾自动报警系统未保持完好有效",
        "《中华人民共和国消防法》第六十条",
        5_000,
        8_000,
        50_000,
    ),
    Violation(
        "TRANSPORT",
        "无证从事网约车经营",
        "未取得许可擅自从事网络预约出租汽车经营",
        "《网络预约出租汽车经营服务管理暂行办法》第三十四条",
        3_000,
        5_000,
        30_000,
        True,
    ),
    Violation(
        "TRANSPORT",
        "超限运输",
        "车辆货物总质量超过限定标准",
        "《公路安全保护条例》第六十四条",
        3_000,
        5_000,
        30_000,
        True,
    ),
    Violation(
        "TOURISM",
        "强迫购物",
        "未经旅游者同意安排购物场所",
        "《中华人民共和国旅游法》第九十八条",
        5_000,
        50_000,
        300_000,
    ),
    Violation(
        "TOURISM",
        "无证从事导游活动",
        "未取得导游证从事导游活动",
        "《中华人民共和国旅游法》第一百零二条",
        1_000,
        2_000,
        10_000,
        True,
    ),
    Violation(
        "TAX",
        "未按期申报",
        "未按照规定期限办理纳税申报",
        "《中华人民共和国税收征收管理法》第六十二条",
        200,
        500,
        10_000,
    ),
    Violation(
        "TAX",
        "虚开发票",
        "开具与实际经营业务情况不符的发票",
        "《中华人民共和国发票管理办法》第三十七条",
        10_000,
        50_000,
        500_000,
    ),
    Violation(
        "CUSTOMS",
        "申报不实",
        "进口货物商品编号申报不实",
        "《中华人民共和国海关行政处罚实施条例》第十五条",
        1_000,
        12_000,
        1_000_000,
    ),
    Violation(
        "CUSTOMS",
        "离岛免税套购",
        "利用他人离岛免税额度购买免税品牟利",
        "《中华人民共和国海关行政处罚实施条例》第七条",
        1_000,
        6_000,
        50_000,
        True,
    ),
    Violation(
        "HOUSING",
        "未取得施工许可证擅自施工",
        "未取得施工许可证开工建设",
        "《中华人民共和国建筑法》第六十四条",
        10_000,
        60_000,
        500_000,
    ),
    Violation(
        "LABOUR",
        "拖欠农民工工资",
        "未按月足额支付农民工工资",
        "《保障农民工工资支付条例》第五十三条",
        2_000,
        20_000,
        50_000,
    ),
    Violation(
        "LABOUR",
        "未依法办理社会保险登记",
        "未在规定期限内办理社会保险登记",
        "《中华人民共和国社会保险法》第八十四条",
        2_000,
        5_000,
        30_000,
    ),
    Violation(
        "HEALTH",
        "公共场所卫生不达标",
        "未按规定对顾客用品用具进行清洗消毒",
        "《公共场所卫生管理条例实施细则》第三十六条",
        1_000,
        2_000,
        20_000,
    ),
    Violation(
        "AGRICULTURE",
        "经营未备案种子",
        "经营的种子未按规定备案",
        "《中华人民共和国种子法》第七十九条",
        2_000,
        4_000,
        20_000,
    ),
)
"""All violations."""
BY_AUTHORITY = {
    authority: tuple(v for v in VIOLATIONS if v.authority == authority)
    for authority in dict.fromkeys(v.authority for v in VIOLATIONS)
}
"""Violations by authority."""
PERSONAL = tuple(v for v in VIOLATIONS if v.personal)
"""Violations that natural persons commit too."""
