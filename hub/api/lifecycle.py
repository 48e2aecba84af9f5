"""Repair and objection in the schema: the subject asks, the source unit and the operator handle, each sees its list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import strawberry

from hub.api.acting import (
    OPERATION,
    SELF,
    SUPPLY,
    acting,
    handler_acting,
    moment_of,
    record_named,
    subject_acting,
)
from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.scalars import Date, DateTime
from hub.identity.details import pseudonym
from hub.lifecycle.case import (
    ANNOTATING,
    CaseKind,
    CaseReason,
    CaseState,
    Event,
    ObjectionGround,
)
from hub.lifecycle.case import Case as StoredCase
from hub.lifecycle.moment import Moment
from hub.lifecycle.objection import Settlement
from hub.lifecycle.repair import Application

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(
    CaseKind,
    name="CaseKind",
    description="案件类型：信用修复、异议、撤下、重整屏蔽。Repair, objection, withdrawal or shield.",
)
strawberry.enum(CaseState, name="CaseState", description="案件状态。How far a case is.")
strawberry.enum(CaseReason, name="CaseReason", description="不予受理、不予修复或撤销修复的理由。Why not.")
strawberry.enum(ObjectionGround, name="ObjectionGround", description="异议事由。What an objection says.")
strawberry.enum(Settlement, name="ObjectionSettlement", description="异议处理结果。How it was settled.")


@strawberry.type(name="LifecycleCase", description="信用修复、异议、撤下或屏蔽案件。A case about a record.")
class Case:
    """A case."""

    id: strawberry.ID = strawberry.field(description="案件编号。Id.")
    kind: CaseKind = strawberry.field(description="类型。Kind.")
    state: CaseState = strawberry.field(description="状态。State.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    source_unit: str = strawberry.field(description="数据源单位。Source unit of the record.")
    disputed: bool = strawberry.field(
        description="该案是否使记录标注“存在异议”。Whether it marks the record as disputed."
    )
    opened_at: DateTime = strawberry.field(description="提出时间。When it was opened.")
    due_on: Date | None = strawberry.field(
        description="下一步办理的最后一日；已办结为空。Last day of the next act; null once closed."
    )
    decide_by: Date = strawberry.field(description="作出决定的最后一日。Last day of the decision.")
    overdue: bool = strawberry.field(description="是否逾期。Whether the next act is late.")
    late: bool = strawberry.field(
        description="是否逾期办结。Whether the decision was taken after its last day."
    )
    decided_at: DateTime | None = strawberry.field(description="办结时间。When it was closed.")


@strawberry.type(description="办理时写下的文字。A text written in an act.")
class WrittenText:
    """A text of an act."""

    name: str = strawberry.field(
        description="proof 证明材料、commitment 信用承诺书、statement 说明、note 答复、document 文书、ruling 裁定书。Which text."
    )
    text: str = strawberry.field(description="内容。The text.")


@strawberry.type(description="案件中的一步。An act in a case.")
class CaseEvent:
    """An act in a case."""

    number: int = strawberry.field(description="序号。Number.")
    act: str = strawberry.field(description="行为。What was done.")
    state: CaseState = strawberry.field(description="之后的状态。State afterwards.")
    at: DateTime = strawberry.field(description="时间。When.")
    institution: str = strawberry.field(description="办理单位。Institution that acted.")
    reason: str = strawberry.field(description="理由代码。Code of the reason.")
    written: list[WrittenText] = strawberry.field(
        description="文字内容，运维人员不可见。What was written; the operator does not see it."
    )


@strawberry.type(description="案卷。The file of a case.")
class CaseFile:
    """A case with its acts."""

    case: Case = strawberry.field(description="案件。The case.")
    events: list[CaseEvent] = strawberry.field(description="办理过程，最早在前。Its acts, oldest first.")


@strawberry.type(description="待办案件。Open cases.")
class DueCases:
    """Open cases, the most urgent first."""

    nodes: list[Case] = strawberry.field(description="案件，最急在前。Cases, the most urgent first.")
    more: bool = strawberry.field(description="是否还有更多。Whether there are more.")


@strawberry.input(description="信用修复申请。An application for repair.")
class RepairInput:
    """An application for repair."""

    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    proof: str = strawberry.field(
        description="义务履行完毕的证明材料编号。Number of the proof that the duty is done."
    )
    commitment: str = strawberry.field(description="信用承诺书编号。Number of the credit commitment.")
    statement: str = strawberry.field(default="", description="说明。Anything else to be said.")


@strawberry.input(description="异议申请。An objection.")
class ObjectionInput:
    """An objection."""

    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    ground: ObjectionGround = strawberry.field(description="事由。What is wrong, in a word.")
    statement: str = strawberry.field(description="异议内容。What is wrong.")


def show_case(case: StoredCase, moment: Moment) -> Case:
    """A case as the schema shows it."""
    record = case.record
    return Case(
        id=strawberry.ID(case.case_id),
        kind=case.kind,
        state=case.state,
        subject=pseudonym(record.subject_id),
        dataset=record.dataset,
        record=strawberry.ID("rec_" + record.record_id.hex()),
        source_unit=case.source_unit,
        disputed=case.state in ANNOTATING,
        opened_at=shown_time(case.opened_at),
        due_on=Date(case.due_on.isoformat()) if case.due_on else None,
        decide_by=Date(case.decide_by.isoformat()),
        overdue=case.overdue(moment.today),
        late=case.late,
        decided_at=shown_time(case.decided_at) if case.decided_at else None,
    )


def _event(event: Event, written: Mapping[str, str]) -> CaseEvent:
    return CaseEvent(
        number=event.number,
        act=event.act,
        state=event.state,
        at=shown_time(event.at),
        institution=event.institution,
        reason=event.reason,
        written=[WrittenText(name=name, text=text) for name, text in written.items()],
    )


def case_done(context: RequestContext, case: StoredCase) -> Case:
    """A case that was handled, with its subject in the audit entry."""
    context.did(case.record.subject_id)
    return show_case(case, moment_of(context))


async def apply_for_repair(info: Info, input: RepairInput) -> Case:
    """The subject applies for repair of a record."""
    context = info.context
    actor = subject_acting(context)
    name = record_named(actor.subject_id, input.dataset, input.record)
    application = Application(input.proof, input.commitment, input.statement)
    moment = moment_of(context)
    return show_case(await context.services.lifecycle.repairs.apply(name, application, actor, moment), moment)


async def object_to_record(info: Info, input: ObjectionInput) -> Case:
    """The subject objects to a record."""
    context = info.context
    actor = subject_acting(context)
    name = record_named(actor.subject_id, input.dataset, input.record)
    moment = moment_of(context)
    objections = context.services.lifecycle.objections
    return show_case(await objections.open(name, input.ground, input.statement, actor, moment), moment)


async def accept_repair(info: Info, id: strawberry.ID) -> Case:
    """Accept an application for decision."""
    context = info.context
    actor = handler_acting(context)
    repairs = context.services.lifecycle.repairs
    return case_done(context, await repairs.accept(str(id), actor, moment_of(context)))


async def decline_repair(info: Info, id: strawberry.ID, reason: CaseReason, note: str = "") -> Case:
    """Decline to decide an application."""
    context = info.context
    actor = handler_acting(context)
    repairs = context.services.lifecycle.repairs
    return case_done(context, await repairs.decline(str(id), reason, note, actor, moment_of(context)))


async def approve_repair(info: Info, id: strawberry.ID, note: str = "") -> Case:
    """Approve a repair; the record leaves publication."""
    context = info.context
    actor = handler_acting(context)
    repairs = context.services.lifecycle.repairs
    return case_done(context, await repairs.approve(str(id), note, actor, moment_of(context)))


async def reject_repair(info: Info, id: strawberry.ID, reason: CaseReason, note: str = "") -> Case:
    """Reject a repair."""
    context = info.context
    actor = handler_acting(context)
    repairs = context.services.lifecycle.repairs
    return case_done(context, await repairs.reject(str(id), reason, note, actor, moment_of(context)))


async def revoke_repair(info: Info, id: strawberry.ID, reason: CaseReason, note: str = "") -> Case:
    """Take a repair back; the record is published again."""
    context = info.context
    actor = handler_acting(context)
    repairs = context.services.lifecycle.repairs
    return case_done(context, await repairs.revoke(str(id), reason, note, actor, moment_of(context)))


async def settle_objection(info: Info, id: strawberry.ID, settlement: Settlement, note: str) -> Case:
    """Settle an objection."""
    context = info.context
    actor = handler_acting(context)
    objections = context.services.lifecycle.objections
    return case_done(context, await objections.settle(str(id), settlement, note, actor, moment_of(context)))


async def own_cases(info: Info, first: int | None = None) -> list[Case]:
    """The subject's own cases, newest first."""
    context = info.context
    subject_id = context.own_subject()
    context.did(subject_id)
    moment = moment_of(context)
    found = await context.services.lifecycle.desk.own(subject_id, page_size(first, context))
    return [show_case(case, moment) for case in found]


async def due_cases(info: Info, first: int | None = None, overdue: bool = False) -> DueCases:
    """Open cases that the caller may handle, the most urgent first."""
    context = info.context
    actor, moment, size = handler_acting(context), moment_of(context), page_size(first, context)
    found = await context.services.lifecycle.desk.due(actor, moment, size + 1, overdue=overdue)
    for subject_id in dict.fromkeys(case.record.subject_id for case in found[:size]):
        context.did(subject_id)
    return DueCases(nodes=[show_case(case, moment) for case in found[:size]], more=len(found) > size)


async def case_file(info: Info, id: strawberry.ID) -> CaseFile:
    """A case with its acts, for its subject and those who handle it."""
    context = info.context
    grant = context.require(SELF, SUPPLY, OPERATION)
    actor = subject_acting(context) if grant.purpose == SELF else acting(context, grant)
    case, events = await context.services.lifecycle.desk.file(str(id), actor)
    context.opened(sum(bool(written) for _, written in events))
    if grant.purpose != SELF:
        context.did(case.record.subject_id)
    return CaseFile(
        case=show_case(case, moment_of(context)), events=[_event(event, written) for event, written in events]
    )


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="ownCases",
            resolver=own_cases,
            description="本主体的修复和异议案件，最新在前。The subject's own cases, newest first.",
        ),
        strawberry.field(
            name="dueCases",
            resolver=due_cases,
            description="待办案件，最急在前，限数据源单位和平台运维。Open cases, the most urgent first, for source units and the operator.",
        ),
        strawberry.field(
            name="caseFile",
            resolver=case_file,
            description="案卷，限本主体和办理单位。The file of a case, for its subject and those who handle it.",
        ),
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="applyForRepair",
            resolver=apply_for_repair,
            description="申请信用修复：只需履行证明和信用承诺书。Apply for repair with a proof and a commitment, nothing else.",
        ),
        strawberry.mutation(
            name="acceptRepair",
            resolver=accept_repair,
            description="受理修复申请。Accept an application for decision.",
        ),
        strawberry.mutation(
            name="declineRepair",
            resolver=decline_repair,
            description="不予受理并说明理由。Decline to decide an application, and say why.",
        ),
        strawberry.mutation(
            name="approveRepair",
            resolver=approve_repair,
            description="准予修复，记录即时停止公示；须由受理人以外的人员决定。Approve; the record leaves publication at once. Never by who accepted it.",
        ),
        strawberry.mutation(
            name="rejectRepair",
            resolver=reject_repair,
            description="不予修复并说明理由；须由受理人以外的人员决定。Reject, and say why. Never by who accepted it.",
        ),
        strawberry.mutation(
            name="revokeRepair",
            resolver=revoke_repair,
            description="撤销以虚假材料或承诺取得的修复，恢复公示，期限重新计算。Take back a false repair; published again, periods anew.",
        ),
        strawberry.mutation(
            name="objectToRecord",
            resolver=object_to_record,
            description="对记录提出异议，即时标注。Object to a record; it is marked as disputed at once.",
        ),
        strawberry.mutation(
            name="settleObjection",
            resolver=settle_objection,
            description="处理异议并书面答复，限提供记录的单位。Settle an objection with a written answer, by the unit that supplied the record.",
        ),
    ]
