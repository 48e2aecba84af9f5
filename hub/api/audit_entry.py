"""Down from an entry of the log to rule, consent, matter and purpose; for officers, auditors and regulators."""

from __future__ import annotations

import re
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.audit import REVIEW, shown_time
from hub.api.audit_review import AuditEntry, show_entry
from hub.api.context import RequestContext
from hub.api.scalars import DateTime
from hub.audit.entry import subject_ref
from hub.audit.review_filter import FieldOutcome
from hub.audit.review_search import find_entry
from hub.catalog.types import Label
from hub.disclosure.entry_review import (
    ConsentReview,
    EntryReviewer,
    FieldReview,
    PartReview,
    ReviewCaveat,
)
from hub.errors import InputError

Info = strawberry.Info[RequestContext, Any]
_ID = re.compile(r"[0-9a-f]{32}")

strawberry.enum(
    ReviewCaveat,
    name="AuditEntryCaveat",
    description="未能考虑的因素，如正文已隐去、策略未保存、目录已变、按现有角色重判。What an answer about an entry leaves out.",
)


@strawberry.type(
    description="字段及依规则重判的结果，不含内容。A field, decided again by the rules; no value."
)
class AuditedField:
    """One field that was asked for."""

    dataset: str = strawberry.field(description="信息项。Dataset.")
    name: str = strawberry.field(description="字段；* 表示整个信息项。Field; * is the whole dataset.")
    recorded: FieldOutcome = strawberry.field(description="记录的结果。What was recorded.")
    outcome: str | None = strawberry.field(description="重判的结果。Outcome as decided again.")
    rule: str | None = strawberry.field(description="裁定规则。Deciding rule.")
    reason: str | None = strawberry.field(description="理由代码。Code of the reason.")
    agrees: bool | None = strawberry.field(
        description="两者是否一致；无法重判时为空。Whether both agree; null where it could not be decided again."
    )


@strawberry.type(description="所凭授权，不含签署人。A consent that was relied on, without who signed.")
class AuditedConsent:
    """A consent that was relied on."""

    artefact: JSON = strawberry.field(description="授权文书，不含签署人。The artefact, without who signed.")
    revoked_at: DateTime | None = strawberry.field(description="撤回时间。When it was withdrawn.")
    notice_zh: str | None = strawberry.field(
        description="授权时展示的告知文本。The notice shown, in Chinese."
    )
    notice_en: str | None = strawberry.field(description="英文告知文本。The notice shown, in English.")
    notice_verified: bool = strawberry.field(
        description="文本与所签哈希是否一致。Whether that text has the hash that was signed."
    )


@strawberry.type(
    description="审计记录中一个主体的部分及其依据。One subject of an entry, and what it rests on."
)
class AuditedPart:
    """One subject."""

    subject: str = strawberry.field(description="主体假名。Subject, as pseudonym.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    reason: str = strawberry.field(description="原因代码。Reason code.")
    message: str | None = strawberry.field(description="原因说明。What the reason says.")
    basis: JSON | None = strawberry.field(description="依据。Basis.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    purpose_title: str | None = strawberry.field(description="用途名称。Its title.")
    purpose_source: str | None = strawberry.field(description="用途的法律依据。The legal text it rests on.")
    matter_title: str | None = strawberry.field(description="清单事项名称。Title of the matter.")
    matter_legal_basis: str | None = strawberry.field(description="清单事项依据。Legal basis of the matter.")
    consent: AuditedConsent | None = strawberry.field(description="所凭授权。The consent.")
    fields: list[AuditedField] = strawberry.field(description="字段。Fields that were asked for.")
    records: JSON = strawberry.field(description="各信息项显示的记录数。Records shown, by dataset.")
    questions: JSON = strawberry.field(
        description="提出的是否问题（不含答案）。Yes/no questions asked, without their answers."
    )


@strawberry.type(description="审计记录及其依据。An entry of the log, and what it rests on.")
class AuditedEntry:
    """An entry gone into."""

    entry: AuditEntry = strawberry.field(description="记录。The entry.")
    parts: list[AuditedPart] = strawberry.field(description="各主体，至多20个。Its subjects, at most 20.")
    caveats: list[ReviewCaveat] = strawberry.field(
        description="本结果未能考虑的因素。What this answer could not take into account."
    )


async def audit_entry(
    info: Info, index: int | None = None, id: strawberry.ID | None = None, subject: str | None = None
) -> AuditedEntry | None:
    """An entry and what it rests on; null when there is none."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    if (index is None) is (id is None) or (index or 0) < 0 or not (id is None or _ID.fullmatch(id)):
        raise InputError(
            "Name one entry, by its index or its id.",
            hint="`auditEntries` shows both.",
            message_zh="请以序号或编号之一指明一条记录。",
        )
    services = context.services
    subject_id = services.resolve_subject(subject) if subject else None
    only = subject_ref(subject_id) if subject_id else None
    if subject_id is not None:
        context.did(subject_id)
    context.read_log("auditEntry", index=index, id=id and str(id), subject=only)
    found = await find_entry(services.database, index if index is not None else str(id))
    if found is None:
        return None
    reviewed = await EntryReviewer(services.database, context.rules).review(found, only)
    return AuditedEntry(
        entry=show_entry(found),
        parts=[_part(part) for part in reviewed.parts],
        caveats=list(reviewed.caveats),
    )


def _part(part: PartReview) -> AuditedPart:
    return AuditedPart(
        subject=part.subject,
        outcome=part.outcome,
        reason=part.reason,
        message=_both(part.message),
        basis=cast("Any", part.basis),
        purpose=part.purpose,
        purpose_title=_both(part.purpose_entry.title) if part.purpose_entry else None,
        purpose_source=part.purpose_entry.source if part.purpose_entry else None,
        matter_title=_both(part.matter.title) if part.matter else None,
        matter_legal_basis=part.matter.legal_basis if part.matter else None,
        consent=_consent(part.consent) if part.consent else None,
        fields=[_field(item) for item in part.fields],
        records=cast("Any", dict(part.records)),
        questions=cast("Any", list(part.questions)),
    )


def _consent(consent: ConsentReview) -> AuditedConsent:
    return AuditedConsent(
        artefact=cast("Any", dict(consent.artefact)),
        revoked_at=shown_time(consent.revoked_at) if consent.revoked_at else None,
        notice_zh=consent.notice.zh if consent.notice else None,
        notice_en=consent.notice.en if consent.notice else None,
        notice_verified=consent.notice_verified,
    )


def _field(item: FieldReview) -> AuditedField:
    decision = item.decision
    return AuditedField(
        dataset=item.dataset,
        name=item.name,
        recorded=item.recorded,
        outcome=decision.outcome.name if decision else None,
        rule=decision.rule if decision else None,
        reason=decision.reason.value if decision else None,
        agrees=item.agrees,
    )


def _both(label: Label | None) -> str | None:
    return f"{label.zh} {label.en}" if label else None


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="auditEntry",
            resolver=audit_entry,
            description="一条审计记录及其依据：逐字段的规则与理由、授权或事项、用途；不含内容，限审查人员。"
            "An entry and what it rests on: rule and reason for each field, consent or matter, purpose; no values.",
        )
    ]
