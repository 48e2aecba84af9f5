"""Finds the entries about one subject, and says of each whether its body must be read to know what may be shown.

- They are found by their subject; indices come first, without bodies, so that a page reads no more than it shows.
- Beyond doubt is what happened so long ago that no matter of the policy keeps it any more, or speaks of no purpose that
  has such a matter. All else is doubtful, and its body decides (`hub.audit.secrecy`).
- An entry about this subject alone disclosed something of it if a part says so: in the canonical form, another
  key follows `outcome` there than in the entry as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

import asyncpg

from hub.audit.secrecy import secret_purposes
from hub.policies.model import PolicySet

_CHUNK = 256
"""Entries read by one statement."""
_CHUNK_BYTES = 4_000_000
"""An entry of a thousand subjects is megabytes long."""
_FIND = """
WITH newest AS MATERIALIZED (
SELECT idx FROM log_entry
WHERE subjects @> ARRAY[$1::bytea] AND log_id + 0 = 0 AND ($5::bigint IS NULL OR idx + 0 < $5)
  AND ($6::text IS NULL OR outcome = $6)
  AND ($7::timestamptz IS NULL OR at >= $7) AND ($8::timestamptz IS NULL OR at <= $8) {more}
ORDER BY idx DESC LIMIT $9
)
SELECT e.idx, coalesce(octet_length(body), 0) AS length, NOT {doubtful} AS sure,
  subjects <@ ARRAY[$1::bytea] AND (body IS NULL OR {told}) AS told
FROM newest JOIN log_entry e ON e.log_id = 0 AND e.idx = newest.idx ORDER BY e.idx DESC
"""
"""The sums keep the planner from reading the log by its key: entries are found by their subject."""
_DOUBTFUL = """(at >= $2 AND (purpose = ANY($3::text[])
  OR EXISTS (SELECT FROM unnest($4::bytea[]) AS said(purpose) WHERE position(said.purpose IN body) > 0)))"""
_TOLD = " OR ".join(
    f"""position(convert_to('"outcome":"DISCLOSED","{key}":', 'UTF8') IN body) > 0"""
    for key in ("predicates", "purpose", "reason")
)
_ALL = _FIND.format(doubtful=_DOUBTFUL, told=_TOLD, more="")
_IN_DOUBT = _FIND.format(doubtful=_DOUBTFUL, told=_TOLD, more=f"AND {_DOUBTFUL}")


class Candidate(NamedTuple):
    """An entry about the subject."""

    number: int
    """Its index in the log."""
    length: int
    """Bytes of its body."""
    sure: bool
    """Whether it may be shown, whatever its body says."""
    told: bool
    """Whether it is about no other subject, and disclosed something of this one."""


class About:
    """The entries about one subject, under a policy, on the day of a reading."""

    def __init__(self, subject_id: bytes, policy: PolicySet, now: datetime) -> None:
        """Whose entries.

        Args:
            subject_id: of the subject.
            policy: says what is kept from it, and for how long.
            now: the instant of the reading.
        """
        self.subject_id, self.policy = subject_id, policy
        self.secret = secret_purposes(policy)
        """The purposes of which entries may be kept from the subject."""
        longest = max((delay.days for delay in self.secret.values()), default=0)
        self._since = now - timedelta(days=1 + longest)

    async def candidates(
        self,
        connection: asyncpg.Connection,
        *,
        before: int | None = None,
        limit: int | None = None,
        outcome: str | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        doubtful: bool = False,
    ) -> list[Candidate]:
        """Entries, newest first.

        Args:
            connection: to the database.
            before: only those with a smaller index.
            limit: at most so many.
            outcome: only those with this one.
            since: first instant.
            until: last instant.
            doubtful: only those whose bodies decide whether they may be shown.
        """
        marks = [f'"purpose":"{purpose}"'.encode() for purpose in self.secret]
        found = await connection.fetch(
            _IN_DOUBT if doubtful else _ALL, self.subject_id, self._since, list(self.secret), marks,
            before, outcome, since, until, limit,
        )  # fmt: skip
        return [Candidate(*row) for row in found]


def chunks(found: Iterable[Candidate]) -> Iterator[list[int]]:
    """Their indices, in portions that are not too long to be held at once."""
    chunk: list[int] = []
    size = 0
    for candidate in found:
        if chunk and (size + candidate.length > _CHUNK_BYTES or len(chunk) == _CHUNK):
            yield chunk
            chunk, size = [], 0
        chunk.append(candidate.number)
        size += candidate.length
    if chunk:
        yield chunk
