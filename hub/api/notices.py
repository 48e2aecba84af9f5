"""Notices in the schema: the feed of a subject or a source unit, and its mark of having read one."""

from __future__ import annotations

import re
from typing import Any

import strawberry

from hub.api.acting import SELF, SUPPLY, acting, moment_of, subject_acting
from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.paging import decode_cursor, encode_cursor, page_size
from hub.api.registers import BilingualText, text
from hub.api.scalars import DateTime
from hub.audit.entry import subject_ref
from hub.lifecycle.case import Actor
from hub.lifecycle.notices import START
from hub.lifecycle.notices import Notice as StoredNotice

Info = strawberry.Info[RequestContext, Any]
_CURSOR = re.compile(r"(\d{1,18})/([A-Za-z0-9_-]{1,64})")


@strawberry.type(description="告知书。A notice.")
class Notice:
    """A notice as its recipient reads it."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    code: str = strawberry.field(description="类别，如 repair.accept。What it tells of.")
    title: BilingualText = strawberry.field(description="标题。Title.")
    text: BilingualText = strawberry.field(description="正文。Text.")
    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    dataset: str | None = strawberry.field(
        description="信息项；与记录无关的为空。Dataset of the record; null where it is about no record."
    )
    record: strawberry.ID | None = strawberry.field(description="记录标识。Id of the record, if any.")
    case: strawberry.ID | None = strawberry.field(
        description="案件或紧急查询编号。Id of the case or emergency, if any."
    )
    at: DateTime = strawberry.field(description="告知时间。When it was written.")
    read_at: DateTime | None = strawberry.field(description="签收时间。When it was first marked as read.")


@strawberry.type(description="告知书一页。A page of notices.")
class NoticePage:
    """A page, oldest first."""

    nodes: list[Notice] = strawberry.field(description="告知书，最早在前。Notices, oldest first.")
    next_since: str | None = strawberry.field(
        description="下次取用时传给 since；不会遗漏。Pass it as `since` next time; nothing is missed."
    )
    more: bool = strawberry.field(description="是否还有。Whether there is more already.")


async def notices(
    info: Info, since: str | None = None, first: int | None = None, unread: bool = False
) -> NoticePage:
    """What the caller was told after a place, oldest first."""
    context = info.context
    actor, size = _reader(context), page_size(first, context)
    after = START if since is None else _place(since)
    found = await context.services.lifecycle.notices.feed(actor, after, size + 1, unread=unread)
    context.opened(len(found))
    shown = found[:size]
    for subject_id in {notice.record.subject_id for notice in shown} - {actor.subject_id}:
        context.did(subject_id)
    cursor = encode_cursor(shown[-1].position, shown[-1].notice_id) if shown else since
    return NoticePage(nodes=[_notice(n) for n in shown], next_since=cursor, more=len(found) > size)


async def acknowledge_notice(info: Info, id: strawberry.ID) -> Notice:
    """Mark a notice as read."""
    context = info.context
    actor = _reader(context)
    moment = moment_of(context)
    notice = await context.services.lifecycle.notices.read(str(id), actor, moment.policy, moment.now)
    context.opened(1)
    if notice.record.subject_id != actor.subject_id:
        context.did(notice.record.subject_id)
    return _notice(notice)


def _reader(context: RequestContext) -> Actor:
    grant = context.require(SELF, SUPPLY)
    return subject_acting(context) if grant.purpose == SELF else acting(context, grant)


def _notice(notice: StoredNotice) -> Notice:
    return Notice(
        id=strawberry.ID(notice.notice_id),
        code=notice.code,
        title=text(notice.title),
        text=text(notice.text),
        subject=subject_ref(notice.record.subject_id),
        dataset=notice.record.dataset or None,
        record=strawberry.ID("rec_" + notice.record.record_id.hex()) if notice.record.dataset else None,
        case=strawberry.ID(notice.case_id) if notice.case_id else None,
        at=shown_time(notice.at),
        read_at=shown_time(notice.read_at) if notice.read_at else None,
    )


def _place(cursor: str) -> tuple[int, str]:
    found = decode_cursor(cursor, _CURSOR)
    return int(found[1]), found[2]


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="notices",
            resolver=notices,
            description="告知书，最早在前，限本主体和数据源单位。Notices of the subject or the source unit, oldest first.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="acknowledgeNotice",
            resolver=acknowledge_notice,
            description="签收告知书。Mark a notice as read; the first mark stays.",
        )
    ]
