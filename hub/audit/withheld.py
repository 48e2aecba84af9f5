"""Which bodies may be missing: those that an entry of the same log took out, by rule.

- `audit.withhold` names the entry and holds a digest of its columns; the walk compares it, because the body is no
  longer there to say what the columns must be.
- A body that is gone without such an entry was taken out by nobody who may, and so is found; and so is one that is
  there again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import asyncpg

from hub.audit.entry import Kind, read_body
from hub.errors import VerificationError

WITHHOLD = "audit.withhold"

_ACTS = """
SELECT idx, body FROM log_entry
WHERE log_id = 0 AND kind = $1 AND body IS NOT NULL AND position($2::bytea IN body) > 0 ORDER BY idx
"""
_MARK = f'"operation":"{WITHHOLD}"'.encode()


@dataclass(frozen=True, slots=True)
class Taken:
    """A body that an entry says was taken out."""

    leaf: bytes
    columns: str
    """Hex of `column_digest`."""


class Withheld:
    """What the log's entries say of missing bodies."""

    def __init__(self, taken: Mapping[int, Taken]) -> None:
        self._taken = taken

    @classmethod
    async def read(cls, connection: asyncpg.Connection) -> Withheld:
        """Read the entries that say so; none of them is verified yet."""
        taken: dict[int, Taken] = {}
        for row in await connection.fetch(_ACTS, Kind.ADMIN, _MARK):
            try:
                body = read_body(row["body"])
                detail = body["detail"]
                if body["operation"] == WITHHOLD and detail["index"] < row["idx"]:
                    taken[detail["index"]] = Taken(bytes.fromhex(detail["leaf"]), detail["columns"])
            except (VerificationError, KeyError, TypeError, ValueError):
                continue  # the walk itself says that it is no such entry
        return cls(taken)

    def taken(self, index: int) -> Taken | None:
        """What is said of the body of an entry, or None."""
        return self._taken.get(index)
