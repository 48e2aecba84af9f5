"""The subject's ledger: what was done about one subject, newest first, with the last index as cursor.

- A line holds everything that an entry says about its own subject, however often the operation asked about it, and
  nothing about any other subject of the same operation: not what came of it, nor for what another was asked about.
- It cannot show a field's value: there is none in the log.
- What is kept from the subject for a time (`hub.audit.secrecy`) is left out and counted. The day of the reading
  decides; nothing has to be released.
- Reading the ledger is itself an operation that its caller logs (`Kind.AUDIT_READ`).
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from sqlalchemy import ARRAY, BigInteger, ColumnElement, any_, func, literal, or_, select, text
from sqlalchemy.exc import DBAPIError

from hub.audit.entry import EntryOutcome, read_body, subject_ref
from hub.audit.secrecy import Delay, delay_of, longest, secret_purposes
from hub.audit.store import LOG_ID
from hub.clock import civil_date, from_millis
from hub.errors import UnavailableError
from hub.model.outcome import Reason
from hub.policies.model import PolicySet
from hub.store.database import TRANSIENT, Database
from hub.store.tables import log_entry

MAX_LIMIT = 1000
_CHUNK = 64
"""Entries read by one statement; their indices are sorted first, without their bodies."""
_CHUNK_BYTES = 4_000_000
"""An entry of a thousand subjects is megabytes long."""


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
        limit: at most this many lines, up to 1000.
        before: only entries with a smaller index; the cursor.

    Raises:
        UnavailableError: when the database is away.
    """
    conditions = [] if before is None else [log_entry.c.idx < before]
    wanted, today = max(1, min(limit, MAX_LIMIT)), civil_date(now)
    found: list[LedgerLine] = []
    async with aclosing(lines(database, subject_id, policy, *conditions)) as every:
        async for line in every:
            if line.shown_from <= today:
                found.append(line)
                if len(found) == wanted:
                    break
    return found


async def not_yet_shown(database: Database, subject_id: bytes, policy: PolicySet, now: datetime) -> int:
    """How many entries about a subject are kept from it today.

    Raises:
        UnavailableError: when the database is away.
    """
    secret = secret_purposes(policy)
    if not secret:
        return 0
    since = now - timedelta(days=1 + max(delay.days for delay in secret.values()))
    conditions = [log_entry.c.at >= since, or_(*(_under(number, name) for number, name in enumerate(secret)))]
    today = civil_date(now)
    return sum([line.shown_from > today async for line in lines(database, subject_id, policy, *conditions)])


def _under(number: int, purpose: str) -> ColumnElement[bool]:
    """Whether an entry speaks of a purpose at all, decided without sending its body."""
    name = f"stated_{number}"
    within = text(f"position(CAST(:{name} AS bytea) IN body) > 0")
    stated: Any = within.bindparams(**{name: f'"purpose":"{purpose}"'.encode()})
    found: ColumnElement[bool] = or_(log_entry.c.purpose == purpose, stated)
    return found


async def lines(
    database: Database, subject_id: bytes, policy: PolicySet, *conditions: ColumnElement[bool]
) -> AsyncGenerator[LedgerLine]:
    """All lines about a subject that meet these conditions, newest first, those that may not be shown yet as well.

    Raises:
        UnavailableError: when the database is away.
    """
    c = log_entry.c
    about = select(c.idx, func.coalesce(func.octet_length(c.body), 0)).order_by(c.idx.desc())
    about = about.where(c.log_id == LOG_ID, c.subjects.contains([subject_id]), *conditions)
    try:
        async with database.engine.connect() as connection:
            for chunk in _chunks([(row[0], row[1]) for row in await connection.execute(about)]):
                within = c.idx == any_(literal(chunk, ARRAY(BigInteger)))
                rows = select(log_entry).where(c.log_id == LOG_ID, within).order_by(c.idx.desc())
                for row in await connection.execute(rows):
                    yield line_of(row, subject_id, policy)
    except (DBAPIError, *TRANSIENT) as error:
        raise UnavailableError("The audit log is not reachable.", hint="Try again shortly.") from error


def _chunks(found: Iterable[tuple[int, int]]) -> Iterator[list[int]]:
    """Indices with the lengths of their entries, in portions that are not too long to be held at once."""
    chunk: list[int] = []
    size = 0
    for index, length in found:
        if chunk and (size + length > _CHUNK_BYTES or len(chunk) == _CHUNK):
            yield chunk
            chunk, size = [], 0
        chunk.append(index)
        size += length
    if chunk:
        yield chunk


def line_of(row: Any, subject_id: bytes, policy: PolicySet) -> LedgerLine:
    """What a row of the log says about one of its subjects."""
    body = read_body(row.body) if row.body is not None else {}
    wanted = subject_ref(subject_id)
    parts = [part for part in body.get("subjects", ()) if part["subject"] == wanted]
    if not parts:
        return _withheld(row, policy)
    shown = [part for part in parts if part["outcome"] == EntryOutcome.DISCLOSED]
    told: Mapping[str, Any] = (shown or parts)[0]
    delays = [delay_of(policy, _purpose(part, row.purpose), part) for part in parts]
    delay = max(delays, key=lambda found: found.days)
    detail = body["detail"] if body["operation"] == REPORT else {}
    return LedgerLine(
        index=row.idx,
        at=row.at,
        kind=row.kind,
        outcome=told["outcome"],
        reason=told["reason"],
        caller=row.caller,
        institution=body["institution"],
        purpose=_purpose(told, row.purpose),
        operation=body["operation"],
        basis=told["basis"],
        fields=_fields(parts),
        records=_records(parts),
        predicates=[asked for part in parts for asked in part.get("predicates", ())],
        withheld=False,
        delay=delay,
        shown_from=delay.shown_from(from_millis(detail["readAt"]) if detail else row.at),
        reported=detail.get("outcome", ""),
    )


def _purpose(part: Mapping[str, Any], stated: str) -> str:
    """For what a subject was asked about; none where it was not in the token: that is another subject's affair."""
    named = part["reason"] != Reason.SUBJECT_NOT_IN_TOKEN
    return str(part.get("purpose", stated)) if named else ""


REPORT = "use.report"
"""The act by which an institution says what came of an earlier use; it is as secret as the use."""


def _withheld(row: Any, policy: PolicySet) -> LedgerLine:
    """What the columns say; what they say of the operation as a whole is said only where it had one subject."""
    alone = len(row.subjects) == 1
    outcome, purpose = (row.outcome, row.purpose) if alone else ("", "")
    delay = longest(policy, row.purpose)
    return LedgerLine(
        row.idx, row.at, row.kind, outcome, "", row.caller, "", purpose, "", None, {}, {}, [],
        withheld=True, delay=delay, shown_from=delay.shown_from(row.at),
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
