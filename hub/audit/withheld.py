"""Which bodies may be missing: those that an entry of the same log took out, by rule.

- `audit.withhold` names one entry, `audit.prune` a range of them. Both hold a digest of the columns of what they took
  out; the walk compares it, because the body is no longer there to say what the columns must be.
- A body that is gone without such an entry was taken out by nobody who may, and so is found; and so is one that is
  there again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import asyncpg

from hub.audit.columns import ColumnsDigest, Row, column_digest
from hub.audit.entry import Json, Kind, read_body
from hub.errors import VerificationError

WITHHOLD = "audit.withhold"
PRUNE = "audit.prune"

_ACTS = """
SELECT idx, body FROM log_entry WHERE log_id = 0 AND kind = $1 AND body IS NOT NULL
  AND (position($2::bytea IN body) > 0 OR position($3::bytea IN body) > 0)
ORDER BY idx
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """One body that an entry says was taken out."""

    act: int
    """Index of the entry that says so."""
    leaf: bytes
    columns: str
    """Hex of `column_digest`."""


@dataclass(slots=True)
class Pruned:
    """A range whose bodies an entry says were taken out, and what is seen of them."""

    act: int
    start: int
    end: int
    """First index behind it."""
    count: int
    """How many of them."""
    columns: str
    kept: frozenset[int]
    """Indices within the range that were left as they were."""
    seen: ColumnsDigest = field(default_factory=ColumnsDigest)

    def covers(self, index: int) -> bool:
        """Whether it took out the body of this entry."""
        return self.start <= index < self.end <= self.act and index not in self.kept

    @property
    def holds(self) -> bool:
        """Whether what was seen is what was taken out."""
        return (self.seen.count, self.seen.hex()) == (self.count, self.columns)


class Withheld:
    """What the log's entries say of missing bodies."""

    def __init__(self, taken: dict[int, Taken], pruned: Sequence[Pruned]) -> None:
        self._taken = taken
        self._pruned = sorted(pruned, key=lambda p: (p.start, p.end))

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Withheld:
        """Read the entries that say so; none of them is verified yet."""
        marks = [f'"operation":"{act}"'.encode() for act in (WITHHOLD, PRUNE)]
        taken: dict[int, Taken] = {}
        pruned: list[Pruned] = []
        for row in await connection.fetch(_ACTS, Kind.ADMIN, *marks):
            try:
                body = read_body(row["body"])
                _add(row["idx"], body["operation"], body["detail"], taken, pruned)
            except (VerificationError, KeyError, TypeError, ValueError):
                continue  # the walk itself says that it is no entry
        return cls(taken, pruned)

    def taken(self, index: int) -> Taken | None:
        """What took out the body of an entry on its own, or None."""
        return self._taken.get(index)

    def accepts(self, row: Row) -> bool:
        """Whether an entry without a body is explained; one in a pruned range is, until `failed` is asked."""
        taken = self._taken.get(row["idx"])
        if taken is not None:
            return column_digest(row).hex() == taken.columns
        found = next((p for p in self._pruned if p.covers(row["idx"])), None)
        if found is not None:
            found.seen.add(row)
        return found is not None

    def failed(self, start: int, end: int) -> Iterator[Pruned]:
        """The pruned ranges, of those that were walked as a whole, that are not as they were."""
        return (p for p in self._pruned if start <= p.start and p.end <= end and not p.holds)


def _add(
    index: int, operation: str, detail: dict[str, Json], taken: dict[int, Taken], pruned: list[Pruned]
) -> None:
    if operation == WITHHOLD:
        if detail["index"] < index:
            taken[detail["index"]] = Taken(index, bytes.fromhex(detail["leaf"]), detail["columns"])
    elif operation == PRUNE:
        said = {name: detail[name] for name in ("start", "end", "count", "columns")}
        pruned.append(Pruned(index, kept=frozenset(detail["kept"]), **said))
