"""Recalls in the schema: an institution's feed, its acknowledgement, and the table of what is not closed.

An institution sees its own notices only, under any purpose that it holds; a client that acts for a subject is no
recipient. The table is for officers, auditors, regulators and operators.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.paging import decode_cursor, encode_cursor, page_size
from hub.api.registers import BilingualText, text
from hub.api.scalars import USCC, DateTime
from hub.audit.entry import subject_ref
from hub.clock import from_millis
from hub.disclosure.basis import refusal
from hub.errors import InputError
from hub.model.outcome import Reason
from hub.recall.notice import Action, Cause, Notice, State, record_name
from hub.recall.service import FEED_START, LIST_START

Info = strawberry.Info[RequestContext, Any]
_REVIEWERS = ("AUDIT_REVIEW", "OPERATION")
_CURSOR = re.compile(r"(\d{1,18})/([A-Za-z0-9_-]{1,64})(?:/([0-9A-Z]{1,32}))?")

strawberry.enum(Action, name="RecallAction", description="须采取的措施。What the recipient is asked to do.")
strawberry.enum(
    State,
    name="RecallState",
    description="办理状态：OPEN 待办、OVERDUE 逾期、ESCALATED 已升级、ACKNOWLEDGED 已确认。Where a recipient stands.",
)
strawberry.enum(
    Cause, name="RecallCause", description="召回原因，不告知接收方。Why; recipients are not told."
)


@strawberry.type(
    description="召回通知：曾提供给本机构的一条记录不得再按原样使用。A recall: a record that this institution got may not be used as it was."
)
class Recall:
    """A recall as its recipient sees it."""

    id: strawberry.ID = strawberry.field(description="召回编号。Id of the recall.")
    action: Action = strawberry.field(description="须采取的措施。What is asked.")
    text: BilingualText = strawberry.field(description="措施说明。The same in words.")
    subject: str = strawberry.field(description="主体（假名，与回执一致）。Subject, as receipts name it.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    record_id: str = strawberry.field(
        description="记录标识，与查询结果一致。Id of the record, as answers show it."
    )
    first_received_at: DateTime = strawberry.field(description="首次获取时间。When it was first received.")
    last_received_at: DateTime = strawberry.field(description="最近获取时间。When it was last received.")
    issued_at: DateTime = strawberry.field(description="发出时间。When it was issued.")
    due_at: DateTime = strawberry.field(description="确认期限。Until when to acknowledge.")
    state: State = strawberry.field(description="办理状态。State.")
    acknowledged_at: DateTime | None = strawberry.field(description="确认时间。When it was acknowledged.")
    document: JSON = strawberry.field(
        description="签名的召回通知，可用公开密钥离线验证。The signed recall; verifies with the public key ring."
    )


@strawberry.type(description="召回通知一页。A page of the feed of recalls.")
class RecallPage:
    """A page, oldest first."""

    nodes: list[Recall] = strawberry.field(description="召回通知，最早在前。Recalls, oldest first.")
    next_since: str | None = strawberry.field(
        description="下次取用时传给 since；不会遗漏。Pass it as `since` next time; nothing is missed."
    )
    more: bool = strawberry.field(description="是否还有。Whether there is more already.")


@strawberry.type(description="尚未确认的召回。A recall that one recipient has not acknowledged.")
class UnclosedRecall:
    """A row of the table of unclosed recalls."""

    id: strawberry.ID = strawberry.field(description="召回编号。Id of the recall.")
    institution: USCC = strawberry.field(description="接收机构。Recipient.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    record_id: str = strawberry.field(description="记录标识。Id of the record.")
    cause: Cause = strawberry.field(description="召回原因。Why.")
    issued_at: DateTime = strawberry.field(description="发出时间。When it was issued.")
    due_at: DateTime = strawberry.field(description="确认期限。Until when to acknowledge.")
    state: State = strawberry.field(description="办理状态。State.")


@strawberry.type(description="未办结召回一页。A page of the table of unclosed recalls.")
class UnclosedPage:
    """A page, in the order of issue."""

    nodes: list[UnclosedRecall] = strawberry.field(description="按发出次序。In the order of issue.")
    next_after: str | None = strawberry.field(
        description="取下一页时传给 after。Pass it as `after` for the next page."
    )


async def recalls(
    info: Info, since: str | None = None, first: int | None = None, unanswered: bool = False
) -> RecallPage:
    """The recalls of the caller's institution after a place, oldest first."""
    context = info.context
    institution = _institution(context)
    size = page_size(first, context)
    after = FEED_START if since is None else _place(since)[:2]
    found = await context.services.recalls.feed(institution, after, size + 1, unanswered=unanswered)
    shown = found[:size]
    for subject_id in {notice.subject_id for notice in shown}:
        context.did(subject_id)
    cursor = encode_cursor(shown[-1].position, shown[-1].recall_id) if shown else since
    return RecallPage(
        nodes=[_recall(n, context.now) for n in shown], next_since=cursor, more=len(found) > size
    )


async def acknowledge_recall(info: Info, id: strawberry.ID) -> Recall:
    """Say that what a recall asks was done."""
    context = info.context
    institution = _institution(context)
    client = context.caller.client.client_id
    notice = await context.services.recalls.acknowledge(institution, str(id), client, context.now)
    context.did(notice.subject_id)
    return _recall(notice, context.now)


async def unclosed_recalls(
    info: Info, state: State = State.OPEN, first: int | None = None, after: str | None = None
) -> UnclosedPage:
    """Recalls that their recipients have not acknowledged, in the order of issue."""
    context = info.context
    context.require(*_REVIEWERS)
    if state is State.ACKNOWLEDGED:
        raise InputError(
            "An acknowledged recall is closed.",
            hint="Ask for OPEN, OVERDUE or ESCALATED.",
            message_zh="已确认的召回不在未办结之列。",
        )
    size = page_size(first, context)
    place = LIST_START if after is None else _place(after)
    found = await context.services.recalls.unclosed(context.now, least=state, after=place, limit=size + 1)
    shown = found[:size]
    for subject_id in {notice.subject_id for notice in shown}:
        context.did(subject_id)
    more = shown[-1] if len(found) > size else None
    return UnclosedPage(
        nodes=[_unclosed(n, context.now) for n in shown],
        next_after=encode_cursor(more.position, more.recall_id, more.institution) if more else None,
    )


def query_fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="recalls",
            resolver=recalls,
            description="发给本机构的召回通知，最早在前。Recalls addressed to the caller's institution, oldest first.",
        ),
        strawberry.field(
            name="unclosedRecalls",
            resolver=unclosed_recalls,
            description="未办结的召回，限隐私专员、审计、监管和运维；state 为最低滞后程度。"
            "Recalls not acknowledged, for officers, auditors, regulators and operators; `state` is the least lateness.",
        ),
    ]


def mutation_fields() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="acknowledgeRecall",
            resolver=acknowledge_recall,
            description="确认已按召回通知办理；首次确认有效。Acknowledge that a recall was carried out; the first one stays.",
        )
    ]


def _institution(context: RequestContext) -> str:
    context.require(*context.rules.policy.purposes)
    if context.caller.client.subject_id is not None:
        raise refusal(context.rules.policy, Reason.PURPOSE_NOT_HELD)
    return context.caller.institution


def _recall(notice: Notice, now: datetime) -> Recall:
    received = notice.document["received"]
    return Recall(
        id=strawberry.ID(notice.recall_id),
        action=notice.cause.action,
        text=text(notice.cause.action.text),
        subject=subject_ref(notice.subject_id),
        dataset=notice.dataset,
        record_id=record_name(notice.record_id),
        first_received_at=shown_time(from_millis(received["first"])),
        last_received_at=shown_time(from_millis(received["last"])),
        issued_at=shown_time(notice.issued_at),
        due_at=shown_time(notice.due_at),
        state=notice.state(now),
        acknowledged_at=shown_time(notice.acknowledged_at) if notice.acknowledged_at else None,
        document=cast("Any", dict(notice.document)),
    )


def _unclosed(notice: Notice, now: datetime) -> UnclosedRecall:
    return UnclosedRecall(
        id=strawberry.ID(notice.recall_id),
        institution=USCC(notice.institution),
        subject=subject_ref(notice.subject_id),
        dataset=notice.dataset,
        record_id=record_name(notice.record_id),
        cause=notice.cause,
        issued_at=shown_time(notice.issued_at),
        due_at=shown_time(notice.due_at),
        state=notice.state(now),
    )


def _place(cursor: str) -> tuple[int, str, str]:
    found = decode_cursor(cursor, _CURSOR)
    return int(found[1]), found[2], found[3] or ""
