"""The officer's view of quotas: how much of each fair-use cap is used in the window that runs now.

A count belongs to a purpose, and a purpose may have several fair-use templates, of which each request names one.
So a count is held against the cap of each template of its purpose that limits it: at 100 percent, requests under that
template are refused. Subjects appear as pseudonyms, and there is no field's value in the counts. Looking at them
is an operation of its own that its caller logs (`Kind.AUDIT_READ`).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from hub.audit.entry import subject_ref
from hub.model.calendar import UNITS, window_end, window_start
from hub.policies.model import PolicySet
from hub.store.database import Database

MAX_LIMIT = 1000

_LIST = """
SELECT c.subject_id, c.institution, c.purpose, cap.template, c.dataset, c.unit, c.used, cap.most
FROM quota_count c
JOIN unnest($1::text[], $2::text[], $3::bool[], $4::text[], $5::text[], $6::int[], $7::timestamptz[])
  AS cap(template, purpose, of_subject, dataset, unit, most, window_start)
  ON c.purpose = cap.purpose AND (c.subject_id <> ''::bytea) = cap.of_subject AND c.dataset = cap.dataset
  AND c.unit = cap.unit AND c.window_start = cap.window_start
WHERE timezone('UTC', c.window_start) = ANY (ARRAY(SELECT timezone('UTC', w) FROM unnest($8::timestamptz[]) w))
  AND ($9::text IS NULL OR c.institution = $9) AND ($10::text IS NULL OR c.purpose = $10)
  AND c.used::bigint * 100 >= cap.most::bigint * $11
ORDER BY c.used::float8 / cap.most DESC, c.institution, c.purpose, cap.template, c.dataset, c.unit, c.subject_id
LIMIT $12
"""


@dataclass(frozen=True, slots=True)
class QuotaFilter:
    """Which quotas are wanted; parts that are None do not narrow."""

    institution: str | None = None
    """USCC of the institution that asks."""
    purpose: str | None = None
    near: int = 0
    """Only those of which at least this many percent are used."""


@dataclass(frozen=True, slots=True)
class QuotaLine:
    """One count beside one cap."""

    institution: str
    purpose: str
    template: str
    """Id of the fair-use template that sets the cap."""
    subject: str
    """Pseudonym, `sub_` and hex; empty: all subjects together."""
    dataset: str
    """Empty: whatever is shown."""
    unit: str
    used: int
    most: int
    window_end: datetime
    """First instant of the next window."""

    @property
    def percent(self) -> int:
        """How much of the cap is used, rounded down; more than 100 when another template allowed more."""
        return self.used * 100 // self.most


async def list_quotas(
    database: Database, policy: PolicySet, wanted: QuotaFilter, now: datetime, *, limit: int = 50
) -> list[QuotaLine]:
    """Quotas of the windows that run now, the most used first.

    Args:
        database: where the counts lie.
        policy: its fair-use templates set the caps.
        wanted: the filter.
        now: the instant.
        limit: at most this many, up to 1000.

    Raises:
        UnavailableError: when the database is away.
    """
    caps = [
        (t.id, t.purpose, of_subject, dataset, rate.unit.value, rate.most, window_start(rate.unit, now))
        for t in policy.fair_use.values()
        for of_subject, dataset, rates in t.counted()
        for rate in rates
    ]
    columns: list[list[Any]] = [list(column) for column in zip(*caps, strict=True)] or [[] for _ in range(7)]
    windows = [window_start(unit, now) for unit in UNITS]
    async with database.connection() as connection:
        rows = await connection.fetch(
            _LIST, *columns, windows, wanted.institution, wanted.purpose, wanted.near,
            max(1, min(limit, MAX_LIMIT)),
        )  # fmt: skip
    return [
        QuotaLine(
            row["institution"], row["purpose"], row["template"],
            subject_ref(row["subject_id"]) if row["subject_id"] else "",
            row["dataset"], row["unit"], row["used"], row["most"], window_end(row["unit"], now),
        )
        for row in rows
    ]  # fmt: skip
