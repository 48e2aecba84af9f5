"""What was known of a record at a past instant, for officers, auditors and regulators; never a value."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import strawberry

from hub.api.acting import record_named
from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.scalars import USCC, Date, DateTime
from hub.disclosure.as_of import Asker, AsOf, AsOfReader, Caveat

Info = strawberry.Info[RequestContext, Any]
_REVIEW = "AUDIT_REVIEW"

strawberry.enum(
    Caveat,
    name="AsOfCaveat",
    description="未能考虑的因素：目录版本已变、当时有多项授权、次数限制未核、案由未知。What an answer about the past leaves out.",
)


@strawberry.input(description="假定的查询方。Who would have asked.")
class AskerInput:
    """Who would have asked."""

    role: str = strawberry.field(description="角色。Role, such as bank.")
    purpose: str = strawberry.field(description="用途代码。Purpose code.")
    institution: USCC | None = strawberry.field(
        default=None, description="机构，用于核对当时的授权。Institution whose consents count."
    )
    consent: strawberry.ID | None = strawberry.field(
        default=None,
        description="授权编号；不填则取最新有效者。The consent that is named; else the newest that held.",
    )


@strawberry.type(description="某一时点已知的记录版本，不含内容。A version of a record, without its content.")
class KnownVersion:
    """A version of a record, without its content."""

    version: int = strawberry.field(description="版本。Version.")
    edition: str = strawberry.field(description="目录版本。Edition of the catalogue it came in under.")
    state: str = strawberry.field(description="状态。State.")
    severity: str | None = strawberry.field(description="严重程度。Severity.")
    event_date: Date = strawberry.field(description="认定日期。Day of the decision.")
    visible_from: Date | None = strawberry.field(description="公示起始日。First day of display.")
    visible_until: Date | None = strawberry.field(description="停止公示日。First day it is not shown.")
    source_unit: str = strawberry.field(description="数据源单位。Source unit.")
    lineage: str = strawberry.field(description="形成该版本的批次或案件。Batch or case that made it.")
    received_at: DateTime = strawberry.field(description="入库时间。When it came in.")
    replaced_at: DateTime | None = strawberry.field(description="被替代时间。When it was replaced.")


@strawberry.type(description="字段在该时点的披露结果，不含内容。What a field would have been; no value.")
class FieldAsOf:
    """What a field would have been."""

    name: str = strawberry.field(description="字段。Field.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    rule: str = strawberry.field(description="规则。Deciding rule.")
    reason: str = strawberry.field(description="理由代码。Code of the reason.")
    filled: bool = strawberry.field(description="该版本是否有此项内容。Whether the version had a value.")


@strawberry.type(description="某一时点的记录。A record at a past instant.")
class RecordAsOf:
    """A record at a past instant."""

    known: KnownVersion | None = strawberry.field(
        description="当时已知的版本。What was known; null: nothing."
    )
    shown: bool = strawberry.field(description="当时是否公示。Whether it was published.")
    policy: str = strawberry.field(description="当时生效的策略版本。Policy revision in force.")
    consent: str | None = strawberry.field(description="当时有效的授权。Consent that counted.")
    refused: str | None = strawberry.field(description="当时会被拒绝的理由。Why all would have been refused.")
    fields: list[FieldAsOf] = strawberry.field(
        description="各字段的披露结果。What each field would have been."
    )
    caveats: list[Caveat] = strawberry.field(
        description="本结果未能考虑的因素。What this answer could not take into account."
    )


async def record_as_of(
    info: Info, subject: str, dataset: str, record: strawberry.ID, at: DateTime, asker: AskerInput
) -> RecordAsOf:
    """What was known of a record, and what would have been disclosed."""
    context = info.context
    context.require(_REVIEW)
    context.audit_read = True
    subject_id = context.services.resolve_subject(subject)
    name = record_named(subject_id, dataset, record)
    context.did(subject_id)
    reader = AsOfReader(context.services.database, context.rules)
    who = Asker(frozenset({asker.role}), asker.purpose, asker.institution or "", str(asker.consent or ""))
    found = await reader.ask(
        subject_id, dataset, name.record_id, datetime.fromisoformat(at), who, context.now
    )
    context.read_log(
        "recordAsOf",
        dataset=dataset,
        record=name.record_id.hex(),
        at=str(at),
        role=asker.role,
        purpose=asker.purpose,
    )
    return _show(found)


def _show(found: AsOf) -> RecordAsOf:
    known = found.known
    return RecordAsOf(
        known=KnownVersion(
            version=known.version,
            edition=known.edition,
            state=known.state,
            severity=known.severity,
            event_date=Date(known.event_date.isoformat()),
            visible_from=Date(known.visible_from.isoformat()) if known.visible_from else None,
            visible_until=Date(known.visible_until.isoformat()) if known.visible_until else None,
            source_unit=known.source_unit,
            lineage=known.lineage,
            received_at=shown_time(known.received_at),
            replaced_at=shown_time(known.replaced_at) if known.replaced_at else None,
        )
        if known
        else None,
        shown=found.shown,
        policy=found.policy,
        consent=found.consent or None,
        refused=found.refused.value if found.refused else None,
        fields=[
            FieldAsOf(
                name=name,
                outcome=decision.outcome.name,
                rule=decision.rule,
                reason=decision.reason.value,
                filled=known is not None and name in known.filled,
            )
            for name, decision in found.fields.items()
        ],
        caveats=list(found.caveats),
    )


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="recordAsOf",
            resolver=record_as_of,
            description="某一时点已知的记录版本和会披露的字段，不含内容，限审查人员。What was known of a record at an instant and what would have been disclosed; no values; for reviewers.",
        )
    ]
