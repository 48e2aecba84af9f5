"""Marks on records in the schema: the subject's statement, and proceedings that its source unit marks."""

from __future__ import annotations

from typing import Any

import strawberry

from hub.api.acting import SUPPLY, acting, moment_of, record_named, subject_acting
from hub.api.context import RequestContext
from hub.disclosure.marks import MarkKind
from hub.identity.details import pseudonym
from hub.lifecycle.case import Actor, RecordName
from hub.lifecycle.marks import Marked

Info = strawberry.Info[RequestContext, Any]


@strawberry.type(description="记录及其现有标注。A record, and the marks that it has now.")
class MarkedRecord:
    """A record with its marks."""

    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    marks: list[MarkKind] = strawberry.field(description="现有标注，最早在前。Its marks, the oldest first.")


@strawberry.input(description="对本主体记录的声明。A statement on a record of one's own.")
class StatementInput:
    """A statement."""

    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    statement: str = strawberry.field(
        description="声明内容，最多500字，凡查询到该记录者均可见，请勿写入证件号码、电话等。At most 500 characters, read by everybody who gets the record."
    )


@strawberry.input(description="复议、诉讼期间标注。A mark of proceedings on a record.")
class LitigationInput:
    """A mark of proceedings."""

    subject: str = strawberry.field(description="主体代码或假名。Identifier or pseudonym of the subject.")
    dataset: str = strawberry.field(description="信息项。Dataset of the record.")
    record: strawberry.ID = strawberry.field(description="记录标识。Id of the record.")
    kind: MarkKind = strawberry.field(
        description="IN_RECONSIDERATION 行政复议，IN_LITIGATION 行政诉讼。Which of the two."
    )


def _own(context: RequestContext, dataset: str, record: str) -> tuple[RecordName, Actor]:
    actor = subject_acting(context)
    return record_named(actor.subject_id, dataset, record), actor


def _supplied(context: RequestContext, input: LitigationInput) -> tuple[RecordName, Actor]:
    grant = context.require(SUPPLY)
    subject_id = context.services.resolve_subject(input.subject)
    return record_named(subject_id, input.dataset, str(input.record)), acting(context, grant)


def _show(marked: Marked) -> MarkedRecord:
    name = marked.name
    return MarkedRecord(
        subject=pseudonym(name.subject_id),
        dataset=name.dataset,
        record=strawberry.ID("rec_" + name.record_id.hex()),
        marks=marked.kinds,
    )


async def state_on_record(info: Info, input: StatementInput) -> MarkedRecord:
    """The subject says something about a record."""
    context = info.context
    name, actor = _own(context, input.dataset, str(input.record))
    marks = context.services.lifecycle.marks
    return _show(await marks.state(name, input.statement, actor, moment_of(context)))


async def withdraw_statement(info: Info, dataset: str, record: strawberry.ID) -> MarkedRecord:
    """The subject takes its statement back."""
    context = info.context
    name, actor = _own(context, dataset, str(record))
    return _show(await context.services.lifecycle.marks.withdraw(name, actor, moment_of(context)))


async def mark_litigation(info: Info, input: LitigationInput) -> MarkedRecord:
    """The source unit marks proceedings."""
    context = info.context
    name, actor = _supplied(context, input)
    done = await context.services.lifecycle.marks.proceed(name, input.kind, actor, moment_of(context))
    context.did(name.subject_id)
    return _show(done)


async def clear_litigation(info: Info, input: LitigationInput) -> MarkedRecord:
    """The source unit clears the mark."""
    context = info.context
    name, actor = _supplied(context, input)
    done = await context.services.lifecycle.marks.clear(name, input.kind, actor, moment_of(context))
    context.did(name.subject_id)
    return _show(done)


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="stateOnRecord",
            resolver=state_on_record,
            description="对本主体的记录作出声明，随记录一并提供，替换原有声明。Say something about a record of one's own; it goes with the record.",
        ),
        strawberry.mutation(
            name="withdrawStatement",
            resolver=withdraw_statement,
            description="撤回声明。Take one's statement back.",
        ),
        strawberry.mutation(
            name="markLitigation",
            resolver=mark_litigation,
            description="标注处于行政复议、行政诉讼期间，限提供记录的单位。Mark proceedings, by the unit that supplied the record.",
        ),
        strawberry.mutation(
            name="clearLitigation",
            resolver=clear_litigation,
            description="复议、诉讼结束，取消标注。Clear the mark when they are over.",
        ),
    ]
