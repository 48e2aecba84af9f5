"""What detection reads of the log: each subject that an entry showed or refused, in few words.

- A range of time is read once, in one snapshot, within a limit of time and of memory; too much is an error that says
  how to ask for less, never a part given as if it were all.
- What callers did before the range is told by their latest entries before it, as many for each caller as a rule asks
  for: bounded, however long the log is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg
import orjson

from hub.audit.entry import EntryOutcome, read_body
from hub.audit.review_filter import EntryFilter
from hub.audit.review_read import rows
from hub.errors import InputError

MOST = 200_000
"""Subjects of entries that are held at once."""
_TOLD = (EntryOutcome.DISCLOSED, EntryOutcome.REFUSED)
_PAST = """
SELECT body FROM log_entry
WHERE log_id = 0 AND caller = $1 AND idx < $2 AND outcome = 'DISCLOSED' AND body IS NOT NULL ORDER BY idx DESC LIMIT $3
"""


class Who(NamedTuple):
    """Who asked."""

    institution: str
    caller: str
    person: str
    """Pseudonym of the person acting; may be empty."""


class Fields(NamedTuple):
    """What of a subject was shown and what was withheld, as `dataset.field`."""

    shown: frozenset[str]
    withheld: frozenset[str]


@dataclass(frozen=True, slots=True)
class Seen:
    """One subject of one entry; or, without a subject, an operation that was refused as a whole."""

    index: int
    at: datetime
    who: Who
    purpose: str
    subject: str
    """Pseudonym; empty: none was named."""
    shown: bool
    """Whether something was shown; else it was refused."""
    reason: str
    referred: bool
    """Whether a case or file number stands with it."""
    subjects: int
    """Of the whole entry."""
    fields: Fields | None
    """Where asked for."""
    roles: str = ""
    """Of the caller, joined by `+`; empty where the entry does not name them."""


@dataclass
class Past:
    """What a caller did before the range."""

    reads: Counter[str] = field(default_factory=Counter)
    """Subjects shown, by purpose."""
    referred: Counter[str] = field(default_factory=Counter)
    """Of these, with a case or file number."""


@dataclass
class Scan:
    """A range of the log as the rules look at it."""

    seen: list[Seen] = field(default_factory=list)
    """By index."""
    entries: int = 0
    """Entries in the range, whatever they are."""
    withheld: int = 0
    """Of these, without a body; the rules know nothing of them."""
    past: Mapping[str, Past] = field(default_factory=dict)
    """By caller."""


async def scan(
    connection: asyncpg.Connection, since: datetime, until: datetime, *, fields: bool, most: int = MOST
) -> Scan:
    """Read a range.

    Args:
        connection: from `hub.audit.review_read.reading`.
        since: first instant.
        until: first instant that is no longer in it.
        fields: whether to keep which fields were shown.
        most: how many subjects of entries may be held.

    Raises:
        InputError: when there are more.
        VerificationError: when an entry cannot be read.
    """
    found = Scan()
    kept: dict[bytes, Fields] = {}
    async for row in rows(connection, EntryFilter(since=since, until=until)):
        found.entries += 1
        if row["body"] is None:
            found.withheld += 1
        elif row["outcome"] in _TOLD:
            found.seen.extend(_of_entry(row, read_body(row["body"]), kept if fields else None))
        if len(found.seen) > most:
            raise InputError(
                f"There are more than {most:,} subjects of entries in this time.",
                hint="Look at a shorter time, day by day or hour by hour.",
                message_zh=f"该时段的查询超过 {most} 个主体次，请缩短时段。",
            )
    found.seen.sort(key=lambda one: one.index)
    return found


async def past_of(
    connection: asyncpg.Connection, callers: Iterable[str], first: int, count: int
) -> dict[str, Past]:
    """What callers did before an index, from the latest entries of each.

    Args:
        connection: as for `scan`.
        callers: client ids.
        first: only entries with a smaller index.
        count: entries of each caller, at most.
    """
    found: dict[str, Past] = {}
    for caller in sorted(set(callers)):
        past = found[caller] = Past()
        for row in await connection.fetch(_PAST, caller, first, count):
            body = read_body(row["body"])
            for part in body["subjects"]:
                if part["outcome"] == EntryOutcome.DISCLOSED:
                    purpose = part.get("purpose") or body["purpose"]
                    past.reads[purpose] += 1
                    past.referred[purpose] += bool((part["basis"] or {}).get("reference"))
    return found


def _of_entry(row: Any, body: Mapping[str, Any], kept: dict[bytes, Fields] | None) -> Iterator[Seen]:
    who = Who(body["institution"], row["caller"], body["operator"])
    parts = [part for part in body["subjects"] if part["outcome"] in _TOLD]
    if not parts and row["outcome"] == EntryOutcome.REFUSED:
        yield Seen(
            row["idx"], row["at"], who, body["purpose"], "", False, body["reason"], False, 0, None
        )  # fmt: skip
    of_entry: dict[int, Fields] = {}
    for part in parts:
        said = part["fields"]
        fields = None
        if kept is not None and said:
            if id(said) not in of_entry:
                text = orjson.dumps(said)
                of_entry[id(said)] = kept.setdefault(text, _fields(said))
            fields = of_entry[id(said)]
        yield Seen(
            row["idx"], row["at"], who, part.get("purpose") or body["purpose"], part["subject"],
            part["outcome"] == EntryOutcome.DISCLOSED, part["reason"], bool((part["basis"] or {}).get("reference")),
            len(body["subjects"]), fields, "+".join(body.get("roles", ())),
        )  # fmt: skip


def _fields(said: Mapping[str, Mapping[str, Iterable[str]]]) -> Fields:
    shown: set[str] = set()
    withheld: set[str] = set()
    for word, by_dataset in said.items():
        names = {f"{dataset}.{name}" for dataset, names in by_dataset.items() for name in names}
        (withheld if word in ("withheld", "predicate") else shown).update(names)
    return Fields(frozenset(shown), frozenset(withheld))
