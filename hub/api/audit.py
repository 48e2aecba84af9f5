"""The log in the schema: checkpoint and proofs. Never a field's value."""

from __future__ import annotations

from base64 import b64encode
from datetime import datetime
from typing import Any

import strawberry

from hub.api.context import RequestContext
from hub.api.scalars import DateTime
from hub.audit import proofs
from hub.clock import CST

Info = strawberry.Info[RequestContext, Any]
REVIEW = "AUDIT_REVIEW"
"""Purpose under which the log and its counts are read."""


@strawberry.type(description="RFC 6962 包含证明。An RFC 6962 inclusion proof.")
class AuditProof:
    """Proof that an entry stands in the tree of a checkpoint."""

    index: int = strawberry.field(description="序号。Index.")
    tree_size: int = strawberry.field(description="树的大小。Size of the tree.")
    leaf_hash: str = strawberry.field(description="叶哈希，base64。Leaf hash.")
    hashes: list[str] = strawberry.field(description="证明路径，base64。Path, from leaf to root.")
    checkpoint: str = strawberry.field(description="最新的签名检查点（C2SP）。The newest signed checkpoint.")


def shown_time(at: datetime) -> DateTime:
    """An instant as the schema shows it, in China Standard Time (UTC+8)."""
    return DateTime(at.astimezone(CST).isoformat(timespec="milliseconds"))


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
