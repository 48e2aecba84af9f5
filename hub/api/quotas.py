"""Quotas in the schema: how much of the fair-use caps is used, for officers. Counts and pseudonyms, no values."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.audit import REVIEW, shown_time
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.scalars import DateTime
from hub.audit.quota_list import QuotaFilter, list_quotas
from hub.audit.review_filter import EntryFilter
from hub.errors import InputError

Info = strawberry.Info[RequestContext, Any]
_WHOLE = 100


@strawberry.type(
    description="合理使用次数的使用情况。A count of answers beside the cap of a fair-use template."
)
class QuotaUsage:
    """One count beside one cap."""

    institution: str = strawberry.field(description="查询机构。Institution that asks.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    template: str = strawberry.field(
        description="设定上限的合理使用模板。Fair-use template that sets the cap."
    )
    subject: str | None = strawberry.field(
        description="主体（假名）；为空表示全部主体合计。Subject, as a pseudonym; null: all together."
    )
    dataset: str | None = strawberry.field(
        description="信息项；为空表示不分信息项。Dataset; null: whatever is shown."
    )
    unit: str = strawberry.field(description="日历单位：HOUR、DAY、MONTH、YEAR。Calendar unit.")
    used: int = strawberry.field(description="本期已答次数。Answers given in this window.")
    most: int = strawberry.field(description="本期上限。Answers that the template allows in it.")
    percent: int = strawberry.field(description="使用率（%，向下取整）。Percent used, rounded down.")
    until: DateTime = strawberry.field(
        description="本期截止时间（不含，北京时间）。End of the window, exclusive (UTC+8)."
    )


async def quotas(
    info: Info, institution: str | None = None, near: int = 0, first: int | None = None
) -> list[QuotaUsage]:
    """Counts of the windows that run now, the most used first; for officers, auditors and regulators."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    size = page_size(first, context)
    if not 0 <= near <= _WHOLE:
        raise InputError(
            f"`near` must lie between 0 and {_WHOLE}.",
            hint="Give the percentage from which on you want to see them.",
            message_zh=f"near 必须在 0 到 {_WHOLE} 之间。",
        )
    context.read_log("quotas", **EntryFilter.checked(institution=institution).said(), near=near, first=size)
    wanted = QuotaFilter(institution, near=near)
    services, policy = context.services, context.rules.policy
    found = await list_quotas(services.database, policy, wanted, context.now, limit=size)
    return [
        QuotaUsage(
            institution=line.institution,
            purpose=line.purpose,
            template=line.template,
            subject=line.subject or None,
            dataset=line.dataset or None,
            unit=line.unit,
            used=line.used,
            most=line.most,
            percent=line.percent,
            until=shown_time(line.window_end),
        )
        for line in found
    ]


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="quotas",
            resolver=quotas,
            description="合理使用次数的使用情况，使用率高者在前，限隐私专员、审计和监管。"
            "How much of the fair-use caps is used, the most used first, for officers, auditors and regulators.",
        )
    ]
