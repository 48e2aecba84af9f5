"""The register of subjects in the schema, for operators: merges that can be undone, and the review of names.

Operators see pseudonyms, and of organisations the names that sources write and registrations give, which are public;
of persons nothing comes here. Each act is one transaction with its entry; the list of names is a read of its own and
names in its entry whom it showed.
"""

from __future__ import annotations

import re
from typing import Any

import strawberry

from hub.api.audit import shown_time
from hub.api.context import RequestContext
from hub.api.paging import page_size
from hub.api.scalars import USCC, DateTime
from hub.errors import IdentifierError, InputError
from hub.identity.details import pseudonym
from hub.intake.acting import Steward
from hub.intake.name_index import Candidate
from hub.intake.names import Why
from hub.intake.review import MatchCase
from hub.intake.subject_merges import MergeReason, MergeState, SubjectMerge

Info = strawberry.Info[RequestContext, Any]
_OPERATION = "OPERATION"
_CASE = re.compile(r"mc_([0-9a-f]{32})")

strawberry.enum(MergeState, name="SubjectMergeState", description="主体合并的状态。How far a merge is.")
strawberry.enum(MergeReason, name="SubjectMergeReason", description="合并理由。Why two subjects are one.")
strawberry.enum(Why, name="MatchReason", description="候选理由：同名、主干相同、相似。Why a candidate.")


@strawberry.type(
    name="SubjectMerge",
    description="主体合并：一方的旧代码改指另一方，可撤销。Legacy codes of one subject lead to another; can be undone.",
)
class Merge:
    """A merge."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    losing: str = strawberry.field(description="被并主体（假名）。Losing subject, as pseudonym.")
    winning: str = strawberry.field(description="存续主体（假名）。Winning subject, as pseudonym.")
    state: MergeState = strawberry.field(description="状态。State.")
    reason: MergeReason = strawberry.field(description="理由。Reason.")
    records: int = strawberry.field(
        description="经合并改归的记录数；撤销后由信源更正。Records that came through it; for the source to correct once undone."
    )
    proposed_at: DateTime = strawberry.field(description="提出时间。When it was proposed.")
    moved_at: DateTime = strawberry.field(description="最近一步时间。When it moved last.")


@strawberry.type(description="候选组织。An organisation that a name may mean.")
class MatchCandidate:
    """A candidate."""

    subject: str = strawberry.field(description="主体（假名）。Subject, as pseudonym.")
    name: str = strawberry.field(description="登记名称。Registered name.")
    score: int = strawberry.field(description="相似度0至100。Score, 0 to 100.")
    why: Why = strawberry.field(description="理由。Why.")
    former: bool = strawberry.field(description="是否曾用名。Whether it is a former name.")


@strawberry.type(
    name="MatchCase", description="无代码的组织数据行，待人工比对。A row of an organisation without a code."
)
class Case:
    """A case."""

    id: strawberry.ID = strawberry.field(description="编号。Id.")
    dataset: str = strawberry.field(description="信息项。Dataset.")
    source_unit: USCC = strawberry.field(description="信源单位。Source unit.")
    batch: str = strawberry.field(description="批次。Batch.")
    row: int = strawberry.field(description="文件行号。Row in its file.")
    name: str = strawberry.field(description="来源所写名称。Name as the source wrote it.")
    opened_at: DateTime = strawberry.field(description="提出时间。When it was opened.")
    candidates: list[MatchCandidate] = strawberry.field(
        description="候选，最可能者在前。Candidates, the likeliest first."
    )


async def match_cases(info: Info, source_unit: USCC | None = None, first: int | None = None) -> list[Case]:
    """Rows without a code that wait for a person, the oldest first."""
    context = info.context
    context.require(_OPERATION)
    size = page_size(first, context)
    found = await context.services.steering.matches.waiting(size, str(source_unit) if source_unit else None)
    context.opened(len(found))
    for subject_id in sorted({c.subject_id for case in found for c in case.candidates}):
        context.did(subject_id)
    return [_case(case) for case in found]


async def accept_match(info: Info, id: strawberry.ID, subject: strawberry.ID) -> bool:
    """Say whose a row is; the spelling is remembered for its source."""
    context = info.context
    steward = _steward(context)
    matches, catalog = context.services.steering.matches, context.rules.catalog
    await matches.accept(_case_id(id), _subject(context, subject), steward, catalog, context.now)
    return True


async def reject_match(info: Info, id: strawberry.ID) -> bool:
    """Say that a row is none of the candidates'."""
    context = info.context
    await context.services.steering.matches.reject(_case_id(id), _steward(context), context.now)
    return True


async def subject_merges(info: Info, first: int | None = None) -> list[Merge]:
    """Merges, the one that moved last first."""
    context = info.context
    context.require(_OPERATION, "AUDIT_REVIEW")
    found = await context.services.steering.merges.all(page_size(first, context))
    for merge in found:
        context.did(merge.losing)
    return [_merge(merge) for merge in found]


async def propose_subject_merge(
    info: Info, losing: strawberry.ID, winning: strawberry.ID, reason: MergeReason
) -> Merge:
    """Propose that the legacy codes of one organisation lead to another."""
    context = info.context
    steward = _steward(context)
    ids = _subject(context, losing), _subject(context, winning)
    return _merge(await context.services.steering.merges.propose(*ids, reason, steward, context.now))


async def confirm_subject_merge(info: Info, id: strawberry.ID) -> Merge:
    """Confirm what another person has proposed."""
    context = info.context
    return _merge(await context.services.steering.merges.confirm(str(id), _steward(context), context.now))


async def propose_undo_of_merge(info: Info, id: strawberry.ID) -> Merge:
    """Propose to undo a merge."""
    context = info.context
    return _merge(
        await context.services.steering.merges.propose_undo(str(id), _steward(context), context.now)
    )


async def refuse_subject_merge(info: Info, id: strawberry.ID) -> Merge:
    """Drop a proposal."""
    context = info.context
    return _merge(await context.services.steering.merges.refuse(str(id), _steward(context), context.now))


def query_fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="matchCases",
            resolver=match_cases,
            description="待人工比对的无代码组织数据，限运维。Rows of organisations without a code, for operators.",
        ),
        strawberry.field(
            name="subjectMerges",
            resolver=subject_merges,
            description="主体合并，限运维和审查角色。Merges of subjects, for operators and reviewers.",
        ),
    ]


def mutation_fields() -> list[Any]:
    """The mutation fields of this module."""
    return [
        strawberry.mutation(
            name="acceptMatch",
            resolver=accept_match,
            description="确认数据行所属组织；该来源的此种写法今后照此办理。Say whose a row is; the spelling is remembered for its source.",
        ),
        strawberry.mutation(
            name="rejectMatch",
            resolver=reject_match,
            description="否定全部候选。Say that a row is none of the candidates'.",
        ),
        strawberry.mutation(
            name="proposeSubjectMerge",
            resolver=propose_subject_merge,
            description="提议合并主体，须由另一人确认。Propose a merge; another person confirms it.",
        ),
        strawberry.mutation(
            name="confirmSubjectMerge",
            resolver=confirm_subject_merge,
            description="确认合并或撤销，须与提议人不同。Confirm a merge or its undoing; not the person who proposed it.",
        ),
        strawberry.mutation(
            name="proposeUndoOfSubjectMerge",
            resolver=propose_undo_of_merge,
            description="提议撤销合并，须由另一人确认。Propose to undo a merge; another person confirms it.",
        ),
        strawberry.mutation(
            name="refuseSubjectMerge", resolver=refuse_subject_merge, description="驳回提议。Drop a proposal."
        ),
    ]


def _steward(context: RequestContext) -> Steward:
    grant = context.require(_OPERATION)
    caller, rules = context.caller, context.rules
    person = context.services.lifecycle.person(caller.institution, grant.operator)
    return Steward(
        caller.client.client_id, caller.institution, person, rules.policy.revision, rules.catalog.revision
    )


def _subject(context: RequestContext, text: str) -> bytes:
    try:
        return context.services.resolve_subject(str(text))
    except IdentifierError as error:
        raise InputError(
            "This is no identifier of a subject.", hint=error.hint, message_zh="不是有效的主体标识。"
        ) from None


def _case_id(text: str) -> bytes:
    found = _CASE.fullmatch(str(text))
    if found is None:
        raise InputError(
            "The id of a case is `mc_` and 32 hexadecimal digits.",
            hint="Take it from `matchCases`.",
            message_zh="比对编号格式不正确。",
        )
    return bytes.fromhex(found[1])


def _merge(merge: SubjectMerge) -> Merge:
    return Merge(
        id=strawberry.ID(merge.merge_id), losing=pseudonym(merge.losing), winning=pseudonym(merge.winning),
        state=merge.state, reason=merge.reason, records=merge.records, proposed_at=shown_time(merge.proposed_at),
        moved_at=shown_time(merge.moved_at),
    )  # fmt: skip


def _case(case: MatchCase) -> Case:
    return Case(
        id=strawberry.ID(f"mc_{case.case_id.hex()}"), dataset=case.dataset, source_unit=USCC(case.source_unit),
        batch=case.batch_id, row=case.row, name=case.name, opened_at=shown_time(case.opened_at),
        candidates=[_candidate(c) for c in case.candidates],
    )  # fmt: skip


def _candidate(found: Candidate) -> MatchCandidate:
    return MatchCandidate(
        subject=pseudonym(found.subject_id),
        name=found.name,
        score=found.score,
        why=found.why,
        former=found.former,
    )
