"""Use-closure: whoever was shown something for a purpose with `closure_days` reports what came of it.

- What is owed is computed from the log when somebody looks: each subject that an entry says was shown for such a
  purpose. Nothing is written or counted when data are read.
- A report is one entry (`use.report`) of the same institution. It may be followed by another, and the last one holds.
- It carries the ground of the use it closes, so that it is as secret to the subject as that use
  (`hub.audit.secrecy`).
- The last day of a report lies `closure_days` civil days after the use, by the policy in force when somebody looks.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum
from typing import Any

import asyncpg

from hub.audit.entry import Basis, BasisKind, EntryOutcome, Kind, read_body
from hub.audit.ledger import REPORT
from hub.audit.store import LOG_ID
from hub.clock import civil_date
from hub.policies.model import PolicySet
from hub.store.database import Database

MAX_LIMIT = 1000
_STEP = 500
"""Entries looked at by one statement."""
_MOST = 20_000
"""Entries looked at for one page; where that is not enough, the page says where to go on."""
_COLUMNS = "e.idx, e.entry_id, e.at, e.caller, e.purpose, e.body"
_SHOWN = "e.log_id = $1 AND e.outcome = 'DISCLOSED' AND e.body IS NOT NULL AND e.idx > $2"
"""Whatever the kind: an operation that reads the log besides has shown what it has shown."""
_ALL = f"SELECT {_COLUMNS} FROM log_entry e WHERE {_SHOWN} ORDER BY e.idx LIMIT $3"  # noqa: S608
_OF = f"""
SELECT {_COLUMNS} FROM unnest($4::text[]) AS c(caller) CROSS JOIN LATERAL (
  SELECT {_COLUMNS} FROM log_entry e WHERE {_SHOWN} AND e.caller = c.caller ORDER BY e.idx LIMIT $3
) e ORDER BY e.idx LIMIT $3
"""  # noqa: S608
"""By the index on callers, whoever else is in the log."""
_ONE = f"SELECT {_COLUMNS} FROM log_entry e WHERE {_SHOWN} AND e.entry_id = $3"  # noqa: S608
_REPORTS = """
SELECT idx, entry_id, at, body FROM log_entry
WHERE log_id = $1 AND subjects && $2::bytea[] AND kind = 'ADMIN' AND idx > $3
  AND position(convert_to('"operation":"' || $4 || '"', 'UTF8') IN body) > 0
ORDER BY idx
"""
_CALLERS = "SELECT client_id FROM client WHERE institution = $1 ORDER BY client_id"


class UseOutcome(StrEnum):
    """What came of a use."""

    GRANTED = "GRANTED"
    REFUSED = "REFUSED"
    ABANDONED = "ABANDONED"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Report:
    """What an institution said came of a use."""

    entry_id: str
    at: datetime
    outcome: UseOutcome
    reference: str


@dataclass(frozen=True, slots=True)
class Use:
    """One subject that was shown to an institution, of which it owes a report."""

    index: int
    entry_id: str
    at: datetime
    caller: str
    institution: str
    operator: str
    """Pseudonym of the person who asked."""
    purpose: str
    subject_id: bytes
    basis: Basis | None
    due_on: date
    """Last civil day of the report."""
    report: Report | None = None
    """The last one; None: there is none."""

    def overdue(self, today: date) -> bool:
        """Whether the report is late."""
        return self.report is None and today > self.due_on


@dataclass(frozen=True, slots=True)
class UseFilter:
    """Which unclosed uses are wanted."""

    purposes: frozenset[str] | None = None
    """None: every purpose."""
    institution: str | None = None
    """USCC; None: every institution."""
    overdue: bool = False
    """Only those whose report is late."""


@dataclass(frozen=True, slots=True)
class UsePage:
    """Unclosed uses, the oldest first."""

    uses: list[Use]
    next_after: int | None
    """Where to go on; None: that was all."""


async def unclosed_uses(
    database: Database,
    policy: PolicySet,
    wanted: UseFilter,
    now: datetime,
    *,
    limit: int = 50,
    after: int = -1,
) -> UsePage:
    """Uses of which no report was made, the oldest first.

    A page holds all such uses of each entry it speaks of, so it may be longer than asked for.

    Args:
        database: where the log lies.
        policy: says for which purposes a report is owed, and by when.
        wanted: the filter.
        now: decides what is late.
        limit: at least this many, if there are; up to 1000.
        after: only entries with a larger index; the cursor.

    Raises:
        UnavailableError: when the database is away.
    """
    size, today, looked = max(1, min(limit, MAX_LIMIT)), civil_date(now), 0
    found: list[Use] = []
    async with database.connection() as connection:
        callers = await _callers(connection, wanted.institution)
        while looked < _MOST:
            rows = await _step(connection, callers, after)
            owed = [use for row in rows for use in _owed(row, policy) if _fits(use, wanted, today)]
            for use in await _with_reports(connection, owed):
                if use.report is None:
                    if len(found) >= size and use.index != found[-1].index:
                        return UsePage(found, found[-1].index)
                    found.append(use)
            if len(rows) < _STEP:
                return UsePage(found, None)
            after, looked = rows[-1]["idx"], looked + len(rows)
    return UsePage(found, after)


async def owed_by(
    connection: asyncpg.Connection,
    entry_id: str,
    institution: str,
    purposes: Collection[str],
    policy: PolicySet,
) -> list[Use]:
    """The uses of one entry that an institution owes or owed a report of, with the last report of each.

    Nothing is given for an entry of another institution, as for one that does not exist.
    """
    row = await connection.fetchrow(_ONE, LOG_ID, -1, entry_id)
    owed = _owed(row, policy) if row is not None else []
    return await _with_reports(
        connection, [use for use in owed if use.institution == institution and use.purpose in purposes]
    )


async def _callers(connection: asyncpg.Connection, institution: str | None) -> list[str] | None:
    if institution is None:
        return None
    return [row["client_id"] for row in await connection.fetch(_CALLERS, institution)]


async def _step(connection: asyncpg.Connection, callers: list[str] | None, after: int) -> Sequence[Any]:
    if callers is None:
        rows: Sequence[Any] = await connection.fetch(_ALL, LOG_ID, after, _STEP)
    else:
        rows = await connection.fetch(_OF, LOG_ID, after, _STEP, callers)
    return rows


def _fits(use: Use, wanted: UseFilter, today: date) -> bool:
    return (
        (wanted.institution is None or use.institution == wanted.institution)
        and (wanted.purposes is None or use.purpose in wanted.purposes)
        and (use.overdue(today) or not wanted.overdue)
    )


def _owed(row: Any, policy: PolicySet) -> list[Use]:
    """Each subject that an entry says was shown for a purpose that is to be closed, once."""
    body = read_body(row["body"])
    found: dict[str, Use] = {}
    for part in body["subjects"]:
        code = part.get("purpose", row["purpose"])
        purpose = policy.purposes.get(code)
        if part["outcome"] == EntryOutcome.DISCLOSED and purpose is not None and purpose.closure_days:
            due_on = civil_date(row["at"]) + timedelta(days=purpose.closure_days)
            subject_id = bytes.fromhex(part["subject"].removeprefix("sub_"))
            found[part["subject"]] = Use(
                row["idx"], row["entry_id"], row["at"], row["caller"], body["institution"], body["operator"],
                code, subject_id, _basis(part["basis"]), due_on,
            )  # fmt: skip
    return list(found.values())


def _basis(document: Mapping[str, Any] | None) -> Basis | None:
    if document is None:
        return None
    return Basis(
        BasisKind(document["kind"]), document.get("consent", ""), document.get("consentVersion", 0),
        document.get("matter", ""),
    )  # fmt: skip


async def _with_reports(connection: asyncpg.Connection, uses: Sequence[Use]) -> list[Use]:
    """These uses, each with the last report that its own institution made of it."""
    if not uses:
        return []
    subjects = list({use.subject_id for use in uses})
    rows = await connection.fetch(_REPORTS, LOG_ID, subjects, min(use.index for use in uses), REPORT)
    last: dict[tuple[str, str, str], Report] = {}
    for row in rows:
        body = read_body(row["body"])
        if body["operation"] == REPORT and body["kind"] == Kind.ADMIN:
            detail = body["detail"]
            report = Report(row["entry_id"], row["at"], UseOutcome(detail["outcome"]), detail["reference"])
            for part in body["subjects"]:
                last[detail["use"], part["subject"], body["institution"]] = report
    return [_closed(use, last) for use in uses]


def _closed(use: Use, last: Mapping[tuple[str, str, str], Report]) -> Use:
    key = (use.entry_id, f"sub_{use.subject_id.hex()}", use.institution)
    return replace(use, report=last.get(key))
