"""Openings against disclosures: does each entry state as many opened values as what it showed must have needed?

An entry that discloses names the fields that were shown, the records they were shown of, and how many sealed values
were opened. Which of those fields a record holds sealed is told by the version of the record that was stored at the
instant of the entry. So the number needed is computed again, from the stored records and not from what the process
said, and nothing is opened for it. What this proves, and what not, stands in docs/audit-review.md.

- Exact, where an operation reads each dataset by one list. One that reads a dataset by several lists with different
  fields needs fewer than the sum, which the entry cannot tell from an entry that states too few: `FEWER`.
- Statements of subjects are opened only where asked for, which entries do not say: up to as many more are explained.
- A version that came in between the instant of the request and its read may be off by its sealed fields.
- Openings behind yes/no questions are in no entry, because the caller holds it and would learn from their number.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple

import asyncpg

from hub.audit.entry import OPENED, SUBJECT_PREFIX, EntryOutcome, read_body
from hub.audit.review_filter import FieldOutcome
from hub.audit.review_read import index_range
from hub.audit.span import PAGE, Logged, Span, read_span
from hub.store.database import Database

MOST_LISTED = 1000
_SHOWN = (FieldOutcome.CLEAR, FieldOutcome.MASKED, FieldOutcome.GENERALISED)
_HELD = """
SELECT w.n, v.names, (
  SELECT count(*) FROM record_mark m
  WHERE m.subject_id = w.subject_id AND m.dataset = w.dataset AND m.record_id = w.record_id
    AND m.sealed IS NOT NULL AND m.since <= w.at AND (m.ended_at IS NULL OR m.ended_at > w.at)
) AS statements
FROM unnest($1::bytea[], $2::text[], $3::bytea[], $4::timestamptz[])
  WITH ORDINALITY AS w(subject_id, dataset, record_id, at, n)
CROSS JOIN LATERAL (
  SELECT version, array(SELECT json_object_keys(sealed)) AS names FROM record r
  WHERE r.subject_id = w.subject_id AND r.dataset = w.dataset AND r.record_id = w.record_id AND r.received_at <= w.at
  UNION ALL
  SELECT version, array(SELECT json_object_keys(sealed)) FROM record_history h
  WHERE h.subject_id = w.subject_id AND h.dataset = w.dataset AND h.record_id = w.record_id
    AND h.received_at <= w.at AND h.replaced_at > w.at
  ORDER BY version DESC LIMIT 1
) v
"""


class Misfit(StrEnum):
    """Why an entry does not state what it needed."""

    MORE = "MORE"
    """More values were opened than what was shown explains."""
    FEWER = "FEWER"
    """Fewer; unless the operation read a dataset by several lists with different fields, they were not counted."""
    SEVERAL_LISTS = "SEVERAL_LISTS"
    """Fewer, and a record stands in it twice: a dataset was read by several lists, which explains it."""
    NOT_SHOWN = "NOT_SHOWN"
    """Values were opened, and all or some of it was taken back before it left: the entry's reason says why."""


@dataclass(frozen=True, slots=True)
class Finding:
    """An entry that does not fit."""

    index: int
    misfit: Misfit
    stated: int
    needed: int
    """Without statements."""
    reason: str


@dataclass
class Equation:
    """What was found over a range of entries."""

    entries: int = 0
    """Entries that state openings or disclose."""
    stated: int = 0
    """Openings that they state."""
    needed: int = 0
    """Openings that what they showed needed."""
    statements: int = 0
    """Openings explained by statements that may have been asked for."""
    jobs: dict[str, int] = field(default_factory=dict)
    """Openings outside the gate, by the act or operation that states them."""
    withheld: int = 0
    """Entries whose body is withheld; nothing can be said of them."""
    unknown: int = 0
    """Entries that show records which are not stored any more; they were not compared."""
    findings: list[Finding] = field(default_factory=list)
    """At most 1,000."""
    left_out: int = 0
    """Findings beyond that."""

    @property
    def holds(self) -> bool:
        """Whether no entry states more or fewer than it needed, but for those that say why."""
        explained = (Misfit.NOT_SHOWN, Misfit.SEVERAL_LISTS)
        return not self.left_out and all(finding.misfit in explained for finding in self.findings)

    def add(self, finding: Finding) -> None:
        """Keep a finding."""
        if len(self.findings) < MOST_LISTED:
            self.findings.append(finding)
        else:
            self.left_out += 1


class _Read(NamedTuple):
    """A record that an entry shows, and the fields of it."""

    entry: int
    """Number in the page."""
    subject_id: bytes
    dataset: str
    record_id: bytes
    at: datetime
    fields: frozenset[str]


Progress = Callable[[int, int], None]
"""Entries read so far, and in all."""


async def check_equation(
    database: Database,
    since: datetime | None = None,
    until: datetime | None = None,
    progress: Progress = lambda _done, _all: None,
) -> Equation:
    """Hold what entries state to what they showed. No value is opened.

    Args:
        database: where log and records lie.
        since: first instant looked at.
        until: first instant that is no longer looked at.
        progress: called after each page.

    Raises:
        UnavailableError: when the database is away.
        VerificationError: when an entry cannot be read.
    """
    found = Equation()
    async with database.connection() as connection, connection.transaction(readonly=True):
        span = Span(*await index_range(connection, since, until))
    async for page in read_span(database, span, page=PAGE):
        wanted = [
            entry
            for entry in page
            if (since is None or entry.at >= since) and (until is None or entry.at < until)
        ]
        async with database.connection() as connection:
            await _take(connection, found, wanted)
        progress(page[-1].number + 1 - span.first, span.end - span.first)
    return found


async def _take(connection: asyncpg.Connection, found: Equation, page: Sequence[Logged]) -> None:
    """Compare a page of entries."""
    bodies: list[tuple[Logged, Mapping[str, Any]]] = []
    for entry in page:
        if entry.body is None:
            found.withheld += 1
            continue
        body = read_body(entry.body)
        opened = body["detail"].get(OPENED)
        if isinstance(opened, int):
            name = body["operation"] or body["kind"]
            found.jobs[name] = found.jobs.get(name, 0) + opened
        if body["outcome"] == EntryOutcome.DISCLOSED or body["unsealed"]:
            bodies.append((entry, body))
    reads = [read for number, (entry, body) in enumerate(bodies) for read in _reads(number, entry.at, body)]
    held = await _held(connection, reads)
    needed, statements = [0] * len(bodies), [0] * len(bodies)
    unknown = set()
    for read, stored in zip(reads, held, strict=True):
        if stored is None:
            unknown.add(read.entry)
        else:
            needed[read.entry] += len(read.fields & stored[0])
            statements[read.entry] += stored[1]
    for number, (entry, judged) in enumerate(bodies):
        if number in unknown:
            found.unknown += 1
        else:
            _compare(found, entry.number, judged, needed[number], statements[number])


def _compare(found: Equation, index: int, body: Mapping[str, Any], needed: int, statements: int) -> None:
    stated = body["unsealed"]
    found.entries += 1
    found.stated += stated
    found.needed += needed
    found.statements += min(max(stated - needed, 0), statements)
    if needed <= stated <= needed + statements:
        return
    taken_back = any(part["outcome"] != EntryOutcome.DISCLOSED for part in body["subjects"])
    if stated < needed:
        misfit = Misfit.SEVERAL_LISTS if _doubled(body) else Misfit.FEWER
    else:
        misfit = Misfit.NOT_SHOWN if taken_back else Misfit.MORE
    found.add(Finding(index, misfit, stated, needed, body["reason"]))


def _doubled(body: Mapping[str, Any]) -> bool:
    """Whether a part shows a record twice."""
    return any(len(set(refs)) < len(refs) for part in body["subjects"] for refs in part["records"].values())


def _reads(number: int, at: datetime, body: Mapping[str, Any]) -> Iterator[_Read]:
    """Every record that an entry shows, as often as it shows it."""
    for part in body["subjects"]:
        fields = part["fields"] or {}
        subject_id = bytes.fromhex(part["subject"].removeprefix(SUBJECT_PREFIX))
        for dataset, refs in part["records"].items():
            names = frozenset(name for word in _SHOWN for name in fields.get(word, {}).get(dataset, ()))
            for ref in refs:
                yield _Read(number, subject_id, dataset, bytes.fromhex(ref), at, names)


async def _held(
    connection: asyncpg.Connection, reads: Sequence[_Read]
) -> list[tuple[frozenset[str], int] | None]:
    """Names of the sealed fields of each record at its instant, and how many statements stood beside it."""
    if not reads:
        return []
    rows = await connection.fetch(
        _HELD, [r.subject_id for r in reads], [r.dataset for r in reads], [r.record_id for r in reads],
        [r.at for r in reads],
    )  # fmt: skip
    held = {row["n"] - 1: (frozenset(row["names"]), int(row["statements"])) for row in rows}
    return [held.get(number) for number in range(len(reads))]
