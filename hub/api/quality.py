"""Quality of sources in the schema: everything for operators and reviewers, its own for a source unit. No values."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import strawberry

from hub.api.context import RequestContext
from hub.api.scalars import USCC, Date
from hub.clock import civil_date
from hub.errors import InputError
from hub.intake.quality_report import Asked, FaultCount, Line, Waiting, quality_report

Info = strawberry.Info[RequestContext, Any]
_ALL = ("OPERATION", "AUDIT_REVIEW")
_OWN = "DATA_SUPPLY"
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")


@strawberry.type(
    description="质量指标；比率以万分之一计，无基数时为空。Quality figures; rates in basis points, null without a base."
)
class QualityLine:
    """Figures of a source."""

    source_unit: USCC = strawberry.field(description="信源单位。Source unit.")
    dataset: str | None = strawberry.field(description="信息项；为空表示合计。Dataset; null: all together.")
    month: str | None = strawberry.field(
        description="接收月份；为空表示合计。Month of receipt; null: all together."
    )
    rows: int = strawberry.field(description="报送行数。Rows sent.")
    landed: int = strawberry.field(description="入库行数。Rows that landed.")
    fresh: int = strawberry.field(description="新增记录。New records.")
    corrected: int = strawberry.field(description="更正记录。Records corrected.")
    duplicates: int = strawberry.field(description="重复行。Repetitions.")
    quarantined: int = strawberry.field(description="隔离行。Rows in quarantine.")
    late: int = strawberry.field(description="迟报的新增记录。New records that came late.")
    completeness: int | None = strawberry.field(description="完整率。Optional values given.")
    compliance: int | None = strawberry.field(description="合规率。Rows that passed.")
    timeliness: int | None = strawberry.field(
        description="及时率（时限以工作日计）。New records in time (working days)."
    )
    uniqueness: int | None = strawberry.field(description="非重复率。Rows that repeat nothing.")
    correction: int | None = strawberry.field(description="更正率。Landed rows that correct a record.")
    score: int | None = strawberry.field(description="综合得分：前四率的平均。Mean of the first four rates.")


@strawberry.type(description="排名。A place in the league table.")
class QualityRank:
    """A place."""

    rank: int = strawberry.field(description="名次，同分同名次。Rank; equal scores share one.")
    line: QualityLine = strawberry.field(description="合计指标。Figures in all.")


@strawberry.type(description="差错及整改办法。A fault and how to mend it.")
class QualityFault:
    """A fault."""

    source_unit: USCC = strawberry.field(description="信源单位。Source unit.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    code: str = strawberry.field(description="错误码。Code.")
    column: str = strawberry.field(description="列；为空表示整行。Column; empty: the row as a whole.")
    faults: int = strawberry.field(description="次数。How often.")
    message_zh: str = strawberry.field(description="说明（中文）。What is wrong, in Chinese.")
    message_en: str = strawberry.field(description="说明（英文）。What is wrong, in English.")
    hint: str = strawberry.field(description="整改办法。How to mend it.")


@strawberry.type(description="仍在隔离的行。Refused rows that were not sent again.")
class QualityWaiting:
    """Rows that wait in quarantine."""

    source_unit: USCC = strawberry.field(description="信源单位。Source unit.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    rows: int = strawberry.field(description="行数。Rows.")
    oldest: Date = strawberry.field(description="最早接收日。Day of receipt of the oldest.")
    days: int = strawberry.field(description="最长滞留天数。Age of the oldest in days.")


@strawberry.type(description="数据质量报告。A report on quality.")
class Quality:
    """A report."""

    lines: list[QualityLine] = strawberry.field(
        description="按月、单位、信息项，最近在前。By month, source and dataset, newest first."
    )
    league: list[QualityRank] = strawberry.field(
        description="排名表；信源单位只见本单位。League table; a source sees its own place."
    )
    faults: list[QualityFault] = strawberry.field(
        description="差错，多者在前。Faults, the most frequent first."
    )
    waiting: list[QualityWaiting] = strawberry.field(
        description="滞留隔离，久者在前。What waits in quarantine, the oldest first."
    )


async def quality(
    info: Info, source_unit: USCC | None = None, dataset: str | None = None, month: str | None = None
) -> Quality:
    """Figures of quality; a source unit gets its own whatever it asks for."""
    context = info.context
    grant = context.require(*_ALL, _OWN)
    own = context.caller.institution if grant.purpose == _OWN else None
    if dataset is not None and dataset not in context.rules.catalog.datasets:
        raise InputError(
            "The catalogue has no such dataset.",
            hint="Take an id from `datasets`.",
            message_zh="目录中没有该数据集。",
        )
    asked = Asked(str(source_unit) if source_unit else None, dataset, month_of(month))
    async with context.services.database.connection() as connection:
        found = await quality_report(connection, asked, civil_date(context.now), own=own)
    return Quality(
        lines=[_line(line) for line in found.lines],
        league=[QualityRank(rank=r.rank, line=_line(r.line)) for r in found.league],
        faults=[_fault(f) for f in found.faults],
        waiting=[_waiting(w) for w in found.waiting],
    )


def month_of(text: str | None) -> date | None:
    """The first day of a month written YYYY-MM.

    Raises:
        InputError: when it is no month.
    """
    if text is None:
        return None
    if not _MONTH.fullmatch(text) or text < "1900":
        raise InputError(
            "A month is written YYYY-MM.", hint="For example 2026-11.", message_zh="月份应写作 YYYY-MM。"
        )
    return date.fromisoformat(f"{text}-01")


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="quality",
            resolver=quality,
            description="数据质量：运维、隐私专员、审计和监管可见全部，信源单位只见本单位。"
            "Quality of what sources send: all for operators, officers, auditors and regulators; its own for a source unit.",
        )
    ]


def _line(line: Line) -> QualityLine:
    return QualityLine(
        source_unit=USCC(line.source_unit), dataset=line.dataset or None, month=line.month or None, rows=line.rows,
        landed=line.landed, fresh=line.fresh, corrected=line.corrected, duplicates=line.duplicates,
        quarantined=line.quarantined, late=line.late, completeness=line.completeness, compliance=line.compliance,
        timeliness=line.timeliness, uniqueness=line.uniqueness, correction=line.correction, score=line.score,
    )  # fmt: skip


def _fault(found: FaultCount) -> QualityFault:
    return QualityFault(
        source_unit=USCC(found.source_unit), dataset=found.dataset, code=found.code, column=found.column,
        faults=found.faults, message_zh=found.message_zh, message_en=found.message_en, hint=found.hint,
    )  # fmt: skip


def _waiting(found: Waiting) -> QualityWaiting:
    return QualityWaiting(
        source_unit=USCC(found.source_unit), dataset=found.dataset, rows=found.rows,
        oldest=Date(found.oldest.isoformat()), days=found.days,
    )  # fmt: skip
