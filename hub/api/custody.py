"""Withdrawal, shielding and extension in the schema: acts of the unit that answers for a record."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from typing import Any

import strawberry

from hub.api.acting import handler_acting, moment_of, record_named, subject_acting
from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.lifecycle import Case, case_done, show_case
from hub.api.paging import decode_cursor, encode_cursor, foreign_cursor, page_size
from hub.api.scalars import Date, DateTime
from hub.identity.details import pseudonym
from hub.lifecycle.case import ExtensionReason, LiftReason, RecordName, WithdrawalGround
from hub.lifecycle.holds import START, Hold, HoldKind
from hub.lifecycle.shield import Ruling
from hub.lifecycle.withdrawal import FallenDecision

Info = strawberry.Info[RequestContext, Any]
_JUDICIAL = "judicial_body"
_CURSOR = re.compile(r"(\d{4}-\d\d-\d\d)/(h_[A-Za-z0-9_-]{1,64})")

strawberry.enum(HoldKind, name="HoldKind", description="保全事由：诉讼或调查。Why a record is held.")
strawberry.enum(
    WithdrawalGround,
    name="WithdrawalGround",
    description="撤下事由：决定被撤销、变更、确认违法或确认无效。What became of the decision.",
)
strawberry.enum(ExtensionReason, name="ExtensionReason", description="延长办理的理由。Why it takes longer.")
strawberry.enum(LiftReason, name="ShieldLiftReason", description="解除屏蔽的理由。Why a shield ends.")


@strawberry.input(
    description="主体报告：认定该记录的决定已被撤销或变更。The subject reports that a decision fell."
)
class FallenDecisionInput:
    """What a subject reports."""

    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    ground: WithdrawalGround = strawberry.field(description="事由。What became of the decision.")
    document: str = strawberry.field(description="文书文号。Number of the document.")
    document_date: Date = strawberry.field(
        description="文书日期，期限自此起算。Its day; the limit begins there."
    )


@strawberry.input(description="撤下记录。A withdrawal.")
class WithdrawalInput:
    """What a unit withdraws, and why."""

    subject: str = strawberry.field(description="主体标识或假名。USCC, resident id or pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    ground: WithdrawalGround = strawberry.field(description="事由。What became of the decision.")
    document: str = strawberry.field(description="撤销或变更文书文号。Number of the document.")
    document_date: Date = strawberry.field(
        description="文书日期，期限自此起算。Its day; the limit begins there."
    )


@strawberry.input(description="重整屏蔽裁定。A court's ruling to shield a record.")
class ShieldInput:
    """A ruling about one record."""

    subject: str = strawberry.field(description="主体标识或假名。USCC, resident id or pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    ruling: str = strawberry.field(description="裁定书文号。Number of the ruling.")
    review_on: Date = strawberry.field(description="复核日。Day on which the plan is looked at again.")


@strawberry.type(description="保全：记录不删除、不归档。A hold: the record is neither deleted nor archived.")
class RecordHold:
    """A hold on a record."""

    id: strawberry.ID = strawberry.field(description="保全编号。Id.")
    kind: HoldKind = strawberry.field(description="事由。Why.")
    reference: str = strawberry.field(description="案件编号。Number of the case that needs the record.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    review_on: Date | None = strawberry.field(description="复核日。Day of review, if any.")
    overdue: bool = strawberry.field(description="是否到复核日。Whether its day of review has come.")
    placed_at: DateTime = strawberry.field(description="起始时间。When it was placed.")
    released_at: DateTime | None = strawberry.field(description="解除时间。When it was released.")


@strawberry.input(description="保全记录。A hold to be placed.")
class HoldInput:
    """A hold to be placed."""

    subject: str = strawberry.field(description="主体标识或假名。USCC, resident id or pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    kind: HoldKind = strawberry.field(description="事由。Why.")
    reference: str = strawberry.field(description="案件编号。Number of the case that needs the record.")
    review_on: Date | None = strawberry.field(
        default=None, description="复核日。Day on which somebody looks whether it is still needed."
    )


@strawberry.type(description="有效的保全。Holds in force.")
class HoldPage:
    """A page of holds, the next day of review first."""

    nodes: list[RecordHold] = strawberry.field(
        description="保全，最早复核者在前。Holds, the next day of review first, those without last."
    )
    next_after: str | None = strawberry.field(
        description="取下一页时传给 after。Pass it as `after` for the next page."
    )


async def hold_record(info: Info, input: HoldInput) -> RecordHold:
    """Hold a record."""
    context = info.context
    actor = handler_acting(context)
    name = _named(context, input.subject, input.dataset, input.record)
    holds = context.services.lifecycle.holds
    review_on = date.fromisoformat(input.review_on) if input.review_on else None
    return _hold(
        context,
        await holds.place(name, input.kind, input.reference, actor, moment_of(context), review_on),
    )


async def release_hold(info: Info, id: strawberry.ID) -> RecordHold:
    """Release a hold."""
    context = info.context
    actor = handler_acting(context)
    return _hold(context, await context.services.lifecycle.holds.release(str(id), actor, moment_of(context)))


async def record_holds(
    info: Info, first: int | None = None, after: str | None = None, overdue: bool = False
) -> HoldPage:
    """Holds in force on records that the caller answers for."""
    context = info.context
    actor, size = handler_acting(context), page_size(first, context)
    holds = context.services.lifecycle.holds
    place = START if after is None else _place(after)
    found = await holds.in_force(actor, moment_of(context), size + 1, after=place, overdue=overdue)
    shown = found[:size]
    for subject_id in dict.fromkeys(hold.record.subject_id for hold in shown):
        context.did(subject_id)
    more = len(found) > size
    return HoldPage(
        nodes=[_show_hold(context, hold) for hold in shown],
        next_after=encode_cursor(*shown[-1].place) if more else None,
    )


def _place(cursor: str) -> tuple[date, str]:
    found = decode_cursor(cursor, _CURSOR)
    try:
        return date.fromisoformat(found[1]), found[2]
    except ValueError:
        raise foreign_cursor() from None


def _hold(context: RequestContext, hold: Hold) -> RecordHold:
    context.did(hold.record.subject_id)
    return _show_hold(context, hold)


def _show_hold(context: RequestContext, hold: Hold) -> RecordHold:
    return RecordHold(
        id=strawberry.ID(hold.hold_id),
        kind=hold.kind,
        reference=hold.reference,
        subject=pseudonym(hold.record.subject_id),
        dataset=hold.record.dataset,
        record=strawberry.ID("rec_" + hold.record.record_id.hex()),
        review_on=Date(hold.review_on.isoformat()) if hold.review_on else None,
        overdue=hold.overdue(moment_of(context).today),
        placed_at=shown_time(hold.placed_at),
        released_at=shown_time(hold.released_at) if hold.released_at else None,
    )


async def report_fallen_decision(info: Info, input: FallenDecisionInput) -> Case:
    """The subject reports that the decision behind a record fell."""
    context = info.context
    actor, moment = subject_acting(context), moment_of(context)
    fallen = FallenDecision(input.ground, input.document, date.fromisoformat(input.document_date))
    name = record_named(actor.subject_id, input.dataset, input.record)
    return show_case(await context.services.lifecycle.withdrawals.report(name, fallen, actor, moment), moment)


async def withdraw_record(info: Info, input: WithdrawalInput) -> Case:
    """The source unit withdraws a record."""
    context = info.context
    actor = handler_acting(context)
    name = _named(context, input.subject, input.dataset, input.record)
    fallen = FallenDecision(input.ground, input.document, date.fromisoformat(input.document_date))
    withdrawals = context.services.lifecycle.withdrawals
    return case_done(context, await withdrawals.withdraw(name, fallen, actor, moment_of(context)))


async def reject_withdrawal(info: Info, id: strawberry.ID, note: str) -> Case:
    """The source unit answers that the decision stands."""
    context = info.context
    actor = handler_acting(context)
    withdrawals = context.services.lifecycle.withdrawals
    return case_done(context, await withdrawals.reject(str(id), note, actor, moment_of(context)))


async def register_shield(info: Info, input: ShieldInput) -> Case:
    """Enter a court's ruling about a record."""
    context = info.context
    actor = handler_acting(context)
    name = _named(context, input.subject, input.dataset, input.record)
    ruling = Ruling(input.ruling, date.fromisoformat(input.review_on))
    court = _JUDICIAL in context.caller.roles
    shields = context.services.lifecycle.shields
    return case_done(context, await shields.register(name, ruling, actor, moment_of(context), court=court))


async def confirm_shield(info: Info, id: strawberry.ID, review_on: Date) -> Case:
    """Confirm a ruling; the record leaves publication."""
    context = info.context
    actor, day = handler_acting(context), date.fromisoformat(review_on)
    shields = context.services.lifecycle.shields
    return case_done(context, await shields.confirm(str(id), day, actor, moment_of(context)))


async def reject_shield(info: Info, id: strawberry.ID, note: str = "") -> Case:
    """Drop a ruling that was entered."""
    context = info.context
    actor = handler_acting(context)
    shields = context.services.lifecycle.shields
    return case_done(context, await shields.reject(str(id), note, actor, moment_of(context)))


async def review_shield(info: Info, id: strawberry.ID, review_on: Date, note: str = "") -> Case:
    """Confirm that the plan still runs."""
    context = info.context
    actor, day = handler_acting(context), date.fromisoformat(review_on)
    shields = context.services.lifecycle.shields
    return case_done(context, await shields.review(str(id), day, note, actor, moment_of(context)))


async def lift_shield(info: Info, id: strawberry.ID, reason: LiftReason, note: str = "") -> Case:
    """Lift a shield; the record is shown again by its own dates."""
    context = info.context
    actor = handler_acting(context)
    shields = context.services.lifecycle.shields
    return case_done(context, await shields.lift(str(id), reason, note, actor, moment_of(context)))


async def extend_case(info: Info, id: strawberry.ID, reason: ExtensionReason, note: str = "") -> Case:
    """Extend the time limit of a decision."""
    context = info.context
    actor = handler_acting(context)
    extensions = context.services.lifecycle.extensions
    return case_done(context, await extensions.extend(str(id), reason, note, actor, moment_of(context)))


def _named(context: RequestContext, subject: str, dataset: str, record: str) -> RecordName:
    """The record that a unit names; says nothing of whether it is there."""
    return record_named(context.services.resolve_subject(subject), dataset, record)


_MUTATIONS: tuple[tuple[str, Callable[..., Any], str], ...] = (
    (
        "reportFallenDecision", report_fallen_decision,
        "主体报告决定已被撤销或变更，数据源单位须在三个工作日内撤下。The subject reports that a decision fell; the unit must withdraw the record.",
    ),
    (
        "withdrawRecord", withdraw_record,
        "撤下决定已被撤销、变更、确认违法或无效的记录，即时停止公示，限提供记录的单位。Withdraw a record whose decision fell; it leaves publication at once.",
    ),
    (
        "rejectWithdrawal", reject_withdrawal,
        "答复报告：决定仍然有效。Answer a report: the decision stands.",
    ),
    (
        "registerShield", register_shield,
        "登记重整屏蔽裁定，须由另一人复核后生效。Enter a court's ruling; another person confirms it.",
    ),
    (
        "confirmShield", confirm_shield,
        "复核裁定，记录即时停止公示；不得由登记人复核。Confirm a ruling; the record leaves publication at once. Never by who entered it.",
    ),
    ("rejectShield", reject_shield, "不予屏蔽。Drop a ruling that was entered."),
    (
        "reviewShield", review_shield,
        "复核：重整计划仍在执行，另定复核日。The plan still runs; set the next day of review.",
    ),
    (
        "liftShield", lift_shield,
        "解除屏蔽，按原期限恢复公示。Lift a shield; the record is shown again by its own dates.",
    ),
    (
        "holdRecord", hold_record,
        "保全记录：诉讼或调查期间不删除、不归档。Hold a record; it is neither deleted nor archived.",
    ),
    ("releaseHold", release_hold, "解除保全。Release a hold."),
    (
        "extendCase", extend_case,
        "延长办理时限，仅限一次并说明理由。Extend the time limit of a decision, once, with a reason.",
    ),
)  # fmt: skip


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="recordHolds",
            resolver=record_holds,
            description="有效的保全，最早复核者在前，限数据源单位和平台运维。Holds in force, the next day of review first, for source units and the operator.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(name=name, resolver=resolver, description=description)
        for name, resolver, description in _MUTATIONS
    ]
