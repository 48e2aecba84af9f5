"""Use-closure in the schema: an institution lists what it has not closed and reports; officers see all. No values."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.audit import REVIEW, shown_time
from hub.api.context import RequestContext, held_grant
from hub.api.paging import page_size
from hub.api.registers import BilingualText, text
from hub.api.scalars import Date, DateTime
from hub.audit.entry import subject_ref
from hub.audit.log import AuditLog
from hub.audit.review_filter import EntryFilter
from hub.audit.use_report import Reporter, report_use
from hub.audit.uses import Use, UseFilter, UseOutcome, unclosed_uses
from hub.clock import civil_date
from hub.errors import IdentifierError, InputError, UnavailableError
from hub.identity.details import fit_reference

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(
    UseOutcome,
    name="UseOutcome",
    description="使用结果：GRANTED 准予、REFUSED 不予、ABANDONED 终止、OTHER 其他。What came of a use.",
)


@strawberry.type(description="尚未报告结果的一次使用。A use of which no report was made.")
class UnclosedUse:
    """A use that is not closed."""

    entry: strawberry.ID = strawberry.field(
        description="日志记录编号，与回执一致，报告时使用。Id of the entry, as in the receipt; `reportUse` takes it."
    )
    index: int = strawberry.field(description="在日志中的序号。Index in the log.")
    at: DateTime = strawberry.field(description="使用时间。When.")
    institution: str = strawberry.field(description="查询机构。Institution that asked.")
    caller: str = strawberry.field(description="查询系统。System that asked.")
    operator: str = strawberry.field(description="经办人假名。Pseudonym of the person who asked.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    purpose_title: BilingualText = strawberry.field(description="用途名称。Title of the purpose.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as a pseudonym.")
    due_on: Date = strawberry.field(description="报告的最后一日。Last day of the report.")
    overdue: bool = strawberry.field(description="是否逾期。Whether the report is late.")


@strawberry.type(description="尚未报告结果的使用一页。A page of unclosed uses.")
class UnclosedUses:
    """A page, oldest first."""

    nodes: list[UnclosedUse] = strawberry.field(description="最早在前。The oldest first.")
    next_after: int | None = strawberry.field(
        description="取下一页时传给 after；可能在未满一页时给出。Pass it as `after` for the next page; may come with a short page."
    )


@strawberry.type(description="已作出的使用结果报告。A report that was made.")
class UseReport:
    """A report on a use."""

    id: strawberry.ID = strawberry.field(description="报告的日志记录编号。Id of the report's own entry.")
    entry: strawberry.ID = strawberry.field(description="所报告的使用。The use it is about.")
    subjects: list[str] = strawberry.field(description="所报告的主体（假名）。Subjects, as pseudonyms.")
    outcome: UseOutcome = strawberry.field(description="结果。Outcome.")
    amends: bool = strawberry.field(description="是否更正先前的报告。Whether it replaces an earlier report.")
    at: DateTime = strawberry.field(description="报告时间。When.")


async def list_unclosed(
    info: Info,
    institution: str | None = None,
    overdue: bool = False,
    first: int | None = None,
    after: int | None = None,
) -> UnclosedUses:
    """Unclosed uses, the oldest first: of the caller's own institution, or for officers of all."""
    context = info.context
    context.audit_read = True
    policy, size = context.rules.policy, page_size(first, context)
    sought = EntryFilter.checked(institution=institution).said()
    context.read_log("unclosedUses", **sought, overdue=overdue or None, first=size)
    if held_grant(policy, context.caller, REVIEW) is not None:
        context.require(REVIEW)
        wanted = UseFilter(institution=institution, overdue=overdue)
    else:
        wanted = UseFilter(_closing(context), context.caller.institution, overdue)
    page = await unclosed_uses(
        context.services.database,
        policy,
        wanted,
        context.now,
        limit=size,
        after=-1 if after is None else after,
    )
    return UnclosedUses(nodes=[_shown(use, context) for use in page.uses], next_after=page.next_after)


def _closing(context: RequestContext) -> frozenset[str]:
    """The purposes of the token of which a report is owed.

    Raises:
        DisclosureRefusedError: PURPOSE_NOT_HELD, when there are none.
    """
    policy = context.rules.policy
    codes = [code for code, purpose in policy.purposes.items() if purpose.closure_days]
    context.require(*codes)
    return frozenset(code for code in codes if held_grant(policy, context.caller, code) is not None)


def _shown(use: Use, context: RequestContext) -> UnclosedUse:
    return UnclosedUse(
        entry=strawberry.ID(use.entry_id),
        index=use.index,
        at=shown_time(use.at),
        institution=use.institution,
        caller=use.caller,
        operator=use.operator,
        purpose=use.purpose,
        purpose_title=text(context.rules.policy.purposes[use.purpose].title),
        subject=subject_ref(use.subject_id),
        due_on=Date(use.due_on.isoformat()),
        overdue=use.overdue(civil_date(context.now)),
    )


async def report(
    info: Info, entry: strawberry.ID, outcome: UseOutcome, subject: str | None = None, reference: str = ""
) -> UseReport:
    """Report what came of a use; a further report replaces the one before."""
    context = info.context
    purposes = _closing(context)
    if reference and not fit_reference(reference):
        raise InputError(
            "`reference` is no case or file number.",
            hint="Write up to 128 printable characters, and no resident identity number.",
            message_zh="reference 应为不超过128字的案号或卷宗号，且不得含公民身份号码。",
        )
    done = await report_use(
        context.services.database, _log(context), _reporter(context, purposes), str(entry),
        _subject(context, subject), outcome, reference, context.rules.policy, context.now,
    )  # fmt: skip
    return UseReport(
        id=strawberry.ID(done.entry_id),
        entry=entry,
        subjects=[subject_ref(use.subject_id) for use in done.uses],
        outcome=outcome,
        amends=any(use.report is not None for use in done.uses),
        at=shown_time(context.now),
    )


def _reporter(context: RequestContext, purposes: frozenset[str]) -> Reporter:
    caller = context.caller
    operator = next((g.operator for g in caller.grants if g.purpose in purposes and g.operator), None)
    person = context.services.lifecycle.person(caller.institution, operator)
    return Reporter(caller.client.client_id, caller.institution, person, purposes)


def _subject(context: RequestContext, named: str | None) -> bytes | None:
    """The subject that is named; one that cannot be read is treated as one that was not shown."""
    if named is None:
        return None
    try:
        return context.services.resolve_subject(named)
    except IdentifierError:
        return b""


def _log(context: RequestContext) -> AuditLog:
    log = context.services.log
    if log is None:
        raise UnavailableError("Reports cannot be taken here.", message_zh="此处不能报告使用结果。")
    return log


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="unclosedUses",
            resolver=list_unclosed,
            description="尚未报告结果的使用，最早在前；机构看本机构的，隐私专员、审计和监管看全部。"
            "Uses of which no report was made, the oldest first: an institution's own; all for officers, auditors and regulators.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="reportUse",
            resolver=report,
            description="报告一次使用的结果，限查询机构；再次报告即为更正；不写 subject 则为该次查询的全部主体。"
            "Report what came of a use, by the institution that asked; a further report replaces the one before; "
            "without `subject`, of all subjects of the entry.",
        )
    ]
