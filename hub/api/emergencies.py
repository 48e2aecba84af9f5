"""Emergency access in the schema: an institution asks, the officer approves, ends and reviews. Never a field's value.

Whether the subject was told is for officers only: to an institution it would say that the subject is registered.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import strawberry

from hub.api.audit import REVIEW as AUDIT
from hub.api.audit import shown_time
from hub.api.context import RequestContext, held_grant
from hub.api.paging import page_size
from hub.api.scalars import USCC, Date, DateTime
from hub.audit.entry import subject_ref
from hub.clock import civil_date
from hub.emergency.case import Danger, EmergencyState, Verdict
from hub.emergency.case import Emergency as StoredEmergency
from hub.emergency.service import Asked, EmergencyService
from hub.emergency.store import Wanted
from hub.errors import IdentifierError, InputError, UnavailableError
from hub.identity.details import Grant
from hub.intake.acting import Steward

Info = strawberry.Info[RequestContext, Any]
REVIEW = "EMERGENCY_REVIEW"
"""Purpose under which emergencies are approved, ended and reviewed."""

strawberry.enum(
    Danger,
    name="EmergencyDanger",
    description="危险：LIFE 生命、HEALTH 健康、PROPERTY 财产安全。What is in danger.",
)
strawberry.enum(
    EmergencyState,
    name="EmergencyState",
    description="状态：REQUESTED 待批准、LAPSED 逾时未批、DECLINED 未批准、IN_FORCE 有效、OVER 已终止待审查、REVIEWED 已审查。How far it is.",
)
strawberry.enum(
    Verdict,
    name="EmergencyVerdict",
    description="审查结论：JUSTIFIED 成立、NOT_JUSTIFIED 不成立。What the review found.",
)


@strawberry.type(
    description="紧急查询：申请、批准、终止、审查与告知。Emergency access, from request to review."
)
class Emergency:
    """An emergency."""

    id: strawberry.ID = strawberry.field(
        description="编号；批准后即令牌 consent 一项。Id; once approved, a token names it as `consent`."
    )
    state: EmergencyState = strawberry.field(description="状态。State now.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    institution: USCC = strawberry.field(description="查询机构。Institution that may look.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as a pseudonym.")
    danger: Danger = strawberry.field(description="危险。What is in danger.")
    reason: str = strawberry.field(description="理由。Why, in words.")
    reference: str = strawberry.field(description="机构卷宗号。File number of the institution.")
    requested_at: DateTime = strawberry.field(description="申请时间。When it was requested.")
    lapses_at: DateTime = strawberry.field(
        description="申请失效时间。A request is approved before, or never."
    )
    approved_at: DateTime | None = strawberry.field(description="批准时间。When it was approved.")
    over_at: DateTime | None = strawberry.field(
        description="终止时间（可能未到）。When it ends, was ended or was declined."
    )
    uses: int = strawberry.field(description="已查询次数。Answers so far.")
    review_due_on: Date | None = strawberry.field(description="审查的最后一日。Last day of the review.")
    review_overdue: bool = strawberry.field(description="审查是否逾期。Whether the review is late.")
    reviewed_at: DateTime | None = strawberry.field(description="审查时间。When it was reviewed.")
    verdict: Verdict | None = strawberry.field(description="审查结论。What the review found.")
    verdict_words: str = strawberry.field(description="审查意见。The words of the review.")
    notice_due_on: Date | None = strawberry.field(
        description="告知主体的最后一日。Last day on which the subject is told in time."
    )
    notice_overdue: bool | None = strawberry.field(
        description="告知是否逾期，仅专员可见。Whether the notice is late; officers only."
    )
    told_at: DateTime | None = strawberry.field(
        description="告知主体的时间，仅专员可见。When the subject was told; officers only."
    )


@strawberry.type(description="紧急查询一页。A page of emergencies.")
class EmergencyPage:
    """A page, the oldest request first."""

    nodes: list[Emergency] = strawberry.field(description="最早申请在前。The oldest request first.")
    next_after: strawberry.ID | None = strawberry.field(
        description="取下一页时传给 after。Pass it as `after` for the next page."
    )


async def emergencies(
    info: Info,
    state: EmergencyState | None = None,
    overdue: bool = False,
    first: int | None = None,
    after: strawberry.ID | None = None,
) -> EmergencyPage:
    """Emergencies: an institution's own; all for officers, auditors and regulators."""
    context = info.context
    context.read_log("emergencies", state=state and state.value, overdue=overdue or None)
    size, policy = page_size(first, context), context.rules.policy
    sees_all = held_grant(policy, context.caller, REVIEW, AUDIT) is not None
    if sees_all:
        context.require(REVIEW, AUDIT)
        wanted = Wanted(state, overdue=overdue)
    else:
        grant = context.require(*_purposes(context))
        wanted = Wanted(state, context.caller.institution, (grant.purpose,), overdue)
    place = str(after) if after is not None else None
    found = await _service(context).listed(wanted, context.now, size + 1, place)
    shown = found[:size]
    return EmergencyPage(
        nodes=[_shown(one, context, sees_all=sees_all) for one in shown],
        next_after=strawberry.ID(shown[-1].emergency_id) if len(found) > size else None,
    )


async def request_emergency(
    info: Info, subject: str, danger: Danger, reason: str, reference: str
) -> Emergency:
    """Ask for access to one subject; nothing is open before somebody else approves."""
    context = info.context
    grant = context.require(*_purposes(context))
    try:
        subject_id = context.services.resolve_subject(subject)
    except IdentifierError as error:
        raise InputError(
            "This is no USCC, resident id or pseudonym of a subject.",
            hint=error.hint,
            message_zh="不是有效的统一社会信用代码、公民身份号码或主体代号。",
        ) from None
    asked = Asked(subject_id, grant.purpose, context.caller.institution, danger, reason, reference)
    done = await _service(context).request(asked, _steward(context, grant), context.rules.policy, context.now)
    return _shown(done, context)


async def approve_emergency(info: Info, id: strawberry.ID) -> Emergency:
    """Approve a request, by somebody else than who asked."""
    context = info.context
    steward = _steward(context, context.require(REVIEW))
    done = await _service(context).approve(str(id), steward, context.rules.policy, context.now)
    return _shown(done, context, sees_all=True)


async def end_emergency(info: Info, id: strawberry.ID, reason: str) -> Emergency:
    """End a grant before its time, or decline a request."""
    context = info.context
    steward = _steward(context, context.require(REVIEW))
    done = await _service(context).end(str(id), reason, steward, context.rules.policy, context.now)
    return _shown(done, context, sees_all=True)


async def review_emergency(info: Info, id: strawberry.ID, verdict: Verdict, words: str) -> Emergency:
    """Say whether a grant that is over was justified."""
    context = info.context
    steward = _steward(context, context.require(REVIEW))
    done = await _service(context).review(str(id), verdict, words, steward, context.rules.policy, context.now)
    return _shown(done, context, sees_all=True)


def _purposes(context: RequestContext) -> list[str]:
    """Purposes that rest on emergency grants."""
    return [code for code, purpose in context.rules.policy.purposes.items() if purpose.grant_required]


def _service(context: RequestContext) -> EmergencyService:
    found = context.services.emergencies
    if found is None:
        raise UnavailableError(
            "Emergency access cannot be handled here.", message_zh="此处不能办理紧急查询。"
        )
    return found


def _steward(context: RequestContext, grant: Grant) -> Steward:
    """Who acts; a person must be named.

    Raises:
        InputError: when the token names none.
    """
    caller, rules = context.caller, context.rules
    if not grant.operator:
        raise InputError(
            "Emergency access is a matter of persons, and the token names none.",
            hint='Ask for a token with "operator": the name that your institution has for the person.',
            message_zh="办理紧急查询的令牌须写明经办人（operator）。",
        )
    person = context.services.lifecycle.person(caller.institution, grant.operator)
    return Steward(
        caller.client.client_id, caller.institution, person, rules.policy.revision, rules.catalog.revision
    )


def _shown(one: StoredEmergency, context: RequestContext, *, sees_all: bool = False) -> Emergency:
    today = civil_date(context.now)
    return Emergency(
        id=strawberry.ID(one.emergency_id),
        state=one.state,
        purpose=one.purpose,
        institution=USCC(one.institution),
        subject=subject_ref(one.subject_id),
        danger=one.danger,
        reason=one.reason,
        reference=one.reference,
        requested_at=shown_time(one.requested_at),
        lapses_at=shown_time(one.lapses_at),
        approved_at=shown_time(one.approved_at) if one.approved_at else None,
        over_at=shown_time(one.over_at) if one.over_at else None,
        uses=one.uses,
        review_due_on=Date(one.review_by.isoformat()) if one.review_by else None,
        review_overdue=one.review_overdue(today),
        reviewed_at=shown_time(one.reviewed_at) if one.reviewed_at else None,
        verdict=one.verdict,
        verdict_words=one.verdict_words,
        notice_due_on=Date(one.tell_by.isoformat()) if one.tell_by else None,
        notice_overdue=one.notice_overdue(today) if sees_all else None,
        told_at=shown_time(one.told_at) if sees_all and one.told_at else None,
    )


_MUTATIONS: tuple[tuple[str, Callable[..., Any], str], ...] = (
    (
        "requestEmergency", request_emergency,
        "紧急情况下申请查询一名主体，须写明危险、理由和卷宗号，由另一人批准后方可查询。"
        "Ask for access to one subject in an emergency; nothing is open before another person approves.",
    ),
    (
        "approveEmergency", approve_emergency,
        "批准紧急查询，限专员，不得由申请人批准；立即生效，限时限次。"
        "Approve, by an officer who did not ask; in force at once, for some hours and uses.",
    ),
    (
        "endEmergency", end_emergency,
        "提前终止紧急查询，或不予批准，限专员。End a grant before its time, or decline a request; by an officer.",
    ),
    (
        "reviewEmergency", review_emergency,
        "审查已终止的紧急查询，限未参与申请与批准的专员。"
        "Review a grant that is over, by an officer who neither asked nor approved.",
    ),
)  # fmt: skip


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="emergencies",
            resolver=emergencies,
            description="紧急查询，最早申请在前；机构看本机构的，专员、审计和监管看全部。overdue：只看逾期未审查的。"
            "Emergencies, the oldest request first: an institution's own; all for officers, auditors and regulators. "
            "`overdue`: only those whose review is late.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(name=name, resolver=resolver, description=description)
        for name, resolver, description in _MUTATIONS
    ]
