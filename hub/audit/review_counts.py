"""Counts of entries, by who, for what, with what end, and by day, week or month of civil time (UTC+8).

An entry that has several purposes, reasons or datasets counts once for each of them, so these groups may add up to
more than there are entries. When a subject is looked for, only what the entry says of it counts. Entries whose body
is withheld count under `(withheld)` where their columns do not tell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from itertools import product
from typing import Any

from hub.audit.entry import read_body
from hub.audit.review_filter import EntryFilter
from hub.audit.review_read import SECONDS, reading, rows
from hub.clock import civil_date
from hub.errors import InputError
from hub.store.database import Database

MOST_GROUPS = 1000
WITHHELD = "(withheld)"
_COUNT = (
    "SELECT {keys}, count(*) FROM log_entry e WHERE e.log_id = 0{conditions} GROUP BY {numbers} LIMIT {most}"
)
_PERIODS = {
    "DAY": "date_trunc('day', e.at AT TIME ZONE INTERVAL '08:00')::date",
    "WEEK": "date_trunc('week', e.at AT TIME ZONE INTERVAL '08:00')::date",
    "MONTH": "date_trunc('month', e.at AT TIME ZONE INTERVAL '08:00')::date",
}


class CountBy(StrEnum):
    """What entries can be counted by."""

    CALLER = "CALLER"
    INSTITUTION = "INSTITUTION"
    PERSON = "PERSON"
    PURPOSE = "PURPOSE"
    KIND = "KIND"
    OUTCOME = "OUTCOME"
    REASON = "REASON"
    DATASET = "DATASET"
    COUNTRY = "COUNTRY"
    """Where the caller is; empty where the entry says nothing: acts of the operator, and entries of the first form."""


class Period(StrEnum):
    """Lengths of time that counts can be split into."""

    DAY = "DAY"
    WEEK = "WEEK"
    """From Monday."""
    MONTH = "MONTH"


@dataclass(frozen=True, slots=True)
class EntryCount:
    """How many entries share these values."""

    period: date | None
    """First civil day of the period; None when counts are not split by time."""
    keys: tuple[str, ...]
    """In the order of `by`; empty where an entry says nothing."""
    entries: int


_IN_COLUMNS = {CountBy.CALLER: "e.caller", CountBy.KIND: "e.kind", CountBy.OUTCOME: "e.outcome"}


async def count_entries(
    database: Database,
    wanted: EntryFilter,
    by: Sequence[CountBy],
    per: Period | None = None,
    *,
    seconds: float = SECONDS,
) -> list[EntryCount]:
    """Count entries that match: by period, then the most frequent first.

    Args:
        database: where the log lies.
        wanted: the filter.
        by: what to count by; may be empty.
        per: split by time; None: do not.
        seconds: longest time.

    Raises:
        InputError: when it would take longer, or there are more than 1,000 groups.
        UnavailableError: when the database is away.
    """
    by = tuple(dict.fromkeys(by))
    if wanted.by_columns and all(one in _IN_COLUMNS for one in by):
        found = await _by_columns(database, wanted, by, per, seconds)
    else:
        found = await _by_bodies(database, wanted, by, per, seconds)
    ordered = sorted(found.items(), key=lambda item: (item[0][0] or date.min, -item[1], item[0][1:]))
    return [EntryCount(key[0], key[1:], count) for key, count in ordered]


async def _by_columns(
    database: Database, wanted: EntryFilter, by: Sequence[CountBy], per: Period | None, seconds: float
) -> Mapping[tuple[Any, ...], int]:
    """Counted by the database, without a look at any body."""
    keys = [_PERIODS[per] if per else "NULL::date", *(_IN_COLUMNS[one] for one in by)]
    conditions, arguments = wanted.conditions(1)
    query = _COUNT.format(
        keys=", ".join(keys),
        conditions="".join(f" AND {condition}" for condition in conditions),
        numbers=", ".join(str(number + 1) for number in range(len(keys))),
        most=MOST_GROUPS + 1,
    )
    async with reading(database, seconds) as connection:
        await connection.execute("SET LOCAL enable_seqscan = on")
        found = {tuple(row)[:-1]: row[-1] for row in await connection.fetch(query, *arguments)}
    _check(len(found))
    return found


async def _by_bodies(
    database: Database, wanted: EntryFilter, by: Sequence[CountBy], per: Period | None, seconds: float
) -> Mapping[tuple[Any, ...], int]:
    found: Counter[tuple[Any, ...]] = Counter()
    async with reading(database, seconds) as connection:
        async for row in rows(connection, wanted):
            body = read_body(row["body"]) if row["body"] is not None else None
            parts = wanted.parts(body) if body is not None else ()
            if body is None or parts:
                day = _start(row["at"], per) if per else None
                values = [_values(one, row, body, parts) for one in by]
                found.update((day, *keys) for keys in product(*values))
                _check(len(found))
    return found


def _check(groups: int) -> None:
    if groups > MOST_GROUPS:
        raise InputError(
            f"There are more than {MOST_GROUPS} groups.",
            hint="Count by less, over longer periods, or narrow the filter.",
            message_zh=f"分组超过 {MOST_GROUPS} 个，请减少分组项、加长周期或缩小范围。",
        )


def _values(
    by: CountBy, row: Any, body: Mapping[str, Any] | None, parts: Sequence[Mapping[str, Any]]
) -> Sequence[str]:
    """The different values of an entry."""
    if by in _IN_COLUMNS:
        return (row[by.value.lower()],)
    if body is None:
        return (WITHHELD,)
    if by is CountBy.INSTITUTION:
        return (body["institution"],)
    if by is CountBy.PERSON:
        return (body["operator"],)
    if by is CountBy.COUNTRY:
        return (body.get("country", ""),)
    if by is CountBy.PURPOSE:
        found = {part.get("purpose") or body["purpose"] for part in parts}
    elif by is CountBy.REASON:
        found = {part["reason"] for part in parts if part["reason"]} or {body["reason"]}
    else:
        groups = [group for part in parts for group in (part["fields"] or {}).values()]
        found = {dataset for group in groups for dataset in group}
    return sorted(found) or ("",)


def _start(at: datetime, per: Period) -> date:
    """First civil day of the period of an instant."""
    day = civil_date(at)
    if per is Period.WEEK:
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if per is Period.MONTH else day
