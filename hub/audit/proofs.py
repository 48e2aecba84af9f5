"""Proofs about the log, made later from a handful of stored hashes (`hub.audit.nodes`).

A proof in the newest tree is compared with the root of the log's state before it is given out; one in an earlier
tree is as good as the checkpoint that its holder kept.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hub.audit import nodes, store
from hub.audit.merkle import Proof, Span, consistency_spans, inclusion_spans, verify_inclusion
from hub.audit.tiles import TileTree
from hub.errors import UnavailableError, VerificationError
from hub.store.database import Database


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry stands at `index` in the tree of `size` entries."""

    index: int
    size: int
    leaf: bytes
    hashes: Proof
    checkpoint: str = ""
    """The signed note over that tree; empty for an earlier one. Whoever relies on it verifies it first."""


async def stored_checkpoint(database: Database) -> str:
    """The newest checkpoint, a signed note. Whoever relies on it verifies it first.

    Raises:
        UnavailableError: when there is no log yet, or the database is away.
    """
    async with database.connection() as connection:
        row = await store.read_state(connection)
    if row is None:
        raise _no_log()
    return row.checkpoint


async def proof(database: Database, index: int, size: int | None = None) -> InclusionProof:
    """Inclusion proof of an entry in the tree of `size` entries (default: that of the newest checkpoint).

    Raises:
        VerificationError: when there is no such entry, or the stored hashes do not fold to the log's root.
        IntegrityError: when the entries do not.
        UnavailableError: when there is no log yet, or the database is away.
    """
    head, tree, wanted = await _read(database, size, lambda whole: inclusion_spans(index, whole), index)
    try:
        leaf, hashes = tree.leaf(index), tree.roots(wanted)
        if tree.size == head.size:
            verify_inclusion(leaf, index, head.size, hashes, head.root)
    except VerificationError as error:
        raise VerificationError(
            "The stored hashes of the log do not prove this entry.",
            hint="Run `hub audit fsck`, then `hub audit verify`.",
            message_zh="日志中存储的哈希无法证明该条目。",
        ) from error
    if tree.size != head.size:
        return InclusionProof(index, tree.size, leaf, hashes)
    return InclusionProof(index, head.size, leaf, hashes, head.checkpoint)


async def consistency(database: Database, old: int, new: int) -> Proof:
    """Proof that the tree of `old` entries is the beginning of the tree of `new` entries.

    Raises:
        VerificationError: when `old` is not the smaller one, or leaf hashes are missing.
        IntegrityError: when the entries do not fold to the log's root.
        UnavailableError: when there is no log yet, or the database is away.
    """
    _, tree, wanted = await _read(database, new, lambda whole: consistency_spans(old, whole))
    return tree.roots(wanted)


async def _read(
    database: Database, size: int | None, spans: Callable[[int], Sequence[Span]], leaf: int | None = None
) -> tuple[nodes.Head, TileTree, Sequence[Span]]:
    """The log's state, the tree of `size` entries, and the ranges whose roots are wanted of it."""
    async with database.connection() as connection:
        head = await nodes.read_head(connection)
        if head is None:
            raise _no_log()
        whole = head.size if size is None else size
        wanted = spans(whole)
        if whole > head.size:
            raise VerificationError(
                "The log is not that long yet.", hint=f"It has {head.size} entries.",
                message_zh="日志尚未达到该长度。",
            )  # fmt: skip
        fresh = await nodes.integrate(connection, head)
        reads = wanted if leaf is None else [*wanted, (leaf, leaf + 1)]
        return head, await nodes.read_tree(connection, whole, reads, fresh), wanted


def _no_log() -> UnavailableError:
    return UnavailableError("There is no audit log yet.", hint="Start the hub once.")
