"""Who got a record: read from the log, by the subject's index, one entry at a time.

* A recipient is an institution whose answer showed the record, whatever the purpose. Public purposes count too:
  whoever shows a published item keeps to the same content and the same term as the platform (Hainan's public
  credit information rules of 2025, 19).
* No recipients are: the subject itself and whoever reads for it (basis SELF); whoever was refused; whoever got an
  answer to a yes/no question only, because no record stands behind that in the log.
* The entry of an answer is written before the answer leaves, so an answer that was lost on its way counts as
  received.
* An entry whose body is withheld no longer says which records it showed. Such entries are counted, not guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import asyncpg

from hub.audit.entry import BasisKind, EntryOutcome, read_body, record_ref, subject_ref
from hub.audit.store import LOG_ID

_AT_ONCE = 4
"""Entries held together: the entry of a thousand subjects is megabytes long."""
_LAST = 2**63 - 1
_SHOWN = ("clear", "masked", "generalised")
"""Outcomes of a field that let something of its value be seen."""
_ENTRIES = """
SELECT idx, at, caller, purpose, body FROM log_entry
WHERE subjects @> ARRAY[$2::bytea] AND outcome = 'DISCLOSED' AND log_id + 0 = $1 AND idx + 0 >= $3 AND idx + 0 < $4
  AND ($6::timestamptz IS NULL OR at >= $6) AND ($7::timestamptz IS NULL OR at <= $7)
  AND (body IS NULL OR position($5::bytea IN body) > 0)
"""
"""The sums keep the planner from reading the log by its key: entries are found by their subject."""


@dataclass(frozen=True, slots=True)
class Recipient:
    """An institution's client that got a record for a purpose."""

    institution: str
    """USCC."""
    client: str
    purpose: str
    first_at: datetime
    last_at: datetime
    entries: int
    """Entries of the log that show it."""


@dataclass(frozen=True, slots=True)
class Recipients:
    """What the log says about who got a record."""

    found: frozenset[Recipient]
    withheld: int
    """Entries about the subject whose bodies are withheld or archived, so that they no longer say what they showed."""

    def with_later(self, later: Recipients) -> Recipients:
        """These and those of a later part of the log, together."""
        total: dict[tuple[str, str, str], Recipient] = {}
        for r in (*self.found, *later.found):
            _count(total, r.institution, r.client, r.purpose, r.first_at, r.last_at, r.entries)
        return Recipients(frozenset(total.values()), self.withheld + later.withheld)

    def by_institution(self) -> dict[str, list[Recipient]]:
        """The recipients of each institution, by its USCC, in a stable order."""
        grouped: dict[str, list[Recipient]] = {}
        for recipient in sorted(self.found, key=lambda r: (r.institution, r.client, r.purpose)):
            grouped.setdefault(recipient.institution, []).append(recipient)
        return grouped


@dataclass(frozen=True, slots=True)
class Window:
    """The part of the log that is looked at."""

    first: int = 0
    """First index."""
    end: int = _LAST
    """First index beyond."""
    since: datetime | None = None
    """Entries of earlier instants do not count."""
    until: datetime | None = None
    """Entries of later instants do not count."""


EVERYTHING = Window()


async def recipients_of(
    connection: asyncpg.Connection,
    subject_id: bytes,
    dataset: str,
    record_id: bytes,
    window: Window = EVERYTHING,
    *,
    shown: Collection[str] | None = None,
) -> Recipients:
    """Who got a record of a subject.

    Args:
        connection: in a transaction.
        subject_id: whose record it is.
        dataset: dataset of the record.
        record_id: 16 bytes.
        window: the part of the log to look at.
        shown: only those to whom one of these fields of the dataset was shown; None: all.

    Raises:
        VerificationError: when an entry cannot be read.
    """
    found: dict[tuple[str, str, str], Recipient] = {}
    withheld = 0
    cursor = connection.cursor(
        _ENTRIES, LOG_ID, subject_id, window.first, window.end, record_ref(record_id).encode(),
        window.since, window.until, prefetch=_AT_ONCE,
    )  # fmt: skip
    async for row in cursor:
        if row["body"] is None:
            withheld += 1
            continue
        body = read_body(row["body"])
        purposes = set(_purposes(body, row["purpose"], subject_id, dataset, record_id, shown))
        for purpose in purposes:
            _count(found, body["institution"], row["caller"], purpose, row["at"], row["at"])
    return Recipients(frozenset(found.values()), withheld)


def _purposes(
    body: Mapping[str, Any],
    purpose: str,
    subject_id: bytes,
    dataset: str,
    record_id: bytes,
    shown: Collection[str] | None,
) -> Iterator[str]:
    """The purposes for which an entry showed the record to somebody else than its subject."""
    subject, ref = subject_ref(subject_id), record_ref(record_id)
    for part in body["subjects"]:
        if (
            part["subject"] == subject
            and part["outcome"] == EntryOutcome.DISCLOSED
            and ref in part.get("records", {}).get(dataset, ())
            and (part.get("basis") or {}).get("kind") != BasisKind.SELF
            and (shown is None or _saw(part, dataset, shown))
        ):
            yield part.get("purpose", purpose)


def _saw(part: Mapping[str, Any], dataset: str, fields: Collection[str]) -> bool:
    outcomes = part["fields"] or {}
    return any(name in fields for outcome in _SHOWN for name in outcomes.get(outcome, {}).get(dataset, ()))


def _count(
    found: dict[tuple[str, str, str], Recipient],
    institution: str,
    client: str,
    purpose: str,
    first_at: datetime,
    last_at: datetime,
    entries: int = 1,
) -> None:
    key = (institution, client, purpose)
    old = found.get(key)
    if old is not None:
        first_at, last_at = min(old.first_at, first_at), max(old.last_at, last_at)
        entries += old.entries
    found[key] = Recipient(*key, first_at, last_at, entries)
