"""The filter of the officer's list and counts, in the schema."""

from __future__ import annotations

from datetime import datetime

import strawberry

from hub.api.context import RequestContext
from hub.api.scalars import DateTime
from hub.audit.entry import EntryOutcome, Kind
from hub.audit.review_filter import EntryFilter, FieldOutcome

strawberry.enum(EntryOutcome, name="AuditOutcome", description="操作结果。How an operation ended.")
strawberry.enum(Kind, name="AuditKind", description="操作类型。What sort of operation.")
strawberry.enum(FieldOutcome, name="FieldOutcome", description="字段的披露结果。What became of a field.")


@strawberry.input(
    description="筛选条件，未填不限；与主体有关的条件须同属一个主体。What to look for; what is left out does not narrow. "
    "Whatever concerns a subject must hold of one and the same subject of an entry."
)
class AuditFilter:
    """The officer's filter."""

    subject: str | None = strawberry.field(
        default=None,
        description="主体：统一社会信用代码、身份号码或假名。Subject: USCC, resident id or pseudonym.",
    )
    caller: str | None = strawberry.field(default=None, description="调用方。Client.")
    institution: str | None = strawberry.field(default=None, description="查询机构。Institution behind it.")
    operator: str | None = strawberry.field(
        default=None, description="经办人假名。Pseudonym of the person acting."
    )
    purpose: str | None = strawberry.field(
        default=None, description="用途，对任一主体。Purpose, of any part of the entry."
    )
    matter: str | None = strawberry.field(default=None, description="应用清单事项。Matter of the list.")
    reference: str | None = strawberry.field(
        default=None, description="案号或业务编号。Case or file number, or case of the hub."
    )
    consent: str | None = strawberry.field(default=None, description="授权编号。Consent id.")
    dataset: str | None = strawberry.field(default=None, description="信息项。Dataset.")
    field: str | None = strawberry.field(
        default=None, description="字段，如 financial.loan.balance。Field, domain.dataset.field."
    )
    shown: FieldOutcome | None = strawberry.field(
        default=None,
        description="该字段（或该信息项中某一字段）的披露结果。What became of the field, or of some field.",
    )
    record: str | None = strawberry.field(default=None, description="记录编号。Record id.")
    outcome: EntryOutcome | None = strawberry.field(
        default=None, description="整个操作的结果。Outcome of the whole operation."
    )
    kind: Kind | None = strawberry.field(default=None, description="操作类型。Sort of operation.")
    reason: str | None = strawberry.field(default=None, description="原因代码。Reason code.")
    document: str | None = strawberry.field(
        default=None, description="查询文档哈希或其开头。Hash of the query document, or its beginning."
    )
    policy: str | None = strawberry.field(
        default=None, description="规则版本或其开头。Policy revision, or its beginning."
    )
    country: str | None = strawberry.field(
        default=None,
        description="调用方所在国家或地区（ISO 3166-1 两位代码，港澳台各有代码）。"
        "Country of the caller, ISO 3166-1 alpha-2; HK, MO and TW are codes of their own.",
    )
    since: DateTime | None = strawberry.field(default=None, description="起始时间（含）。From, inclusive.")
    until: DateTime | None = strawberry.field(default=None, description="截止时间（不含）。Until, exclusive.")


def wanted(asked: AuditFilter | None, context: RequestContext) -> EntryFilter:
    """The filter to read by; the subject that is looked for is noted in the entry.

    Raises:
        InputError: when something is not in the form of what it stands for.
    """
    given = vars(asked) if asked is not None else {}
    subject = given.get("subject")
    subject_id = context.services.resolve_subject(subject) if subject else None
    found = EntryFilter.checked(
        **{name: value for name, value in given.items() if name not in ("subject", "since", "until")},
        subject_id=subject_id,
        since=instant(given.get("since")),
        until=instant(given.get("until")),
    )
    if subject_id is not None:
        context.did(subject_id)
    return found


def instant(text: DateTime | None) -> datetime | None:
    """An instant of the schema as a datetime."""
    return datetime.fromisoformat(text) if text else None
