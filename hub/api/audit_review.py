"""The officer's review in the schema: list, counts, and who saw what. For officers, auditors and regulators.

Never a field's value: there is none in the log. Each reading leaves an entry that says what was looked for.
"""

from __future__ import annotations

from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.audit import REVIEW, shown_time
from hub.api.audit_filter import AuditFilter, instant, wanted
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.scalars import Date, DateTime
from hub.audit.review_counts import CountBy, Period, count_entries
from hub.audit.review_filter import EntryFilter, FieldOutcome
from hub.audit.review_search import ListedEntry, list_entries
from hub.audit.review_who import Sighting, who_saw

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(
    CountBy,
    name="AuditCountBy",
    description="分组项：调用方、机构、经办人、用途、类型、结果、原因、信息项、国家或地区。What entries can be counted by.",
)
strawberry.enum(
    Period, name="AuditPeriod", description="统计周期：日、周、月（北京时间）。Length of time, UTC+8."
)


@strawberry.type(
    description="审计记录（不含任何字段值）。One entry of the audit log; it holds no field values."
)
class AuditEntry:
    """An entry as the officer sees it."""

    index: int = strawberry.field(description="在日志中的序号。Index in the log.")
    id: strawberry.ID = strawberry.field(description="编号。Id.")
    at: DateTime = strawberry.field(description="时间。When.")
    kind: str = strawberry.field(description="操作类型。Sort of operation.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    reason: str = strawberry.field(description="拒绝原因代码。Reason code when refused.")
    caller: str = strawberry.field(description="调用方。Client that called.")
    institution: str = strawberry.field(description="调用方所属机构。Institution behind it.")
    operator: str = strawberry.field(description="经办人假名。Pseudonym of the person acting.")
    country: str | None = strawberry.field(
        description="调用方所在国家或地区；空表示记录未载明。Country of the caller; null where the entry does not say."
    )
    roles: list[str] = strawberry.field(description="调用方的角色。Roles of the caller.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    operation: str = strawberry.field(description="操作名。Operation.")
    document: str = strawberry.field(description="查询文档哈希。Hash of the query document.")
    policy: str = strawberry.field(description="当时的规则版本。Policy revision in force.")
    subjects: list[str] = strawberry.field(description="相关主体（假名）。Subjects, as pseudonyms.")
    withheld: bool = strawberry.field(
        description="正文是否已被隐去；此时无法按正文筛选，故一并列出。"
        "Whether the body is withheld; it cannot be judged by what it said then, and is listed."
    )
    detail: JSON | None = strawberry.field(
        description="记录全文；被隐去或已归档时为空。The whole entry; null once withheld or archived."
    )
    archived: bool = strawberry.field(
        description="保存期满，正文已归档。Whether its time was over and the body is in the archive."
    )


@strawberry.type(description="审计记录一页。A page of the audit log.")
class AuditPage:
    """A page, newest first."""

    nodes: list[AuditEntry] = strawberry.field(description="记录，最新在前。Entries, newest first.")
    next_before: int | None = strawberry.field(
        description="取下一页时传给 before。Pass it as `before` for the next page."
    )


@strawberry.type(description="一组审计记录的数量。How many entries share these values.")
class AuditCount:
    """One group."""

    period: Date | None = strawberry.field(description="周期首日（北京时间）。First civil day of the period.")
    keys: list[str] = strawberry.field(description="分组值，次序同 by。Values, in the order of `by`.")
    entries: int = strawberry.field(description="记录数。Number of entries.")


@strawberry.type(description="某一机构和经办人凭某一依据看到的情况。What one viewer saw on one ground.")
class AuditViewer:
    """One viewer."""

    institution: str = strawberry.field(description="机构。Institution.")
    caller: str = strawberry.field(description="调用方。Client.")
    operator: str = strawberry.field(description="经办人假名。Pseudonym of the person acting.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    basis: str = strawberry.field(description="依据种类：CONSENT、MATTER、SELF、STATUTORY。Kind of basis.")
    consent: str | None = strawberry.field(description="授权编号。Consent.")
    matter: str | None = strawberry.field(description="清单事项。Matter.")
    references: list[str] = strawberry.field(
        description="案号或业务编号，至多100个。Case numbers, at most 100."
    )
    times: int = strawberry.field(description="次数。How often.")
    first: DateTime = strawberry.field(description="首次。First time.")
    last: DateTime = strawberry.field(description="末次。Last time.")
    how: list[FieldOutcome] = strawberry.field(description="看到的形式。In what form.")
    datasets: list[str] = strawberry.field(description="信息项。Datasets.")
    entries: list[int] = strawberry.field(
        description="记录序号，最新在前，至多100个。Indices, newest first, at most 100."
    )


@strawberry.type(description="谁看过、凭什么。Who saw it, and on what basis.")
class WhoSaw:
    """All viewers."""

    viewers: list[AuditViewer] = strawberry.field(description="最近者在前。The latest first.")
    withheld: int = strawberry.field(
        description="正文已隐去、无法判断的披露记录数。Disclosures whose entry is withheld, so that it cannot be told."
    )


async def audit_entries(
    info: Info,
    filter: AuditFilter | None = None,
    first: int | None = None,
    before: int | None = None,
) -> AuditPage:
    """Entries that match, newest first."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    size = page_size(first, context)
    sought = wanted(filter, context)
    context.read_log("auditEntries", filter=sought.said(), first=size, before=before)
    found = await list_entries(context.services.database, sought, limit=size + 1, before=before)
    nodes = [show_entry(e) for e in found[:size]]
    return AuditPage(nodes=nodes, next_before=nodes[-1].index if len(found) > size else None)


async def audit_counts(
    info: Info, by: list[CountBy], filter: AuditFilter | None = None, per: Period | None = None
) -> list[AuditCount]:
    """How many entries match, by what is asked."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    sought = wanted(filter, context)
    asked = list(dict.fromkeys(by))
    context.read_log(
        "auditCounts", filter=sought.said(), by=[one.value for one in asked], per=per and per.value
    )
    found = await count_entries(context.services.database, sought, asked, per)
    return [
        AuditCount(
            period=Date(one.period.isoformat()) if one.period else None,
            keys=list(one.keys),
            entries=one.entries,
        )
        for one in found
    ]


async def audit_who(
    info: Info,
    subject: str,
    dataset: str | None = None,
    field: str | None = None,
    record: str | None = None,
    since: DateTime | None = None,
    until: DateTime | None = None,
) -> WhoSaw:
    """Who saw a subject, or what of it, and on what basis."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    subject_id = context.services.resolve_subject(subject)
    sought = EntryFilter.checked(
        subject_id=subject_id, dataset=dataset, field=field, record=record, since=instant(since),
        until=instant(until),
    )  # fmt: skip
    context.did(subject_id)
    context.read_log("whoSaw", filter=sought.said())
    found = await who_saw(context.services.database, sought)
    return WhoSaw(viewers=[_viewer(seen) for seen in found.viewers], withheld=found.withheld)


def show_entry(listed: ListedEntry) -> AuditEntry:
    """An entry as the schema shows it."""
    body: dict[str, Any] = dict(listed.body or {})
    return AuditEntry(
        index=listed.index,
        id=strawberry.ID(listed.entry_id),
        at=shown_time(listed.at),
        kind=listed.kind,
        outcome=listed.outcome,
        reason=body.get("reason", ""),
        caller=listed.caller,
        institution=body.get("institution", ""),
        operator=body.get("operator", ""),
        country=body.get("country"),
        roles=list(body.get("roles", ())),
        purpose=listed.purpose,
        operation=body.get("operation", ""),
        document=body.get("document", ""),
        policy=body.get("policy", ""),
        subjects=list(listed.subjects),
        withheld=listed.body is None and not listed.archived,
        detail=cast("Any", body or None),
        archived=listed.archived,
    )


def _viewer(seen: Sighting) -> AuditViewer:
    who = seen.viewer
    return AuditViewer(
        institution=who.institution,
        caller=who.caller,
        operator=who.person,
        purpose=who.purpose,
        basis=who.basis,
        consent=who.consent or None,
        matter=who.matter or None,
        references=seen.references,
        times=seen.times,
        first=shown_time(seen.first),
        last=shown_time(seen.last),
        how=sorted(seen.how),
        datasets=sorted(seen.datasets),
        entries=seen.entries,
    )


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="auditEntries",
            resolver=audit_entries,
            description="审计记录，限隐私专员、审计和监管。The audit log, for officers, auditors and regulators.",
        ),
        strawberry.field(
            name="auditCounts",
            resolver=audit_counts,
            description="审计记录的数量和趋势，限隐私专员、审计和监管。"
            "Counts of entries and their trend, for officers, auditors and regulators.",
        ),
        strawberry.field(
            name="whoSaw",
            resolver=audit_who,
            description="谁看过该主体（或其某信息项、字段、记录）、凭什么，限隐私专员、审计和监管。"
            "Who saw a subject, or a dataset, field or record of it, and on what basis; for reviewers.",
        ),
    ]
