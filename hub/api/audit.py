"""The log in the schema: the officer's list, checkpoint and proofs. Never a field's value."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any, cast

import strawberry
from strawberry.scalars import JSON

from hub.api.context import RequestContext
from hub.api.scalars import DateTime
from hub.audit import proofs, review
from hub.audit.entry import EntryOutcome, Kind
from hub.clock import CST
from hub.errors import InputError

Info = strawberry.Info[RequestContext, Any]
REVIEW = "AUDIT_REVIEW"
"""Purpose under which the log and its counts are read."""
_DEFAULT_PAGE = 50
_SUBJECT_PREFIX = "sub_"

strawberry.enum(EntryOutcome, name="AuditOutcome", description="操作结果。How an operation ended.")
strawberry.enum(Kind, name="AuditKind", description="操作类型。What sort of operation.")


@strawberry.type(
    description="审计记录（不含任何字段值）。One entry of the audit log; it holds no field values."
)
class AuditEntry:
    """An entry as the officer sees it."""

    index: int = strawberry.field(description="在日志中的序号。Index in the log.")
    id: strawberry.ID = strawberry.field(description="编号。Id.")
    at: DateTime = strawberry.field(description="时间。When.")
    kind: str = strawberry.field(description="操作类型。Sort of operation.")
    outcome: str = strawberry.field(description="结果。Outcome.")
    reason: str = strawberry.field(description="拒绝原因代码。Reason code when refused.")
    caller: str = strawberry.field(description="调用方。Client that called.")
    institution: str = strawberry.field(description="调用方所属机构。Institution behind it.")
    operator: str = strawberry.field(description="经办人假名。Pseudonym of the person acting.")
    purpose: str = strawberry.field(description="用途。Purpose.")
    operation: str = strawberry.field(description="操作名。Operation.")
    document: str = strawberry.field(description="查询文档哈希。Hash of the query document.")
    policy: str = strawberry.field(description="当时的规则版本。Policy revision in force.")
    subjects: list[str] = strawberry.field(description="相关主体（假名）。Subjects, as pseudonyms.")
    detail: JSON | None = strawberry.field(
        description="记录全文；被隐去或已归档时为空。The whole entry; null once withheld or archived."
    )
    archived: bool = strawberry.field(
        description="保存期满，正文已归档。Whether its time was over and the body is in the archive."
    )


@strawberry.type(description="审计记录一页。A page of the audit log.")
class AuditPage:
    """A page, newest first."""

    nodes: list[AuditEntry] = strawberry.field(description="记录，最新在前。Entries, newest first.")
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


@strawberry.input(description="筛选条件，未填不限。What to look for; what is left out does not narrow.")
class AuditFilter:
    """The officer's filter."""

    subject: str | None = strawberry.field(
        default=None,
        description="主体：统一社会信用代码、身份号码或假名。Subject: USCC, resident id or pseudonym.",
    )
    caller: str | None = strawberry.field(default=None, description="调用方。Client.")
    purpose: str | None = strawberry.field(default=None, description="用途。Purpose.")
    outcome: EntryOutcome | None = strawberry.field(default=None, description="结果。Outcome.")
    kind: Kind | None = strawberry.field(default=None, description="操作类型。Sort of operation.")
    reason: str | None = strawberry.field(default=None, description="原因代码。Reason code.")
    since: DateTime | None = strawberry.field(default=None, description="起始时间（含）。From, inclusive.")
    until: DateTime | None = strawberry.field(default=None, description="截止时间（不含）。Until, exclusive.")


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


async def audit_entries(
    info: Info,
    filter: AuditFilter | None = None,
    first: int | None = None,
    before: int | None = None,
) -> AuditPage:
    """Entries that match, newest first; for officers, auditors and regulators."""
    context = info.context
    context.require(REVIEW)
    context.audit_read = True
    size = page_size(first, context)
    wanted = _wanted(filter or AuditFilter(), context)
    found = await review.list_entries(context.services.database, wanted, limit=size + 1, before=before)
    nodes = [_entry(e) for e in found[:size]]
    return AuditPage(nodes=nodes, next_before=nodes[-1].index if len(found) > size else None)


def _wanted(asked: AuditFilter, context: RequestContext) -> review.EntryFilter:
    if not all(text.isprintable() for text in (asked.caller, asked.purpose, asked.reason) if text):
        raise InputError(
            "A filter holds control characters.",
            hint="Take them out.",
            message_zh="筛选条件含控制字符。",
        )
    return review.EntryFilter(
        subject_id=context.services.resolve_subject(asked.subject) if asked.subject else None,
        caller=asked.caller,
        purpose=asked.purpose,
        outcome=asked.outcome,
        kind=asked.kind,
        reason=asked.reason,
        since=datetime.fromisoformat(asked.since) if asked.since else None,
        until=datetime.fromisoformat(asked.until) if asked.until else None,
    )


def _entry(listed: review.ListedEntry) -> AuditEntry:
    body: dict[str, Any] = dict(listed.body or {})
    return AuditEntry(
        index=listed.index,
        id=strawberry.ID(listed.entry_id),
        at=shown_time(listed.at),
        kind=listed.kind,
        outcome=listed.outcome,
        reason=body.get("reason", ""),
        caller=listed.caller,
        institution=body.get("institution", ""),
        operator=body.get("operator", ""),
        purpose=listed.purpose,
        operation=body.get("operation", ""),
        document=body.get("document", ""),
        policy=body.get("policy", ""),
        subjects=list(listed.subjects),
        detail=cast("Any", body or None),
        archived=listed.archived,
    )


async def audit_proof(info: Info, index: int, tree_size: int | None = None) -> AuditProof:
    """Inclusion proof of an entry; proofs hold hashes only, so any caller with a token may fetch them."""
    database = info.context.services.database
    proof = await proofs.proof(database, index, tree_size)
    checkpoint = proof.checkpoint or await proofs.stored_checkpoint(database)
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
            name="auditEntries",
            resolver=audit_entries,
            description="审计记录，限隐私专员、审计和监管。The audit log, for officers, auditors and regulators.",
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
