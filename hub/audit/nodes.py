"""Stored subtree roots: a proof reads a handful of hashes, however long the log is.

- `log_node` holds the roots of complete subtrees of 16, 256, 4,096 … entries; they never change. They are read like
  tiles (`hub.audit.tiles`), but 16 wide, because a proof reads and hashes a whole tile for a few of its hashes.
  The lowest tiles are the leaf hashes of the entries themselves.
- Nobody who appends writes them. Whoever proves first computes those that are missing, and stores them once the whole
  tree folds to the root of the log's state; with an account that may only read, they are used and forgotten.
- They save time and vouch for nothing: a proof holds against the signed root, or it does not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

from hub.audit.merkle import HASH_SIZE, Span
from hub.audit.tiles import Tile, TileTree, fold, split_tile, tiles_of
from hub.errors import ConfigurationError, IntegrityError, UnavailableError

Node = tuple[int, int]
"""Level and index of a subtree root."""
Nodes = Mapping[Node, bytes]

_STEP = 4
WIDTH = 1 << _STEP
"""Hashes of a full tile here."""
WORTH = 64
"""Roots of 16 entries that are stored together at least."""
_AT_ONCE = 512
"""Lowest tiles that are read together while nodes are computed."""
_HEAD = """
SELECT s.size, s.root, s.checkpoint,
  coalesce((SELECT max(n.idx) + 1 FROM log_node n WHERE n.log_id = 0 AND n.level = 1), 0) AS stored
FROM log_state s WHERE s.log_id = 0
"""
_TILES = """
SELECT CASE WHEN t.level = 0 THEN (
    SELECT string_agg(e.leaf_hash, ''::bytea ORDER BY e.idx) FROM log_entry e
    WHERE e.log_id = 0 AND e.idx >= t.first AND e.idx < t.stop)
  ELSE (
    SELECT string_agg(n.hash, ''::bytea ORDER BY n.idx) FROM log_node n
    WHERE n.log_id = 0 AND n.level = t.level AND n.idx >= t.first AND n.idx < t.stop)
  END
FROM unnest($1::int[], $2::bigint[], $3::bigint[]) WITH ORDINALITY AS t(level, first, stop, n) ORDER BY t.n
"""
_STORE = """
INSERT INTO log_node (log_id, level, idx, hash)
SELECT 0, * FROM unnest($1::int[], $2::bigint[], $3::bytea[]) ON CONFLICT DO NOTHING
"""
_READ_ONLY = (asyncpg.InsufficientPrivilegeError, asyncpg.ReadOnlySQLTransactionError)
"""An account or a transaction that may only read."""
_NOT_STORED = (*_READ_ONLY, asyncpg.SerializationError)
"""It may only read; or somebody else stored them in the meantime."""


class Head(NamedTuple):
    """The log's state, and how far subtree roots are stored."""

    size: int
    root: bytes
    checkpoint: str
    """Signed note; not verified."""
    stored: int
    """Roots of 16 entries that are stored."""


async def read_head(connection: asyncpg.Connection) -> Head | None:
    """The log's state; None: there is no log yet."""
    row = await connection.fetchrow(_HEAD)
    return Head(*row) if row else None


async def integrate(connection: asyncpg.Connection, head: Head, *, worth: int = WORTH) -> Nodes:
    """Compute the subtree roots that are missing, and store them if they are many and that is allowed.

    Args:
        connection: to the database.
        head: from `read_head`.
        worth: roots of 16 entries from which on storing is worth a transaction.

    Gives those just computed; what was not stored is not compared with the root of the state, either.

    Raises:
        IntegrityError: when the entries do not fold to the root of the log's state; nothing is stored then.
        VerificationError: when leaf hashes are missing.
    """
    missing = head.size // WIDTH - head.stored
    if missing <= 0:
        return {}
    fresh = await _compute(connection, head)
    if missing < worth:
        return fresh
    tree = await read_tree(connection, head.size, [(0, head.size)], fresh)
    if tree.root() != head.root:
        raise IntegrityError(
            "The log's entries do not fold to the root of its state.",
            hint="Run `hub audit fsck`, then `hub audit verify`.",
            message_zh="日志条目与其状态的根哈希不一致。",
        )
    await _store(connection, fresh)
    return fresh


async def read_tree(
    connection: asyncpg.Connection, size: int, spans: Sequence[Span], fresh: Nodes
) -> TileTree:
    """The tree of `size` entries, with what the roots of these ranges need; one round trip.

    Args:
        connection: to the database.
        size: entries of the tree.
        spans: ranges, each beginning where a complete subtree of its size would begin.
        fresh: what `integrate` just computed.
    """
    tiles = sorted(tiles_of(spans, size, _STEP), key=lambda tile: (tile.level, tile.index))
    read = dict(zip(tiles, await _read(connection, tiles, fresh), strict=True))
    return TileTree(size, read.__getitem__, _STEP)


async def forget(connection: asyncpg.Connection) -> None:
    """Delete all stored roots; the next proof computes them from the entries.

    Raises:
        ConfigurationError: when the account or the server may only read.
        UnavailableError: when somebody else changed them at the same time.
    """
    try:
        await connection.execute("DELETE FROM log_node WHERE log_id = 0")
    except _READ_ONLY as error:
        raise ConfigurationError(
            "The database account may only read, so stored hashes cannot be made anew.",
            hint="Run it with the account of the hub, on the primary server; nothing was changed.",
            message_zh="数据库账号只有读取权限，无法重建已存储的哈希，未作任何更改。",
        ) from error
    except asyncpg.SerializationError as error:
        raise UnavailableError(
            "Somebody else changed the stored hashes at the same time.",
            hint="Run it again; nothing was changed.",
            message_zh="已存储的哈希正被同时修改，未作任何更改，请重试。",
        ) from error


async def _compute(connection: asyncpg.Connection, head: Head) -> dict[Node, bytes]:
    fresh: dict[Node, bytes] = {}
    for first in range(head.stored, head.size // WIDTH, _AT_ONCE):
        tiles = [Tile(0, index, WIDTH) for index in range(first, min(first + _AT_ONCE, head.size // WIDTH))]
        for tile, data in zip(tiles, await _read(connection, tiles, {}), strict=True):
            fresh[1, tile.index] = fold(split_tile(tile, data))
    level, stored, count = 1, head.stored, head.size // WIDTH
    while count // WIDTH:
        stored, count = stored // WIDTH, count // WIDTH
        for first in range(stored, count, _AT_ONCE):
            tiles = [Tile(level, index, WIDTH) for index in range(first, min(first + _AT_ONCE, count))]
            for tile, data in zip(tiles, await _read(connection, tiles, fresh), strict=True):
                fresh[level + 1, tile.index] = fold(split_tile(tile, data))
        level += 1
    return fresh


async def _read(connection: asyncpg.Connection, tiles: Sequence[Tile], fresh: Nodes) -> list[bytes]:
    """The bytes of tiles, shorter where hashes are missing; of those just computed nothing is read."""
    known = [_fresh_in(tile, fresh) for tile in tiles]
    wanted = [t for t, hashes in zip(tiles, known, strict=True) if len(hashes) < t.width]
    first = [tile.index * WIDTH for tile in wanted]
    stop = [tile.index * WIDTH + tile.width for tile in wanted]
    rows: list[Any] = []
    if wanted:
        rows = await connection.fetch(_TILES, [tile.level for tile in wanted], first, stop)
    stored = {tile: row[0] or b"" for tile, row in zip(wanted, rows, strict=True)}
    return [
        stored.get(tile, b"")[: (tile.width - len(hashes)) * HASH_SIZE] + b"".join(hashes)
        for tile, hashes in zip(tiles, known, strict=True)
    ]


def _fresh_in(tile: Tile, fresh: Nodes) -> list[bytes]:
    """Those hashes of a tile that were just computed; they are its last."""
    if not fresh or tile.level == 0:
        return []
    nodes = ((tile.level, tile.index * WIDTH + n) for n in range(tile.width))
    return [fresh[node] for node in nodes if node in fresh]


async def _store(connection: asyncpg.Connection, fresh: Nodes) -> None:
    levels, indices = [level for level, _ in fresh], [index for _, index in fresh]
    try:
        async with connection.transaction():
            await connection.execute("SET LOCAL synchronous_commit = off")  # lost, they are computed again
            await connection.execute(_STORE, levels, indices, list(fresh.values()))
    except _NOT_STORED:
        pass  # the next one computes them again
