"""Which bodies are gone because their time was over: an entry `audit.prune` names the range and the rule.

- It takes the entries of its range that are of its kinds, were made before its instant, and are not spared: those under
  hold, and those whose body was gone already. Nothing else may lack a body by it.
- The columns of what it took are vouched for by a digest for each block of 4,096 indices, which the walk computes anew.
- `log_pruning` points at these entries, so that lists find them without a search; the walk does not rely on it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Any

import asyncpg

from hub.audit.columns import Row, column_digest
from hub.audit.entry import Kind, read_body
from hub.clock import from_millis
from hub.errors import VerificationError

PRUNE = "audit.prune"
BLOCK = 4096
"""Indices whose columns share a digest."""

_SEARCH = """
SELECT idx, body FROM log_entry
WHERE log_id = 0 AND kind = $1 AND body IS NOT NULL AND position($2::bytea IN body) > 0 ORDER BY idx
"""
_MARK = f'"operation":"{PRUNE}"'.encode()
_POINTED = """
SELECT e.idx, e.body FROM log_pruning p JOIN log_entry e ON e.log_id = p.log_id AND e.idx = p.act
WHERE p.log_id = 0 AND e.kind = $1 AND e.body IS NOT NULL ORDER BY 1
"""
_LAST = 2**62


@dataclass(frozen=True, slots=True)
class Pruning:
    """What one such entry took."""

    act: int
    """Its index."""
    first: int
    stop: int
    kinds: frozenset[str]
    before: datetime
    spared: tuple[int, ...]
    """Begin and end of each range that was left as it was, ascending."""
    blocks: tuple[str, ...]
    """Digest of the columns of each block, hex."""

    @classmethod
    def parse(cls, act: int, detail: Mapping[str, Any]) -> Pruning:
        """What the entry says.

        Raises:
            KeyError, TypeError, ValueError: when it is no such entry.
        """
        spared, blocks = tuple(map(int, detail["spared"])), tuple(map(str, detail["blocks"]))
        first, stop = int(detail["first"]), int(detail["stop"])
        if not 0 <= first < stop <= act or len(blocks) != len(list(blocks_of(first, stop))):
            raise ValueError
        before = from_millis(detail["before"])
        return cls(act, first, stop, frozenset(detail["kinds"]), before, spared, blocks)

    def takes(self, index: int, kind: str, at: datetime) -> bool:
        """Whether it took the body of an entry."""
        return (
            self.first <= index < self.stop
            and kind in self.kinds
            and at < self.before
            and bisect_right(self.spared, index) % 2 == 0
        )


class Pruned:
    """What all such entries took; where several could have, the earliest did."""

    def __init__(self, prunings: Sequence[Pruning]) -> None:
        self._all = prunings
        self._near: tuple[int, int, tuple[Pruning, ...]] = (0, 0, ())
        """The prunings of a stretch of indices: entries are asked for in order."""

    @classmethod
    async def search(cls, connection: asyncpg.Connection) -> Pruned:
        """From the entries of the log, all of which are looked at; none of them is verified yet."""
        return cls(list(_parsed(await connection.fetch(_SEARCH, Kind.ADMIN, _MARK))))

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Pruned:
        """From those entries that `log_pruning` points at."""
        return cls(list(_parsed(await connection.fetch(_POINTED, Kind.ADMIN))))

    def __iter__(self) -> Iterator[Pruning]:
        return iter(self._all)

    def taker(self, index: int, kind: str, at: datetime) -> Pruning | None:
        """What took the body of an entry, or None."""
        low, high, near = self._near
        if not low <= index < high:
            edges = [edge for p in self._all for edge in (p.first, p.stop)]
            low = max((edge for edge in edges if edge <= index), default=0)
            high = min((edge for edge in edges if edge > index), default=_LAST)
            near = tuple(p for p in self._all if p.first <= index < p.stop)
            self._near = low, high, near
        return next((p for p in near if p.takes(index, kind, at)), None)


class ColumnCheck:
    """Computes the digests of blocks anew while entries go by."""

    def __init__(self, pruned: Pruned) -> None:
        self._pruned = pruned
        self._made: dict[tuple[int, int], Any] = {}

    def take(self, pruning: Pruning, row: Row) -> None:
        """An entry whose body was taken."""
        key = pruning.act, row["idx"] // BLOCK
        self._made.setdefault(key, sha256()).update(column_digest(row))

    def wrong(self, start: int, end: int) -> Iterator[tuple[int, int]]:
        """The blocks that lie wholly between two indices and do not have their digest."""
        empty = sha256()
        for pruning in self._pruned:
            for (low, high), told in zip(blocks_of(pruning.first, pruning.stop), pruning.blocks, strict=True):
                made = self._made.get((pruning.act, low // BLOCK), empty).hexdigest()
                if start <= low and high <= end and made != told:
                    yield low, high


def blocks_of(first: int, stop: int) -> Iterator[tuple[int, int]]:
    """The parts of a range that lie in one block each."""
    while first < stop:
        high = min(stop, (first // BLOCK + 1) * BLOCK)
        yield first, high
        first = high


def as_ranges(indices: Iterable[int]) -> list[int]:
    """Ascending indices as begin and end of each range."""
    ranges: list[int] = []
    for index in indices:
        if ranges and ranges[-1] == index:
            ranges[-1] = index + 1
        else:
            ranges += [index, index + 1]
    return ranges


def _parsed(rows: Iterable[Any]) -> Iterator[Pruning]:
    for row in rows:
        try:
            body = read_body(row["body"])
            if body["operation"] == PRUNE:
                yield Pruning.parse(row["idx"], body["detail"])
        except (VerificationError, KeyError, TypeError, ValueError):
            continue  # the walk itself says that it is no such entry
