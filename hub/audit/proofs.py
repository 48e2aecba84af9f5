"""Proofs about the log, computed from its stored leaf hashes.

An inclusion or consistency proof is a handful of subtree roots; each is folded from the leaf hashes of its
range, read in chunks. That takes time in the size of the tree; the receipt's own proof, made at append, does
not come this way.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hub.audit import store
from hub.audit.merkle import Frontier, Proof, Span, consistency_spans, inclusion_spans
from hub.audit.note import Checkpoint, Note
from hub.errors import UnavailableError, VerificationError
from hub.store.database import Database

_CHUNK = 50_000
_LEAVES = "SELECT leaf_hash FROM log_entry WHERE log_id = 0 AND idx >= $1 AND idx < $2 ORDER BY idx"


@dataclass(frozen=True, slots=True)
class InclusionProof:
    """That an entry stands at `index` in the tree of `size` entries."""

    index: int
    size: int
    leaf: bytes
    hashes: Proof


async def stored_checkpoint(database: Database) -> str:
    """The newest checkpoint, a signed note. Whoever relies on it verifies it first.

    Raises:
        UnavailableError: when there is no log yet, or the database is away.
    """
    async with database.connection() as connection:
        row = await store.read_state(connection)
    if row is None:
        raise UnavailableError("There is no audit log yet.", hint="Start the hub once.")
    return row.checkpoint


async def proof(database: Database, index: int, size: int | None = None) -> InclusionProof:
    """Inclusion proof of an entry in the tree of `size` entries (default: that of the newest checkpoint).

    Raises:
        VerificationError: when there is no such entry, or leaf hashes are missing.
        UnavailableError: when the database is away.
    """
    if size is None:
        size = Checkpoint.parse(Note.parse(await stored_checkpoint(database)).text).size
    spans = inclusion_spans(index, size)
    async with database.connection() as connection:
        leaf = await _root(connection, (index, index + 1))
        return InclusionProof(index, size, leaf, await _roots(connection, spans))


async def consistency(database: Database, old: int, new: int) -> Proof:
    """Proof that the tree of `old` entries is the beginning of the tree of `new` entries.

    Raises:
        VerificationError: when `old` is not the smaller one, or leaf hashes are missing.
        UnavailableError: when the database is away.
    """
    spans = consistency_spans(old, new)
    async with database.connection() as connection:
        return await _roots(connection, spans)


async def _roots(connection: Any, spans: Sequence[Span]) -> Proof:
    return tuple([await _root(connection, span) for span in spans])


async def _root(connection: Any, span: Span) -> bytes:
    start, stop = span
    frontier = Frontier.empty()
    for low in range(start, stop, _CHUNK):
        high = min(low + _CHUNK, stop)
        leaves = [row["leaf_hash"] for row in await connection.fetch(_LEAVES, low, high)]
        if len(leaves) != high - low:
            raise VerificationError("Entries are missing from the log.", hint="Run `hub audit verify`.")
        frontier = frontier.extend(leaves).frontier
    return frontier.root()
