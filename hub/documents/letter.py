"""The consent request as a letter in plain words, Chinese and English: what is asked, by whom, for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from hub.catalog.types import Label
from hub.documents.consent_request import OUTCOME_TITLES, DocumentConsent, ItemAsked
from hub.policies.model import DatasetCaps, Rate, Unit

_UNITS: Mapping[Unit, Label] = {
    Unit.HOUR: Label("每小时", "an hour"),
    Unit.DAY: Label("每日", "a day"),
    Unit.MONTH: Label("每月", "a month"),
    Unit.YEAR: Label("每年", "a year"),
}


def letter(asked: DocumentConsent) -> Label:
    """The text that a subject reads, in both languages; lines end in a newline."""
    return Label("\n".join(_chinese(asked)) + "\n", "\n".join(_english(asked)) + "\n")


def _chinese(asked: DocumentConsent) -> Iterator[str]:
    template, title = asked.template, asked.document.listed.title
    roles = "、".join(role.zh for role in asked.roles)
    name = f"{asked.grantee_name}，" if asked.grantee_name else ""
    yield "信用信息查询授权请求"
    yield ""
    yield f"谁来查：{name}统一社会信用代码 {asked.grantee}（{roles}）。其他任何机构不得凭本授权查询。"
    yield f"为什么查：{asked.purpose.title.zh}。不得用于其他用途。"
    yield f"查询内容依据：“{title.zh}”第 {asked.document.listed.version} 版，编号 {asked.document.id}。"
    yield ""
    yield "查哪些信息："
    for number, item in enumerate((i for i in asked.items if not i.separate), start=1):
        yield f"  {number}. {_item_zh(item)}"
    apart = [item for item in asked.items if item.separate]
    if apart:
        yield "以下信息须另行单独同意："
        for number, item in enumerate(apart, start=1):
            yield f"  {number}. {_item_zh(item)}"
    yield ""
    yield f"查多久以内的：最近 {asked.range_months} 个月。"
    yield f"授权多久有效：自签署之日起 {asked.validity_days} 天，最多查询 {template.max_uses} 次。"
    if rates := asked.fair_use.reads_of_subject:
        yield f"查得多频繁：同一机构{_rates_zh(rates)}。"
    yield f"能保存多久：最长 {asked.data_life_days()} 天，到期删除。"
    for item, caps in _narrower(asked):
        yield f"  其中{item.title.zh}：{'，'.join(_caps_zh(caps))}。"
    yield "能否转给他人：" + ("可以，须另行告知。" if template.onward_transfer else "不可以。")
    yield ""
    yield f"可能的不利影响：{template.adverse.zh}"
    yield f"如何撤回：{template.withdrawal.zh}"


def _item_zh(item: ItemAsked) -> str:
    fields = "、".join(f"{field.label.zh}（{OUTCOME_TITLES[field.outcome].zh}）" for field in item.fields)
    return f"{item.title.zh}：{fields}"


def _english(asked: DocumentConsent) -> Iterator[str]:
    template, title = asked.template, asked.document.listed.title
    roles = ", ".join(role.en for role in asked.roles)
    name = f"{asked.grantee_name}, " if asked.grantee_name else ""
    yield "Request for consent to read credit data"
    yield ""
    yield f"Who reads: {name}USCC {asked.grantee} ({roles}). Nobody else may read under this consent."
    yield f"For what: {asked.purpose.title.en}. For nothing else."
    yield f'Derived from: "{title.en}", version {asked.document.listed.version}, {asked.document.id}.'
    yield ""
    yield "What is read:"
    for number, item in enumerate((i for i in asked.items if not i.separate), start=1):
        yield f"  {number}. {_item_en(item)}"
    apart = [item for item in asked.items if item.separate]
    if apart:
        yield "Each of these needs a consent of its own:"
        for number, item in enumerate(apart, start=1):
            yield f"  {number}. {_item_en(item)}"
    yield ""
    yield f"How far back: {asked.range_months} months."
    yield f"How long the consent holds: {asked.validity_days} days, at most {template.max_uses} queries."
    if rates := asked.fair_use.reads_of_subject:
        yield f"How often: one institution {_rates_en(rates)}."
    yield f"How long the data may be kept: {asked.data_life_days()} days at most, then deleted."
    for item, caps in _narrower(asked):
        yield f"  For {item.title.en}: {', '.join(_caps_en(caps))}."
    yield "Passing on: " + ("allowed, with notice." if template.onward_transfer else "not allowed.")
    yield ""
    yield f"What may follow: {template.adverse.en}"
    yield f"How to withdraw: {template.withdrawal.en}"


def _item_en(item: ItemAsked) -> str:
    fields = ", ".join(f"{field.label.en} ({OUTCOME_TITLES[field.outcome].en})" for field in item.fields)
    return f"{item.title.en}: {fields}"


def _rates_zh(rates: Iterable[Rate]) -> str:
    return "、".join(f"{_UNITS[rate.unit].zh}最多 {rate.most} 次" for rate in rates)


def _rates_en(rates: Iterable[Rate]) -> str:
    return "at most " + ", ".join(f"{rate.most} times {_UNITS[rate.unit].en}" for rate in rates)


def _narrower(asked: DocumentConsent) -> Iterator[tuple[ItemAsked, DatasetCaps]]:
    """Items with caps that are narrower than those of the whole request."""
    for item in asked.items:
        caps = asked.fair_use.datasets.get(item.dataset)
        if caps is not None:
            yield item, caps


def _caps_zh(caps: DatasetCaps) -> Iterator[str]:
    if caps.range_months:
        yield f"最近 {caps.range_months} 个月"
    if caps.reads_of_subject:
        yield _rates_zh(caps.reads_of_subject)
    if caps.data_life_days:
        yield f"最长保存 {caps.data_life_days} 天"


def _caps_en(caps: DatasetCaps) -> Iterator[str]:
    if caps.range_months:
        yield f"{caps.range_months} months back"
    if caps.reads_of_subject:
        yield _rates_en(caps.reads_of_subject)
    if caps.data_life_days:
        yield f"kept for at most {caps.data_life_days} days"
