"""The subject's ledger: a view of the log, newest first, with the last index as cursor.

It cannot show a field's value: there is none in the log. A ledger line holds everything that an entry says about its
own subject, however often the operation asked about it, and nothing about any other subject of the same operation.
Reading the log is itself an operation that its caller logs (`Kind.AUDIT_READ`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from hub.audit.entry import EntryOutcome, read_body, subject_ref
from hub.audit.store import LOG_ID
from hub.errors import UnavailableError
from hub.store.database import TRANSIENT, Database
from hub.store.tables import log_entry

MAX_LIMIT = 1000
_AT_ONCE = 4
"""Rows fetched together: the entry of a thousand subjects is megabytes long."""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of a subject's ledger: who, when, for what, on what basis, which items."""

    index: int
    at: datetime
    kind: str
    outcome: str
    """What came of it for this subject."""
    reason: str
    caller: str
    institution: str
    purpose: str
    operation: str
    basis: Mapping[str, Any] | None
    fields: Mapping[str, Mapping[str, Sequence[str]]]
    """Outcome to dataset to field names."""
    records: Mapping[str, int]
    """Dataset to number of records shown."""
    predicates: Sequence[Mapping[str, str]]
    """Yes/no questions asked: code, threshold, outcome; not the answers."""
    withheld: bool
    """Whether the entry's body is withheld; then only its columns are known."""


async def ledger(
    database: Database, subject_id: bytes, *, limit: int = 50, before: int | None = None
) -> list[LedgerLine]:
    """What was done about one subject, newest first.

    Args:
        database: where the log lies.
        subject_id: 16 bytes.
        limit: at most this many, up to 1000.
        before: only entries with a smaller index; the cursor.

    Raises:
        UnavailableError: when the database is away.
    """
    conditions = [log_entry.c.log_id == LOG_ID, log_entry.c.subjects.contains([subject_id])]
    if before is not None:
        conditions.append(log_entry.c.idx < before)
    query = select(log_entry).where(*conditions).order_by(log_entry.c.idx.desc())
    try:
        async with database.engine.connect() as connection:
            query = query.limit(max(1, min(limit, MAX_LIMIT))).execution_options(yield_per=_AT_ONCE)
            return [_line(row, subject_id) async for row in await connection.stream(query)]
    except (DBAPIError, *TRANSIENT) as error:
        raise UnavailableError("The audit log is not reachable.", hint="Try again shortly.") from error


def _line(row: Any, subject_id: bytes) -> LedgerLine:
    body = read_body(row.body) if row.body is not None else {}
    wanted = subject_ref(subject_id)
    parts = [part for part in body.get("subjects", ()) if part["subject"] == wanted]
    shown = [part for part in parts if part["outcome"] == EntryOutcome.DISCLOSED]
    told: Mapping[str, Any] = next(iter(shown or parts), {})
    return LedgerLine(
        index=row.idx,
        at=row.at,
        kind=row.kind,
        outcome=told.get("outcome", row.outcome),
        reason=told.get("reason", ""),
        caller=row.caller,
        institution=body.get("institution", ""),
        purpose=told.get("purpose", row.purpose),
        operation=body.get("operation", ""),
        basis=told.get("basis"),
        fields=_fields(parts),
        records=_records(parts),
        predicates=[asked for part in parts for asked in part.get("predicates", ())],
        withheld=row.body is None,
    )


def _fields(parts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Fields by outcome and dataset, of all parts together."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in parts:
        for outcome, datasets in (part["fields"] or {}).items():
            for dataset, names in datasets.items():
                known = found.setdefault(outcome, {}).setdefault(dataset, [])
                known += [name for name in names if name not in known]
    return found


def _records(parts: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many records of each dataset were shown, each counted once."""
    found: dict[str, set[str]] = {}
    for part in parts:
        for dataset, refs in part.get("records", {}).items():
            found.setdefault(dataset, set()).update(refs)
    return {dataset: len(refs) for dataset, refs in found.items()}
