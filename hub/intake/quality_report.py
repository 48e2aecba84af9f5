"""What the counts of intake say of the sources: rates by month, a league table, faults and what waits in quarantine.

Rules
- Rates are whole basis points, rounded down (10,000 is all); null where nothing was counted.
- The score of a source is the mean of its rates of compliance, completeness, timeliness and uniqueness, as far as it
  has them; equal scores share a rank.
- A refused row waits until it is sent again from its quarantine file or its name is decided upon. Rows sent again
  stand for the oldest that wait. The age is counted in days from the day of receipt.
- Read from one row a batch: the records are not touched.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from hub.intake.faults import CODES, fault

_SUMS = [
    "rows",
    "landed",
    "fresh",
    "corrected",
    "duplicates",
    "quarantined",
    "judged",
    "late",
    "wanted",
    "filled",
]
_LINES = f"""
SELECT source_unit, dataset, to_char(received_on, 'YYYY-MM'), {", ".join(f"sum({name})::bigint" for name in _SUMS)}
FROM quality_batch WHERE ($1::text IS NULL OR source_unit = $1) AND ($2::text IS NULL OR dataset = $2)
  AND ($3::date IS NULL OR received_on >= $3) AND ($4::date IS NULL OR received_on < $4)
GROUP BY 1, 2, 3 ORDER BY 3 DESC, 1, 2
"""  # noqa: S608
_FAULTS = """
SELECT b.source_unit, b.dataset, f.code, f.field, sum(f.faults)::bigint AS faults
FROM quality_batch b JOIN quality_fault f ON f.batch_id = b.batch_id
WHERE ($1::text IS NULL OR b.source_unit = $1) AND ($2::text IS NULL OR b.dataset = $2)
  AND ($3::date IS NULL OR b.received_on >= $3) AND ($4::date IS NULL OR b.received_on < $4)
GROUP BY 1, 2, 3, 4 ORDER BY 5 DESC, 1, 2, 3, 4
"""
_WAITING = """
SELECT b.source_unit, b.dataset, b.received_on, b.resent, greatest(0, b.quarantined - (
  SELECT count(*) FROM match_case m WHERE m.batch_id = b.batch_id AND m.state <> 'OPEN')) AS refused
FROM quality_batch b WHERE (b.quarantined > 0 OR b.resent > 0)
  AND ($1::text IS NULL OR b.source_unit = $1) AND ($2::text IS NULL OR b.dataset = $2)
ORDER BY b.source_unit, b.dataset, b.received_on, b.batch_id
"""


@dataclass(frozen=True, slots=True)
class Asked:
    """What is asked for."""

    source_unit: str | None = None
    dataset: str | None = None
    month: date | None = None
    """First day of a month."""

    @property
    def parameters(self) -> tuple[Any, ...]:
        """As the statements take them."""
        if self.month is None:
            return self.source_unit, self.dataset, None, None
        year, month = divmod(self.month.year * 12 + self.month.month, 12)
        return self.source_unit, self.dataset, self.month, date(year, month + 1, 1)


@dataclass(frozen=True, slots=True)
class Line:
    """Counts of a source, for a dataset and a month, or for all of them."""

    source_unit: str
    dataset: str
    month: str
    """YYYY-MM; empty: all that were asked for."""
    rows: int
    landed: int
    fresh: int
    corrected: int
    duplicates: int
    quarantined: int
    judged: int
    late: int
    wanted: int
    filled: int

    @property
    def completeness(self) -> int | None:
        """Optional values that are there."""
        return _rate(self.filled, self.wanted)

    @property
    def compliance(self) -> int | None:
        """Rows that landed."""
        return _rate(self.landed, self.rows)

    @property
    def timeliness(self) -> int | None:
        """New records that came in time."""
        return _rate(self.judged - self.late, self.judged)

    @property
    def uniqueness(self) -> int | None:
        """Rows that were no repetition."""
        return _rate(self.rows - self.duplicates, self.rows)

    @property
    def correction(self) -> int | None:
        """Landed rows that corrected a record."""
        return _rate(self.corrected, self.landed)

    @property
    def score(self) -> int | None:
        """Mean of the four rates that there are."""
        rates = (self.compliance, self.completeness, self.timeliness, self.uniqueness)
        known = [rate for rate in rates if rate is not None]
        return sum(known) // len(known) if known else None


@dataclass(frozen=True, slots=True)
class Ranked:
    """A source in the league table."""

    rank: int
    line: Line


@dataclass(frozen=True, slots=True)
class FaultCount:
    """A fault of a source, and how to mend it."""

    source_unit: str
    dataset: str
    code: str
    column: str
    faults: int
    message_zh: str
    message_en: str
    hint: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """Refused rows of a source that were not sent again."""

    source_unit: str
    dataset: str
    rows: int
    oldest: date
    days: int
    """Age of the oldest."""


@dataclass(frozen=True, slots=True)
class QualityReport:
    """All of it."""

    lines: list[Line] = field(default_factory=list)
    league: list[Ranked] = field(default_factory=list)
    faults: list[FaultCount] = field(default_factory=list)
    waiting: list[Waiting] = field(default_factory=list)


async def quality_report(
    connection: Any, asked: Asked, today: date, *, own: str | None = None
) -> QualityReport:
    """What the counts say.

    Args:
        connection: to the database.
        asked: which source, dataset and month; all of them where not said.
        today: civil day on which ages are counted.
        own: a source unit that sees only itself; its rank is the one among all.
    """
    everyone = Asked(None, asked.dataset, asked.month)
    wanted = asked if own is None else Asked(own, asked.dataset, asked.month)
    table = [Line(*row) for row in await connection.fetch(_LINES, *everyone.parameters)]
    lines = [line for line in table if wanted.source_unit in (None, line.source_unit)]
    league = [r for r in _league(table) if wanted.source_unit in (None, r.line.source_unit)]
    faults = [_fault(*row) for row in await connection.fetch(_FAULTS, *wanted.parameters)]
    rows = await connection.fetch(_WAITING, wanted.source_unit, wanted.dataset)
    return QualityReport(lines, league, faults, _waiting(rows, today))


def _league(lines: Iterable[Line]) -> list[Ranked]:
    sums: dict[str, list[int]] = {}
    for line in lines:
        total = sums.setdefault(line.source_unit, [0] * len(_SUMS))
        for n, name in enumerate(_SUMS):
            total[n] += getattr(line, name)
    table = [Line(unit, "", "", *total) for unit, total in sums.items()]
    table.sort(key=lambda line: (-(line.score or 0), line.source_unit))
    scores = [line.score or 0 for line in table]
    return [Ranked(scores.index(score) + 1, line) for line, score in zip(table, scores, strict=True)]


def _waiting(rows: Sequence[Any], today: date) -> list[Waiting]:
    groups: dict[tuple[str, str], list[Any]] = defaultdict(list)
    for row in rows:
        groups[row["source_unit"], row["dataset"]].append(row)
    found = []
    for (unit, dataset), batches in groups.items():
        resent = sum(b["resent"] for b in batches)
        left: list[tuple[date, int]] = []
        for batch in batches:
            answered = min(resent, batch["refused"])
            resent -= answered
            if batch["refused"] > answered:
                left.append((batch["received_on"], batch["refused"] - answered))
        if left:
            oldest = left[0][0]
            found.append(Waiting(unit, dataset, sum(n for _, n in left), oldest, (today - oldest).days))
    return sorted(found, key=lambda w: (-w.days, w.source_unit, w.dataset))


def _fault(unit: str, dataset: str, code: str, column: str, faults: int) -> FaultCount:
    if code in CODES:
        known = fault(code, 0, column)
        return FaultCount(unit, dataset, code, column, faults, known.message_zh, known.message_en, known.hint)
    return FaultCount(
        unit, dataset, code, column, faults, "该列的值不符合要求。", "A value of this column is not well formed.",
        "The quarantine file says of each row what is wrong; mend it there and send that file.",
    )  # fmt: skip


def _rate(part: int, whole: int) -> int | None:
    return part * 10_000 // whole if whole else None
