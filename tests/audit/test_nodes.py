"""Stored subtree roots: proofs equal to those from all leaves, from a handful of rows, and nothing to be trusted."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hub.audit import nodes
from hub.audit.merkle import Frontier, consistency_proof, inclusion_proof, leaf_hash, verify_inclusion
from hub.audit.note import Checkpoint, sign_checkpoint
from hub.audit.proofs import consistency, proof
from hub.audit.tiles import TileTree
from hub.errors import IntegrityError, VerificationError
from hub.store.database import Database

from .audit_world import NOW, ORIGIN, SIGNER, administrator

LEAVES = [leaf_hash(str(n).encode()) for n in range(68_000)]
_GROW = """
INSERT INTO log_entry (log_id, idx, leaf_hash, body, at, kind, caller, purpose, outcome, subjects, entry_id)
SELECT 0, $1 + n - 1, leaf, ''::bytea, $3, '', '', '', '', '{}', '' FROM unnest($2::bytea[]) WITH ORDINALITY AS e(leaf, n)
"""
_STATE = """
INSERT INTO log_state (log_id, origin, size, root, frontier, checkpoint, updated_at) VALUES (0, $1, $2, $3, $4, $5, $6)
ON CONFLICT (log_id) DO UPDATE SET size = excluded.size, root = excluded.root, frontier = excluded.frontier,
  checkpoint = excluded.checkpoint
"""


async def grow(database: Database, old: int, new: int) -> bytes:
    """Entries without meaning, as many as a proof may need; the root."""
    tree = Frontier.empty().extend(LEAVES[:new]).frontier
    note = sign_checkpoint(Checkpoint(ORIGIN, new, tree.root()), SIGNER)
    async with database.connection() as connection:
        await connection.execute(_GROW, old, LEAVES[old:new], NOW)
        await connection.execute(_STATE, ORIGIN, new, tree.root(), tree.encode(), note, NOW)
    return tree.root()


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Database]:
    database = await Database.open(url, pool_size=2)
    try:
        yield database
    finally:
        await database.close()


def fetch(start: int, stop: int) -> list[bytes]:
    return LEAVES[start:stop]


async def check(database: Database, size: int, *indices: int) -> None:
    for index in indices:
        made = await proof(database, index, size)
        assert made.leaf == LEAVES[index]
        assert made.hashes == inclusion_proof(index, size, fetch)
        assert await consistency(database, index, size) == consistency_proof(index, size, fetch)


def test_proofs_are_those_from_all_leaves_while_the_log_grows_past_two_levels(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            old = 0
            for size in (1, 255, 256, 257, 700, 65_535, 65_536, 68_000):
                await grow(database, old, size)
                old = size
                await check(database, size, 0, size // 3, size - 1)
            await check(database, 300, 0, 299)
            await check(database, 65_600, 256, 65_599)
            counts = await administrator(
                database_url, "SELECT level, count(*) FROM log_node GROUP BY 1 ORDER BY 1"
            )
            assert [tuple(row) for row in counts] == [(level, 68_000 // 16**level) for level in (1, 2, 3, 4)]

    asyncio.run(scenario())


def test_an_account_that_may_only_read_gets_the_same_proofs_and_stores_nothing(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            await grow(database, 0, 68_000)
            await administrator(
                database_url,
                "DROP ROLE IF EXISTS reader",
                "CREATE ROLE reader LOGIN",
                "GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader",
            )
            async with opened(database_url.replace("hub@", "reader@")) as reader:
                await check(reader, 68_000, 5, 65_999)
                await check(reader, 65_700, 5)
            assert await administrator(database_url, "SELECT FROM log_node") == []
            await administrator(database_url, "DROP OWNED BY reader", "DROP ROLE reader")

    asyncio.run(scenario())


def test_nothing_is_stored_of_entries_that_do_not_fold_to_the_signed_root(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            await grow(database, 0, 2000)
            await administrator(database_url, "UPDATE log_entry SET leaf_hash = sha256('x') WHERE idx = 20")
            with pytest.raises(IntegrityError):
                await proof(database, 700)
            assert await administrator(database_url, "SELECT FROM log_node") == []

    asyncio.run(scenario())


def test_altered_subtree_roots_prove_nothing_and_are_made_anew(database_url: str) -> None:
    async def scenario() -> None:
        async with opened(database_url) as database:
            root = await grow(database, 0, 2000)
            await proof(database, 700)
            await administrator(database_url, "UPDATE log_node SET hash = sha256('x') WHERE idx = 0")
            with pytest.raises(VerificationError, match="do not prove"):
                await proof(database, 700)
            async with database.connection() as connection:
                await nodes.forget(connection)
            made = await proof(database, 700)
            verify_inclusion(made.leaf, 700, 2000, made.hashes, root)

    asyncio.run(scenario())


def test_the_tree_around_a_part_gives_the_root_with_the_part_and_no_other() -> None:
    size = 3000
    tree = TileTree(size, lambda tile: _tile(tile.level, tile.index, tile.width))
    for start, end in ((0, 1), (7, 1025), (1024, 2048), (2999, 3000), (0, 3000)):
        part = tree.edge(start).extend(LEAVES[start:end]).frontier
        assert tree.root_with(part) == Frontier.empty().extend(LEAVES[:size]).root
        other = tree.edge(start).extend([*LEAVES[start : end - 1], LEAVES[-1]]).frontier
        assert tree.root_with(other) != tree.root_with(part)


def _tile(level: int, index: int, width: int) -> bytes:
    span = 256**level
    firsts = range(index * 256 * span, (index * 256 + width) * span, span)
    return b"".join(Frontier.empty().extend(LEAVES[f : f + span]).root for f in firsts)
