"""The log in the schema: the subject's ledger, checkpoint and proofs. Never a field's value."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.context import RequestContext
from hub.api.scalars import DateTime
from hub.audit import proofs, review
from hub.clock import CST
from hub.errors import InputError

Info = strawberry.Info[RequestContext, Any]
REVIEW = "AUDIT_REVIEW"
"""Purpose under which the log and its counts are read."""
_DEFAULT_PAGE = 50


@strawberry.type(description="信息项的披露情况。What was shown of one dataset.")
class LedgerItem:
    """One dataset in a ledger line."""

    dataset: str = strawberry.field(description="信息项。Dataset.")
    outcome: str = strawberry.field(
        description="clear 原文、masked 脱敏、generalised 概括、predicate 仅供问答、withheld 未披露。How it was shown."
    )
    fields: list[str] = strawberry.field(
        description="字段；* 表示整个信息项。Fields; * is the whole dataset."
    )


@strawberry.type(description="提出的是否问题。A yes/no question that was asked.")
class LedgerQuestion:
    """One question in a ledger line."""

    code: str = strawberry.field(description="问题代码。Code of the question.")
    threshold: str | None = strawberry.field(description="门槛代码。Code of the threshold.")
    outcome: str = strawberry.field(description="answered 已回答、refused 未回答。Whether it was answered.")


@strawberry.type(
    description="本主体的查询台账：谁、何时、为何、凭什么、看了哪些项。Who looked, when, for what, on what basis, at which items."
)
class LedgerLine:
    """One line of the subject's own ledger."""

    index: int = strawberry.field(
        description="在日志中的序号，可据此验证。Index in the log, for verification."
    )
    at: DateTime = strawberry.field(description="时间。When.")
    kind: str = strawberry.field(description="操作类型。Sort of operation.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    reason: str = strawberry.field(description="拒绝原因代码。Reason code when refused.")
    institution: str = strawberry.field(description="查询机构。Institution that asked.")
    caller: str = strawberry.field(description="查询系统。System that asked.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    operation: str = strawberry.field(description="操作名。Operation.")
    basis: JSON | None = strawberry.field(
        description="依据：授权或清单事项。Basis: consent or listed matter."
    )
    items: list[LedgerItem] = strawberry.field(description="信息项。Items.")
    records: JSON = strawberry.field(description="各信息项显示的记录数。Records shown, by dataset.")
    questions: list[LedgerQuestion] = strawberry.field(
        description="提出的是否问题（不含答案）。Yes/no questions asked, without their answers."
    )


@strawberry.type(description="台账一页。A page of the ledger.")
class LedgerPage:
    """A page, newest first."""

    nodes: list[LedgerLine] = strawberry.field(description="台账，最新在前。Lines, newest first.")
    next_before: int | None = strawberry.field(
        description="取下一页时传给 before。Pass it as `before` for the next page."
    )


@strawberry.type(description="RFC 6962 包含证明。An RFC 6962 inclusion proof.")
class AuditProof:
    """Proof that an entry stands in the tree of a checkpoint."""

    index: int = strawberry.field(description="序号。Index.")
    tree_size: int = strawberry.field(description="树的大小。Size of the tree.")
    leaf_hash: str = strawberry.field(description="叶哈希，base64。Leaf hash.")
    hashes: list[str] = strawberry.field(description="证明路径，base64。Path, from leaf to root.")
    checkpoint: str = strawberry.field(description="最新的签名检查点（C2SP）。The newest signed checkpoint.")


def page_size(first: int | None, context: RequestContext) -> int:
    """How many are wanted.

    Raises:
        InputError: when it is none or more than a page holds.
    """
    size = _DEFAULT_PAGE if first is None else first
    if not 1 <= size <= context.services.max_page:
        raise InputError(
            f"`first` must lie between 1 and {context.services.max_page}.",
            hint="Page with `before` for more.",
            message_zh=f"first 必须在 1 到 {context.services.max_page} 之间。",
        )
    return size


def shown_time(at: datetime) -> DateTime:
    """An instant as the schema shows it, in China Standard Time (UTC+8)."""
    return DateTime(at.astimezone(CST).isoformat(timespec="milliseconds"))


async def access_ledger(info: Info, first: int | None = None, before: int | None = None) -> LedgerPage:
    """What was done about the caller's own subject, newest first."""
    context = info.context
    subject_id = context.own_subject()
    context.audit_read = True
    context.did(subject_id)
    size = page_size(first, context)
    found = await review.ledger(context.services.database, subject_id, limit=size + 1, before=before)
    nodes = [_line(line) for line in found[:size]]
    return LedgerPage(nodes=nodes, next_before=nodes[-1].index if len(found) > size else None)


def _line(line: review.LedgerLine) -> LedgerLine:
    return LedgerLine(
        index=line.index,
        at=shown_time(line.at),
        kind=line.kind,
        outcome=line.outcome,
        reason=line.reason,
        institution=line.institution,
        caller=line.caller,
        purpose=line.purpose,
        operation=line.operation,
        basis=cast("Any", dict(line.basis) if line.basis else None),
        items=[
            LedgerItem(dataset=dataset, outcome=outcome, fields=list(names))
            for outcome, datasets in line.fields.items()
            for dataset, names in datasets.items()
        ],
        records=cast("Any", dict(line.records)),
        questions=[
            LedgerQuestion(code=q["code"], threshold=q["threshold"] or None, outcome=q["outcome"])
            for q in line.predicates
        ],
    )


async def audit_proof(info: Info, index: int, tree_size: int | None = None) -> AuditProof:
    """Inclusion proof of an entry; proofs hold hashes only, so any caller with a token may fetch them."""
    database = info.context.services.database
    checkpoint = await proofs.stored_checkpoint(database)
    proof = await proofs.proof(database, index, tree_size)
    return AuditProof(
        index=proof.index,
        tree_size=proof.size,
        leaf_hash=b64encode(proof.leaf).decode(),
        hashes=[b64encode(h).decode() for h in proof.hashes],
        checkpoint=checkpoint,
    )


async def audit_checkpoint(info: Info) -> str:
    """The newest signed checkpoint."""
    return await proofs.stored_checkpoint(info.context.services.database)


def fields() -> list[Any]:
    """The query fields of this module."""
    return [
        strawberry.field(
            name="accessLedger",
            resolver=access_ledger,
            description="本主体的查询台账，最新在前。The subject's own ledger, newest first.",
        ),
        strawberry.field(
            name="auditProof",
            resolver=audit_proof,
            description="审计记录的包含证明。Inclusion proof of an entry.",
        ),
        strawberry.field(
            name="auditCheckpoint",
            resolver=audit_checkpoint,
            description="最新的签名检查点。The newest signed checkpoint.",
        ),
    ]
