"""The subject's ledger: what was done about one subject, newest first, with the last index as cursor.

- A line holds everything that an entry says about its own subject, however often the operation asked about it, and
  nothing about any other subject of the same operation: not what came of it, nor for what another was asked about.
- It cannot show a field's value: there is none in the log.
- What is kept from the subject for a time (`hub.audit.secrecy`) is left out and counted. The day of the reading
  decides; nothing has to be released.
- Reading the ledger is itself an operation that its caller logs (`Kind.AUDIT_READ`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Any

import asyncpg

from hub.audit.about import About, chunks
from hub.audit.archived import archived_among
from hub.audit.entry import EntryOutcome, read_body, subject_ref
from hub.audit.secrecy import Delay, delay_of, longest
from hub.clock import civil_date, from_millis
from hub.model.outcome import Reason
from hub.policies.model import PolicySet
from hub.store.database import Database

MAX_LIMIT = 1000
"""The longest page; one line more may be asked for, to know whether another follows."""
MOST_COUNTED = 1000
"""Entries kept from a subject that are counted at most."""
_MOST_AT_ONCE = 4096
_ENTRIES = """
SELECT idx, at, kind, caller, purpose, outcome, subjects, body FROM log_entry
WHERE log_id = 0 AND idx = ANY($1::bigint[]) ORDER BY idx DESC
"""


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One line of a subject's ledger: who, when, for what, on what basis, which items."""

    index: int
    at: datetime
    kind: str
    outcome: str
    """What came of it for this subject; empty when that is not known any more."""
    reason: str
    caller: str
    institution: str
    purpose: str
    """Empty when the subject was asked about for none."""
    operation: str
    basis: Mapping[str, Any] | None
    fields: Mapping[str, Mapping[str, Sequence[str]]]
    """Outcome to dataset to field names."""
    records: Mapping[str, Sequence[str]]
    """Dataset to ids (hex) of the records shown, each once."""
    predicates: Sequence[Mapping[str, str]]
    """Yes/no questions asked: code, threshold, outcome; not the answers."""
    withheld: bool
    """Whether the entry's body is withheld; then only its columns are known."""
    delay: Delay
    """For how long the line was kept from the subject."""
    shown_from: date
    """The first civil day on which it is shown."""
    reported: str = ""
    """What the institution said came of an earlier use, where it did so."""
    archived: bool = False
    """Whether the body is gone because its time was over."""
    country: str = ""
    """Where the caller was registered to be, ISO 3166-1 alpha-2; empty: not known."""


async def ledger(
    database: Database,
    subject_id: bytes,
    policy: PolicySet,
    now: datetime,
    *,
    limit: int = 50,
    before: int | None = None,
) -> list[LedgerLine]:
    """What was done about one subject, newest first, as far as it may know today.

    Args:
        database: where the log lies.
        subject_id: whose ledger.
        policy: says what is kept from it, and for how long.
        now: the instant of the reading.
        limit: at most this many lines, up to 1001.
        before: only entries with a smaller index; the cursor.

    Raises:
        UnavailableError: when the database is away.
    """
    wanted, today = max(1, min(limit, MAX_LIMIT + 1)), civil_date(now)
    about = About(subject_id, policy, now)
    found: list[LedgerLine] = []
    at_once = wanted
    async with database.connection() as connection:
        while len(found) < wanted:
            candidates = await about.candidates(connection, before=before, limit=at_once)
            for chunk in chunks(candidates):
                lines = await read_lines(connection, about, chunk)
                found += [line for line in lines if line.shown_from <= today]
                if len(found) >= wanted:
                    break
            if len(candidates) < at_once:
                break
            before, at_once = candidates[-1].number, min(4 * at_once, _MOST_AT_ONCE)
    return await mark_archived(database, found[:wanted])


async def not_yet_shown(database: Database, subject_id: bytes, policy: PolicySet, now: datetime) -> int:
    """How many entries about a subject are kept from it today; more than 1,000 are counted as 1,000.

    Raises:
        UnavailableError: when the database is away.
    """
    about, today, hidden = About(subject_id, policy, now), civil_date(now), 0
    if not about.secret:
        return 0
    async with database.connection() as connection:
        candidates = await about.candidates(connection, doubtful=True)
        for chunk in chunks(candidates):
            hidden += sum(line.shown_from > today for line in await read_lines(connection, about, chunk))
            if hidden >= MOST_COUNTED:
                return MOST_COUNTED
    return hidden


async def mark_archived(database: Database, found: Sequence[LedgerLine]) -> list[LedgerLine]:
    """The same lines; those whose bodies went because their time was over say so.

    Raises:
        UnavailableError: when the database is away.
    """
    gone = [(line.index, line.kind, line.at) for line in found if line.withheld]
    archived = await archived_among(database, gone)
    return [replace(line, archived=True) if line.index in archived else line for line in found]


async def read_lines(connection: asyncpg.Connection, about: About, chunk: Sequence[int]) -> list[LedgerLine]:
    """The lines of these entries, newest first."""
    rows = await connection.fetch(_ENTRIES, chunk)
    return [line_of(row, about.subject_id, about.policy) for row in rows]


def line_of(row: Any, subject_id: bytes, policy: PolicySet) -> LedgerLine:
    """What a row of the log says about one of its subjects."""
    body = read_body(row["body"]) if row["body"] is not None else {}
    wanted = subject_ref(subject_id)
    parts = [part for part in body.get("subjects", ()) if part["subject"] == wanted]
    if not parts:
        return _withheld(row, policy)
    shown = [part for part in parts if part["outcome"] == EntryOutcome.DISCLOSED]
    told: Mapping[str, Any] = (shown or parts)[0]
    delays = [delay_of(policy, _purpose(part, row["purpose"]), part) for part in parts]
    delay = max(delays, key=lambda found: found.days)
    detail = body["detail"] if body["operation"] == REPORT else {}
    return LedgerLine(
        index=row["idx"],
        at=row["at"],
        kind=row["kind"],
        outcome=told["outcome"],
        reason=told["reason"],
        caller=row["caller"],
        institution=body["institution"],
        purpose=_purpose(told, row["purpose"]),
        operation=body["operation"],
        basis=told["basis"],
        fields=_fields(parts),
        records=_records(parts),
        predicates=[asked for part in parts for asked in part.get("predicates", ())],
        withheld=False,
        delay=delay,
        shown_from=delay.shown_from(from_millis(detail["readAt"]) if detail else row["at"]),
        reported=detail.get("outcome", ""),
        country=body.get("country", ""),
    )


def _purpose(part: Mapping[str, Any], stated: str) -> str:
    """For what a subject was asked about; none where it was not in the token: that is another subject's affair."""
    named = part["reason"] != Reason.SUBJECT_NOT_IN_TOKEN
    return str(part.get("purpose", stated)) if named else ""


REPORT = "use.report"
"""The act by which an institution says what came of an earlier use; it is as secret as the use."""


def _withheld(row: Any, policy: PolicySet) -> LedgerLine:
    """What the columns say; what they say of the operation as a whole is said only where it had one subject."""
    alone = len(row["subjects"]) == 1
    outcome, purpose = (row["outcome"], row["purpose"]) if alone else ("", "")
    delay = longest(policy, row["purpose"])
    return LedgerLine(
        row["idx"], row["at"], row["kind"], outcome, "", row["caller"], "", purpose, "", None, {}, {}, [],
        withheld=True, delay=delay, shown_from=delay.shown_from(row["at"]),
    )  # fmt: skip


def _fields(parts: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, list[str]]]:
    """Fields by outcome and dataset, of all parts together."""
    found: dict[str, dict[str, list[str]]] = {}
    for part in parts:
        for outcome, datasets in (part["fields"] or {}).items():
            for dataset, names in datasets.items():
                known = found.setdefault(outcome, {}).setdefault(dataset, [])
                known += [name for name in names if name not in known]
    return found


def _records(parts: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """The records of each dataset that were shown, each once."""
    found: dict[str, dict[str, None]] = {}
    for part in parts:
        for dataset, refs in part.get("records", {}).items():
            found.setdefault(dataset, {}).update(dict.fromkeys(refs))
    return {dataset: list(refs) for dataset, refs in found.items()}
