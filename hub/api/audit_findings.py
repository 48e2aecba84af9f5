"""What detection finds, in the schema; for officers, auditors and regulators. Never a value."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.audit import REVIEW, shown_time
from hub.api.audit_filter import instant
from hub.api.context import RequestContext
from hub.api.registers import BilingualText, text
from hub.api.reviewing import Severity
from hub.api.scalars import DateTime
from hub.audit.detect import Wanted, detect, explained
from hub.audit.detect_methods import Finding
from hub.errors import InputError

Info = strawberry.Info[RequestContext, Any]


@strawberry.type(
    description="检测规则的一个发现，不含任何字段值。Something that a detection rule points out."
)
class AuditFinding:
    """One finding."""

    rule: str = strawberry.field(description="规则编号。Id of the rule.")
    title: BilingualText = strawberry.field(description="规则名称。Title of the rule.")
    severity: Severity = strawberry.field(description="严重程度。How grave.")
    explanation: BilingualText = strawberry.field(description="说明。What was found, in words.")
    unseen: BilingualText = strawberry.field(description="该规则看不到什么。What the rule cannot see.")
    institution: str | None = strawberry.field(description="机构。Institution.")
    caller: str | None = strawberry.field(description="调用方。Client.")
    operator: str | None = strawberry.field(description="经办人假名。Pseudonym of the person acting.")
    subject: str | None = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    entries: list[int] = strawberry.field(description="记录序号，至多100个。Indices of entries, at most 100.")
    count: int = strawberry.field(description="记录数。Number of entries.")
    first: DateTime = strawberry.field(description="首次。First time.")
    last: DateTime = strawberry.field(description="末次。Last time.")
    cases: list[strawberry.ID] = strawberry.field(
        description="由同一规则就其中记录所立的案件。Cases opened from this rule about some of these entries."
    )


@strawberry.type(description="检测结果。What the detection rules found.")
class AuditFindings:
    """The findings of a range of time."""

    policy: str = strawberry.field(description="所用规则版本。Revision of the rules.")
    entries: int = strawberry.field(description="该时段的记录数。Entries of the log in the range.")
    withheld: int = strawberry.field(
        description="其中正文已隐去、规则无从判断的记录数。Of these, withheld: the rules know nothing of them."
    )
    nodes: list[AuditFinding] = strawberry.field(description="严重者在前。The gravest first.")
    left_out: int = strawberry.field(
        description="未列出的发现数；可用 rule、caller 缩小。Findings beyond the list."
    )


async def audit_findings(
    info: Info,
    since: DateTime,
    until: DateTime,
    rule: str | None = None,
    caller: str | None = None,
    institution: str | None = None,
) -> AuditFindings:
    """What the rules find in a range of time."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    services, policy = context.services, context.rules.policy
    first, end = instant(since), instant(until)
    if first is None or end is None:
        raise InputError("A range has two ends.", hint="Give since and until.", message_zh="须给出起止时间。")
    wanted = Wanted.checked(policy, first, end, rule, caller, institution)
    context.read_log("auditFindings", **wanted.said())
    found = await detect(services.database, policy, services.lifecycle.organisation, wanted, context.now)
    listed = found.findings[: services.max_page]
    covering: list[list[str]] = [[] for _ in listed]
    if services.cases is not None and listed:
        covering = await services.cases.covering([(one.rule.id, one.entries) for one in listed])
    return AuditFindings(
        policy=found.policy,
        entries=found.entries,
        withheld=found.withheld,
        nodes=[_finding(one, cases) for one, cases in zip(listed, covering, strict=True)],
        left_out=len(found.findings) - len(listed),
    )


def _finding(one: Finding, cases: list[str]) -> AuditFinding:
    return AuditFinding(
        rule=one.rule.id,
        title=text(one.rule.title),
        severity=one.rule.severity,
        explanation=text(explained(one)),
        unseen=text(one.rule.unseen),
        institution=one.who.institution or None,
        caller=one.who.caller or None,
        operator=one.who.person or None,
        subject=one.subject or None,
        entries=list(one.entries),
        count=one.count,
        first=shown_time(one.first),
        last=shown_time(one.last),
        cases=[strawberry.ID(case) for case in cases],
    )


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="auditFindings",
            resolver=audit_findings,
            description="检测规则在一段时间（至多31日）内的发现，限隐私专员、审计和监管；policies/detections.toml 载明各条规则。"
            "What the detection rules find in a range of at most 31 days, for reviewers; the rules stand in policies/detections.toml.",
        )
    ]
