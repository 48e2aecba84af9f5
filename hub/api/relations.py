"""Declarations of avoidance in the schema: an institution declares and ends its own; reviewers see all. Pseudonyms only."""

from __future__ import annotations

from datetime import date
from typing import Any

import strawberry

from hub.api.audit import REVIEW, shown_time
from hub.api.context import RequestContext, held_grant
from hub.api.paging import page_size
from hub.api.scalars import Date, DateTime
from hub.audit.log import AuditLog
from hub.audit.relations import Declared, Declarer, Relation, declare, end, list_relations
from hub.audit.review_filter import EntryFilter
from hub.errors import UnavailableError
from hub.identity.details import Grant, person_named
from hub.policies.detections import RelationKind
from hub.policies.model import LawfulBasis, PolicySet

Info = strawberry.Info[RequestContext, Any]

strawberry.enum(
    RelationKind,
    name="RelationKind",
    description="回避关系：SELF 本人、RELATIVE 亲属、NEIGHBOUR 邻居或同住、INTEREST 其他利害关系。"
    "Why a person stands aside from a subject: itself, a relative, a neighbour or one of its household, another interest.",
)
_OWN = frozenset({LawfulBasis.SELF, LawfulBasis.PUBLIC})


@strawberry.type(description="一项回避申报（假名）。A declaration of avoidance, in pseudonyms.")
class DeclaredRelation:
    """One declaration."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    institution: str = strawberry.field(description="申报机构。Institution whose person it is.")
    operator: str = strawberry.field(description="经办人假名。Pseudonym of the person acting.")
    subject: str | None = strawberry.field(
        description="应回避的主体（假名）；机构列表中为空，以免他人得知同事的亲属。"
        "Subject, as pseudonym; null in an institution's own list, where it would tell of a colleague's family."
    )
    kind: RelationKind = strawberry.field(description="关系。Relation.")
    since: DateTime = strawberry.field(
        description="申报时间，自此生效。When it was declared; it counts from then on."
    )
    until: Date | None = strawberry.field(
        description="最后一日；空为未定。Last day; null: until it is ended."
    )
    ended_at: DateTime | None = strawberry.field(description="撤销时间。When it was ended.")


@strawberry.input(description="申报回避关系。Declare of whom a person acting must stand aside.")
class RelationInput:
    """A declaration."""

    operator: str = strawberry.field(
        description="本机构经办人，与令牌中 operator 的写法一致，不得写身份号码。"
        "The person acting, as tokens name it as `operator`; no number of a person."
    )
    subject: str = strawberry.field(
        description="主体：统一社会信用代码、身份号码或假名；是否存在不作回答。"
        "Subject: USCC, resident id or pseudonym; whether there is one is not told."
    )
    kind: RelationKind = strawberry.field(description="关系。Relation.")
    until: Date | None = strawberry.field(default=None, description="最后一日。Last day.")


async def list_declared(
    info: Info, institution: str | None = None, first: int | None = None, after: strawberry.ID | None = None
) -> list[DeclaredRelation]:
    """Declarations: of the caller's own institution, or for reviewers of all."""
    context = info.context
    size = page_size(first, context)
    reviews = held_grant(context.rules.policy, context.caller, REVIEW) is not None
    if reviews:
        context.require(REVIEW)
        whose = EntryFilter.checked(institution=institution).institution or ""
        context.read_log("declaredRelations", institution=whose, first=size)
    else:
        _acting(context)
        whose = context.caller.institution
    last = str(after) if after is not None else None
    found = await list_relations(context.services.database, whose, limit=size, after=last)
    shown = [_shown(one) for one in found]
    if not reviews:
        for one in shown:
            one.subject = None
    return shown


async def declare_relation(info: Info, input: RelationInput) -> DeclaredRelation:
    """Declare a relation of a person of the caller's own institution."""
    context = info.context
    by, log = _declarer(context), _log(context)
    services, institution = context.services, context.caller.institution
    person = services.lifecycle.person(institution, person_named(input.operator))
    until = date.fromisoformat(input.until) if input.until else None
    declared = Declared(institution, person, services.resolve_subject(input.subject), input.kind, until)
    return _shown(await declare(services.database, log, by, declared, context.now))


async def end_relation(info: Info, id: strawberry.ID) -> bool:
    """End a declaration of the caller's own institution."""
    context = info.context
    await end(context.services.database, _log(context), _declarer(context), str(id), context.now)
    return True


def _acting(context: RequestContext) -> Grant:
    """The grant of an institution that reads about others.

    Raises:
        DisclosureRefusedError: PURPOSE_NOT_HELD.
    """
    return context.require(*_reading(context.rules.policy))


def _reading(policy: PolicySet) -> list[str]:
    """Purposes for which one reads about others."""
    return [
        code
        for code, purpose in policy.purposes.items()
        if purpose.basis not in _OWN and policy.fair_use_for(code)
    ]


def _declarer(context: RequestContext) -> Declarer:
    grant, caller = _acting(context), context.caller
    person = context.services.lifecycle.person(caller.institution, grant.operator)
    return Declarer(
        caller.client.client_id, caller.institution, person, grant.purpose, context.rules.policy.revision
    )


def _log(context: RequestContext) -> AuditLog:
    log = context.services.log
    if log is None:
        raise UnavailableError("Declarations are not kept here.", message_zh="此处不能办理回避申报。")
    return log


def _shown(one: Relation) -> DeclaredRelation:
    return DeclaredRelation(
        id=strawberry.ID(one.relation_id),
        institution=one.institution,
        operator=one.person,
        subject=one.subject,
        kind=one.kind,
        since=shown_time(one.since),
        until=Date(one.until.isoformat()) if one.until else None,
        ended_at=shown_time(one.ended_at) if one.ended_at else None,
    )


def queries() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="declaredRelations",
            resolver=list_declared,
            description="回避申报（假名），最新在前，含已撤销的；机构看本机构的，隐私专员、审计和监管看全部。"
            "Declarations of avoidance, the newest first, ended ones too: an institution's own; all for reviewers.",
        )
    ]


def mutations() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="declareRelation",
            resolver=declare_relation,
            description="申报本机构经办人应回避的主体，限查询机构；被申报的主体可在台账中看到。"
            "Declare of whom a person of one's own institution must stand aside; the subject finds it in its ledger.",
        ),
        strawberry.mutation(
            name="endRelation",
            resolver=end_relation,
            description="撤销本机构的一项回避申报，须由本人以外的经办人办理。"
            "End a declaration of one's own institution, by another person than the one it is about.",
        ),
    ]
