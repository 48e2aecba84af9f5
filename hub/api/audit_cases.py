"""Review cases in the schema: officers act, auditors and regulators read. Never a value; each reading is an entry."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.audit import REVIEW, shown_time
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.reviewing import Severity, cases, officer, person
from hub.api.scalars import Date, DateTime
from hub.audit.case_model import CaseAct, CaseOrigin, ReviewCase, ReviewState
from hub.audit.cases import CaseFile, Doing, Opening
from hub.audit.entry import subject_ref
from hub.audit.watch import list_watched, watch
from hub.clock import civil_date
from hub.errors import UnavailableError

Info = strawberry.Info[RequestContext, Any]
strawberry.enum(
    CaseOrigin,
    name="AuditCaseOrigin",
    description="立案来源：检测发现、记录、投诉。From what a case was opened.",
)
strawberry.enum(
    ReviewState,
    name="AuditCaseState",
    description="案件状态：办理中、结论待确认、已结。How far a case is.",
)


@strawberry.type(description="审查案件。A review case.")
class AuditCase:
    """A case without its texts."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    origin: CaseOrigin = strawberry.field(description="来源。From what it was opened.")
    rule: str | None = strawberry.field(description="检测规则。Detection rule.")
    severity: Severity = strawberry.field(description="严重程度。How grave.")
    four_eyes: bool = strawberry.field(
        description="结论是否须另一人确认。Whether another person confirms it."
    )
    state: ReviewState = strawberry.field(description="状态。State.")
    outcome: str | None = strawberry.field(
        description="结论代码，待确认时为拟定。Outcome, proposed or concluded."
    )
    subject: str | None = strawberry.field(
        description="投诉主体（假名）。Subject that complained, as pseudonym."
    )
    entries: list[int] = strawberry.field(description="所涉记录序号。Indices of the entries it is about.")
    assignee: str | None = strawberry.field(
        description="承办人假名。Pseudonym of the reviewer who handles it."
    )
    opened_at: DateTime = strawberry.field(description="立案时间。When it was opened.")
    due_on: Date = strawberry.field(description="办理期限。Last day.")
    overdue: bool = strawberry.field(description="是否逾期。Whether it is late.")
    closed_at: DateTime | None = strawberry.field(description="结案时间。When it was closed.")


@strawberry.type(description="案件的一次办理。One act on a case.")
class AuditCaseEvent:
    """One act."""

    number: int = strawberry.field(description="序号。Number.")
    act: str = strawberry.field(description="行为。Act.")
    state: ReviewState = strawberry.field(description="其后的状态。State afterwards.")
    at: DateTime = strawberry.field(description="时间。When.")
    client: str = strawberry.field(description="系统。Client.")
    person: str = strawberry.field(description="办理人假名，只由姓名得出。Pseudonym, of the name alone.")
    outcome: str | None = strawberry.field(description="结论代码。Outcome.")
    assignee: str | None = strawberry.field(description="承办人假名。Who handles it from then on.")
    text: str = strawberry.field(description="文字。What was written.")
    entry: strawberry.ID = strawberry.field(description="该行为的日志记录编号。Id of its entry in the log.")


@strawberry.type(description="审查案件及其办理经过。A review case with its acts.")
class AuditCaseFile:
    """A case with its texts."""

    case: AuditCase = strawberry.field(description="案件。The case.")
    events: list[AuditCaseEvent] = strawberry.field(description="办理经过。Its acts, oldest first.")


@strawberry.type(description="重点关注主体。A subject of the watch list.")
class WatchedSubject:
    """A subject whose readings are pointed out."""

    subject: str = strawberry.field(description="假名。Pseudonym.")
    since: DateTime = strawberry.field(description="自何时起。Since when.")
    person: str = strawberry.field(description="列入者假名。Pseudonym of the reviewer who added it.")


@strawberry.input(
    description="立案：由检测发现、记录或投诉。Open a case from a finding, from entries or from a complaint."
)
class AuditCaseInput:
    """From what a case is opened."""

    text: str = strawberry.field(
        description="事由，不得写身份号码。Why; no number of a person may stand in it."
    )
    entries: list[int] = strawberry.field(
        default_factory=list, description="所涉记录序号，至多200个。Indices, at most 200."
    )
    rule: str | None = strawberry.field(default=None, description="发现所依的检测规则。Rule that found them.")
    complaint_of: str | None = strawberry.field(
        default=None,
        description="投诉的主体；它会在台账中看到办理。Subject that complained; its ledger shows the acts.",
    )
    severity: Severity | None = strawberry.field(
        default=None, description="严重程度，不得低于规则所定。How grave; never less than the rule says."
    )


async def list_cases(
    info: Info,
    states: list[ReviewState] | None = None,
    operator: str | None = None,
    overdue: bool = False,
    first: int | None = None,
    after: strawberry.ID | None = None,
) -> list[AuditCase]:
    """Cases, the soonest due first."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    size = page_size(first, context)
    today = civil_date(context.now)
    assignee = person(context, operator) if operator is not None else None
    said = [state.value for state in states] if states is not None else None
    context.read_log("auditCases", states=said, assignee=assignee, overdue=overdue or None, first=size)
    found = await cases(context).listed(
        states=states, assignee=assignee, overdue_on=today if overdue else None,
        after=str(after) if after is not None else None, limit=size,
    )  # fmt: skip
    return [_case(case, context) for case in found]


async def one_case(info: Info, id: strawberry.ID) -> AuditCaseFile:
    """A case with its acts."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    found = await cases(context).file(str(id))
    context.read_log("auditCase", case=found.case.case_id)
    context.opened(sum(bool(text.text) for text in found.texts))
    return AuditCaseFile(case=_case(found.case, context), events=list(_events(found)))


async def open_case(info: Info, input: AuditCaseInput) -> AuditCase:
    """Open a case."""
    context = info.context
    reviewer = officer(context)
    complained = input.complaint_of
    subject_id = context.services.resolve_subject(complained) if complained is not None else None
    opening = Opening(input.text, input.entries, input.rule, subject_id, input.severity)
    return _case(await cases(context).open(reviewer, opening, context.rules.policy, context.now), context)


async def _act(info: Info, id: strawberry.ID, doing: Doing) -> AuditCase:
    context = info.context
    reviewer = officer(context)
    done = await cases(context).act(reviewer, str(id), doing, context.rules.policy, context.now)
    return _case(done, context)


async def assign(info: Info, id: strawberry.ID, operator: str, text: str = "") -> AuditCase:
    """Give a case to a person."""
    officer(info.context)
    return await _act(info, id, Doing(CaseAct.ASSIGN, text, assignee=person(info.context, operator)))


async def comment(info: Info, id: strawberry.ID, text: str) -> AuditCase:
    """Write something into a case."""
    return await _act(info, id, Doing(CaseAct.COMMENT, text))


async def conclude(info: Info, id: strawberry.ID, outcome: str, text: str) -> AuditCase:
    """Conclude a case, or propose its conclusion where two persons must agree."""
    return await _act(info, id, Doing(CaseAct.CONCLUDE, text, outcome=outcome))


async def confirm(info: Info, id: strawberry.ID, text: str) -> AuditCase:
    """Confirm the conclusion that another person proposed."""
    return await _act(info, id, Doing(CaseAct.CONFIRM, text))


async def reject(info: Info, id: strawberry.ID, text: str) -> AuditCase:
    """Send back the conclusion that another person proposed."""
    return await _act(info, id, Doing(CaseAct.REJECT, text))


async def reopen(info: Info, id: strawberry.ID, text: str) -> AuditCase:
    """Open a closed case again."""
    return await _act(info, id, Doing(CaseAct.REOPEN, text))


async def list_watch(info: Info, first: int | None = None) -> list[WatchedSubject]:
    """The watch list."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    size = page_size(first, context)
    context.read_log("watchedSubjects", first=size)
    return [
        WatchedSubject(subject=one.subject, since=shown_time(one.since), person=one.person)
        for one in await list_watched(context.services.database, size)
    ]


async def watch_subject(info: Info, subject: str, on: bool = True) -> bool:
    """Put a subject on the watch list, or take it off."""
    context = info.context
    reviewer, log = officer(context), context.services.log
    if log is None:
        raise UnavailableError("The watch list is not kept here.", message_zh="此处不能维护关注名单。")
    subject_id = context.services.resolve_subject(subject)
    await watch(context.services.database, log, reviewer, subject_id, context.now, on=on)
    return on


def _case(case: ReviewCase, context: RequestContext) -> AuditCase:
    return AuditCase(
        id=strawberry.ID(case.case_id),
        origin=case.origin,
        rule=case.rule or None,
        severity=case.severity,
        four_eyes=case.four_eyes,
        state=case.state,
        outcome=case.outcome or None,
        subject=subject_ref(case.subject_id) if case.subject_id is not None else None,
        entries=list(case.entries),
        assignee=case.assignee or None,
        opened_at=shown_time(case.opened_at),
        due_on=Date(case.due_on.isoformat()),
        overdue=case.overdue(civil_date(context.now)),
        closed_at=shown_time(case.closed_at) if case.closed_at is not None else None,
    )


def _events(found: CaseFile) -> list[AuditCaseEvent]:
    return [
        AuditCaseEvent(
            number=event.number,
            act=event.act.value,
            state=event.state,
            at=shown_time(event.at),
            client=event.client_id,
            person=event.person,
            outcome=event.outcome or None,
            assignee=event.assignee or None,
            text=text.text,
            entry=strawberry.ID(event.entry_id),
        )
        for event, text in zip(found.events, found.texts, strict=True)
    ]


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="auditCases",
            resolver=list_cases,
            description="审查案件，先到期者在前，限隐私专员、审计和监管；operator 只列某人承办的。"
            "Review cases, the soonest due first, for reviewers; `operator` narrows to those of one person.",
        ),
        strawberry.field(
            name="auditCase",
            resolver=one_case,
            description="一个审查案件及其办理经过，限隐私专员、审计和监管。A review case with its acts, for reviewers.",
        ),
        strawberry.field(
            name="watchedSubjects",
            resolver=list_watch,
            description="重点关注名单（假名），限隐私专员、审计和监管。The watch list, for reviewers.",
        ),
    ]


_MUTATIONS = (
    ("openAuditCase", open_case, "立案，限隐私专员。Open a review case; officers only."),
    (
        "assignAuditCase",
        assign,
        "指派承办人（姓名），限隐私专员。Give a case to a person, by name; officers only.",
    ),
    ("commentAuditCase", comment, "在案件中说明，限隐私专员。Write into a case; officers only."),
    (
        "concludeAuditCase",
        conclude,
        "作出结论；须双人时为提出结论，由另一人确认。限隐私专员。"
        "Conclude a case, or propose it where another must confirm; officers only.",
    ),
    (
        "confirmAuditCase",
        confirm,
        "确认另一人提出的结论，限隐私专员。Confirm what another person proposed; officers only.",
    ),
    (
        "rejectAuditCase",
        reject,
        "退回另一人提出的结论，限隐私专员。Send back what another person proposed; officers only.",
    ),
    ("reopenAuditCase", reopen, "重新办理已结案件，限隐私专员。Open a closed case again; officers only."),
    (
        "watchSubject",
        watch_subject,
        "列入或移出重点关注名单，限隐私专员。Put a subject on the watch list, or take it off; officers only.",
    ),
)


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(name=name, resolver=resolver, description=description)
        for name, resolver, description in _MUTATIONS
    ]
