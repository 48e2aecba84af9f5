"""The subject's ledger in the schema: who looked, when, for what, on what basis, at which items. Never a value."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.registers import BilingualText, text
from hub.api.scalars import DateTime
from hub.audit import ledger as stored
from hub.audit.callers import CallerNames, read_names
from hub.audit.entry import BasisKind
from hub.audit.ledger_words import LedgerWords
from hub.consent.service import withdrawable

Info = strawberry.Info[RequestContext, Any]


@strawberry.type(description="信息项的披露情况。What was shown of one dataset.")
class LedgerItem:
    """One dataset in a ledger line."""

    dataset: str = strawberry.field(description="信息项。Dataset.")
    title: BilingualText = strawberry.field(description="信息项名称。Title of the dataset.")
    outcome: str = strawberry.field(
        description="clear 原文、masked 脱敏、generalised 概括、predicate 仅供问答、withheld 未披露。How it was shown."
    )
    fields: list[str] = strawberry.field(
        description="字段；* 表示整个信息项。Fields; * is the whole dataset."
    )
    labels: list[BilingualText] = strawberry.field(description="字段名称，次序同上。Labels, in that order.")


@strawberry.type(description="显示过的一条记录。A record that was shown.")
class LedgerRecord:
    """A record in a ledger line: what an objection needs."""

    dataset: str = strawberry.field(description="信息项。Dataset.")
    title: BilingualText = strawberry.field(description="信息项名称。Title of the dataset.")
    record: strawberry.ID = strawberry.field(
        description="记录标识，可用于 objectToRecord 提出异议。Id of the record, as `objectToRecord` takes it."
    )


@strawberry.type(description="提出的是否问题。A yes/no question that was asked.")
class LedgerQuestion:
    """One question in a ledger line."""

    code: str = strawberry.field(description="问题代码。Code of the question.")
    threshold: str | None = strawberry.field(description="门槛代码。Code of the threshold.")
    outcome: str = strawberry.field(description="answered 已回答、refused 未回答。Whether it was answered.")


@strawberry.type(
    description="本主体的查询台账：谁、何时、为何、凭什么、看了哪些项。Who looked, when, for what, on what basis, at which items."
)
class LedgerLine:
    """One line of the subject's own ledger."""

    index: int = strawberry.field(
        description="在日志中的序号，可据此验证。Index in the log, for verification."
    )
    at: DateTime = strawberry.field(description="时间。When.")
    kind: str = strawberry.field(description="操作类型。Sort of operation.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    reason: str = strawberry.field(description="拒绝原因代码。Reason code when refused.")
    sentence: BilingualText = strawberry.field(description="整行的白话表述。The whole line as a sentence.")
    who: BilingualText = strawberry.field(description="查询方名称。Name of who asked.")
    institution: str = strawberry.field(description="查询机构。Institution that asked.")
    caller: str = strawberry.field(description="查询系统。System that asked.")
    country: str | None = strawberry.field(
        description="查询方所在国家或地区（ISO 3166-1 两位代码）；空表示记录未载明。"
        "Country of who asked, ISO 3166-1 alpha-2; null where the log does not say."
    )
    purpose: str = strawberry.field(description="用途。Purpose.")
    purpose_title: BilingualText = strawberry.field(description="用途名称。Title of the purpose.")
    operation: str = strawberry.field(description="操作名。Operation.")
    basis_text: BilingualText | None = strawberry.field(description="依据的白话表述。The basis in words.")
    basis: JSON | None = strawberry.field(
        description="依据：授权或清单事项。Basis: consent or listed matter."
    )
    items: list[LedgerItem] = strawberry.field(description="信息项。Items.")
    records: JSON = strawberry.field(description="各信息项显示的记录数。Records shown, by dataset.")
    shown_records: list[LedgerRecord] = strawberry.field(
        description="显示过的记录，可据此提出异议。The records shown, to object to one."
    )
    consent: strawberry.ID | None = strawberry.field(
        description="所凭授权的编号。Id of the consent it rests on."
    )
    withdrawable: bool = strawberry.field(
        description="该授权现在可否用 withdrawConsent 撤回。Whether `withdrawConsent` can withdraw that consent now."
    )
    delayed_under: str | None = strawberry.field(
        description="曾依法延后列明的依据；为空表示未延后。The law under which the line was shown late; null: it was not."
    )
    questions: list[LedgerQuestion] = strawberry.field(
        description="提出的是否问题（不含答案）。Yes/no questions asked, without their answers."
    )


@strawberry.type(description="台账一页。A page of the ledger.")
class LedgerPage:
    """A page, newest first."""

    nodes: list[LedgerLine] = strawberry.field(description="台账，最新在前。Lines, newest first.")
    next_before: int | None = strawberry.field(
        description="取下一页时传给 before。Pass it as `before` for the next page."
    )
    not_yet_shown: int = strawberry.field(
        description="依法暂不列明的次数，期满自动列明；超过 1000 的计为 1000。How many lookups are kept back by law for now, 1,000 at most; each is shown when its time is over."
    )


async def access_ledger(info: Info, first: int | None = None, before: int | None = None) -> LedgerPage:
    """What was done about the caller's own subject, newest first."""
    context = info.context
    subject_id = context.own_subject()
    context.audit_read = True
    context.did(subject_id)
    size, database, rules = page_size(first, context), context.services.database, context.rules
    reading = (database, subject_id, rules.policy, context.now)
    found = await stored.ledger(*reading, limit=size + 1, before=before)
    hidden = await stored.not_yet_shown(*reading)
    lines = found[:size]
    names = await read_names(
        database, [n.caller for n in lines], {n.institution for n in lines}, rules.catalog.units
    )
    consents = {n.basis["consent"] for n in lines if n.basis and "consent" in n.basis}
    active = await withdrawable(database, subject_id, consents, context.now)
    words = LedgerWords(rules.policy, rules.catalog)
    return LedgerPage(
        nodes=[_line(line, names, words, active) for line in lines],
        next_before=lines[-1].index if len(found) > size else None,
        not_yet_shown=hidden,
    )


def _line(
    line: stored.LedgerLine, names: CallerNames, words: LedgerWords, active: Collection[str]
) -> LedgerLine:
    who, basis = names.of(line.caller, line.institution), words.basis(line)
    own = line.basis is not None and line.basis["kind"] == BasisKind.CONSENT
    consent = line.basis.get("consent") if line.basis and own else None
    return LedgerLine(
        index=line.index,
        at=shown_time(line.at),
        kind=line.kind,
        outcome=line.outcome,
        reason=line.reason,
        sentence=text(words.sentence(line, who)),
        who=text(who),
        institution=line.institution,
        caller=line.caller,
        country=line.country or None,
        purpose=line.purpose,
        purpose_title=text(words.purpose(line)),
        operation=line.operation,
        basis_text=text(basis) if basis else None,
        basis=cast("Any", dict(line.basis) if line.basis else None),
        items=_items(line, words),
        records=cast("Any", {dataset: len(ids) for dataset, ids in line.records.items()}),
        shown_records=[
            LedgerRecord(dataset=d, title=text(words.dataset(d)), record=strawberry.ID("rec_" + record))
            for d, ids in line.records.items()
            for record in ids
        ],
        consent=strawberry.ID(consent) if consent else None,
        withdrawable=consent in active,
        delayed_under=line.delay.basis or None,
        questions=[
            LedgerQuestion(code=q["code"], threshold=q["threshold"] or None, outcome=q["outcome"])
            for q in line.predicates
        ],
    )


def _items(line: stored.LedgerLine, words: LedgerWords) -> list[LedgerItem]:
    return [
        LedgerItem(
            dataset=dataset,
            title=text(words.dataset(dataset)),
            outcome=outcome,
            fields=list(names),
            labels=[text(words.field(dataset, name)) for name in names],
        )
        for outcome, datasets in line.fields.items()
        for dataset, names in datasets.items()
    ]


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="accessLedger",
            resolver=access_ledger,
            description="本主体的查询台账，最新在前。The subject's own ledger, newest first.",
        ),
    ]
