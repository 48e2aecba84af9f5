"""Reads `clocks.toml`: how long things are published, how soon cases are handled, which days are working days.

- Every severity has its shortest and longest period, every act its time limit, every domain one for objections.
- What a law says of a dataset goes before what its severity says.
- Each figure states its source, and whether somebody who answers for it has verified it.

Sources: credit repair rules (NDRC order 36 of 2025, in force 2026-04-01), State Council office document 22 of
2025, regulation on the credit reporting industry art. 25; the file names them figure by figure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from enum import StrEnum
from typing import Any

from hub.catalog.types import Catalog, Domain, FieldType, Nature
from hub.clock import months_before
from hub.errors import PolicyError
from hub.model.workdays import WorkingCalendar, months_after
from hub.policies.entries import Entry, parse

FILE = "clocks.toml"
_DAY = timedelta(days=1)
_SEVERITIES = ("MINOR", "GENERAL", "SERIOUS")


class LimitUnit(StrEnum):
    """What a time limit is counted in."""

    WORKING_DAY = "WORKING_DAY"
    DAY = "DAY"


class Limited(StrEnum):
    """Acts that have a time limit."""

    REPAIR_ACCEPT = "REPAIR_ACCEPT"
    REPAIR_DECIDE = "REPAIR_DECIDE"
    OBJECTION = "OBJECTION"
    WITHDRAWAL = "WITHDRAWAL"
    """From the day on which a decision was revoked or changed to the day its record is withdrawn."""
    SHIELD_CONFIRM = "SHIELD_CONFIRM"
    """From the entry of a court's ruling to its confirmation by another person."""


_UNITS = {unit.value: unit for unit in LimitUnit}
_ACTS = {act.value: act for act in Limited}


@dataclass(frozen=True, slots=True)
class Publication:
    """How long a record is published, in months from the day of the decision."""

    shortest_months: int
    longest_months: int

    def earliest_repair(self, begun: date) -> date:
        """The first day on which repair may be applied for: the day after the shortest period, if there is one."""
        return months_after(begun, self.shortest_months) + _DAY if self.shortest_months else begun

    def hidden_from(self, begun: date) -> date:
        """The first day on which the record is no longer shown."""
        return months_after(begun, self.longest_months) + _DAY


@dataclass(frozen=True, slots=True)
class Limit:
    """A time limit."""

    days: int
    unit: LimitUnit


@dataclass(frozen=True, slots=True)
class Clocks:
    """All of the file."""

    publication: Mapping[str, Publication] = field(default_factory=dict)
    """By severity."""
    overrides: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    """Shortest and longest months by dataset; None: as the severity says."""
    not_repairable: frozenset[str] = frozenset()
    """Datasets that are not repaired by application here."""
    limits: Mapping[tuple[Limited, str], Limit] = field(default_factory=dict)
    """By act and, for objections, domain."""
    extensions: Mapping[tuple[Limited, str], Limit] = field(default_factory=dict)
    """By how much a limit may be extended, once; an act that is not here cannot be extended."""
    retention_years: int = 0
    """How long adverse records of persons are kept after the conduct ended; 0: nothing is ever deleted."""
    ended_by: Mapping[str, str] = field(default_factory=dict)
    """Field that says when the conduct ended, by dataset; elsewhere the day of the decision counts."""
    calendar: WorkingCalendar = field(default_factory=WorkingCalendar)
    unverified: tuple[str, ...] = ()
    """Names of the entries that nobody has verified yet."""

    def publication_of(self, dataset: str, severity: str) -> Publication:
        """How long a record of a dataset and severity is published."""
        general = self.publication[severity]
        shortest, longest = self.overrides.get(dataset, (None, None))
        return Publication(
            general.shortest_months if shortest is None else shortest,
            general.longest_months if longest is None else longest,
        )

    def kept_from(self, today: date) -> date | None:
        """Adverse records of persons whose conduct ended before this day are not kept; None: all are."""
        return months_before(today, 12 * self.retention_years) if self.retention_years else None

    def ended_on(self, dataset: str, values: Mapping[str, Any], event: date) -> date | None:
        """The day on which the conduct behind a record ended, by its stored values; None: it has not."""
        if dataset not in self.ended_by:
            return event
        day = values.get(self.ended_by[dataset])
        return date.fromisoformat(day) if isinstance(day, str) else None

    def due(self, act: Limited, begun: date, domain: str = "") -> date:
        """The last civil day on which an act is in time.

        Args:
            act: the act.
            begun: civil day on which the case was opened; it is not counted.
            domain: of the record, for an objection.
        """
        return self._last_day(self.limits[act, domain], begun)

    def extended(self, act: Limited, due: date, domain: str = "") -> date | None:
        """The last civil day on which an act that was due on a day is in time once extended; None: it cannot be."""
        limit = self.extensions.get((act, domain))
        return None if limit is None else self._last_day(limit, due)

    def _last_day(self, limit: Limit, begun: date) -> date:
        if limit.unit is LimitUnit.WORKING_DAY:
            return self.calendar.after(begun, limit.days)
        return self.calendar.days_after(begun, limit.days)


def read_clocks(text: str, catalog: Catalog) -> Clocks:
    """The clocks of a file.

    Raises:
        PolicyError: naming the entry and key that break a rule.
    """
    top = Entry(FILE, "(file)", parse(FILE, text))
    unverified: list[str] = []

    def each(key: str) -> Iterator[Entry]:
        for entry in top.tables(key):
            yield entry
            entry.text("source")
            if not entry.flag("verified"):
                unverified.append(entry.name)
            entry.close()

    publication = _publication(each("publication"))
    overrides = _overrides(each("override"), catalog, publication)
    closed = frozenset(_negative(entry, catalog) for entry in each("not_repairable"))
    limits = _limits(each("limit"))
    _complete_limits(limits)
    extensions = _limits(each("extension"))
    years, ended_by = _retention(each("retention")), _ended_by(each("ended_by"), catalog)
    calendar = _calendar(each("calendar"))
    top.close()
    return Clocks(
        publication, overrides, closed, limits, extensions, years, ended_by, calendar, tuple(unverified)
    )


def _publication(entries: Iterator[Entry]) -> dict[str, Publication]:
    found: dict[str, Publication] = {}
    for entry in entries:
        severity = entry.word("severity", dict.fromkeys(_SEVERITIES), "the severities")
        if severity in found:
            raise entry.error("severity", "the severity stands twice", "Name each once.")
        found[severity] = Publication(entry.whole("shortest_months"), entry.whole("longest_months"))
        if found[severity].longest_months <= found[severity].shortest_months:
            raise entry.error("longest_months", "it is not longer than the shortest period", "Correct it.")
    _complete("publication", found, _SEVERITIES)
    return found


def _overrides(
    entries: Iterator[Entry], catalog: Catalog, publication: Mapping[str, Publication]
) -> dict[str, tuple[int | None, int | None]]:
    found: dict[str, tuple[int | None, int | None]] = {}
    for entry in entries:
        dataset = _negative(entry, catalog)
        shortest = entry.whole("shortest_months") if entry.has("shortest_months") else None
        longest = entry.whole("longest_months") if entry.has("longest_months") else None
        if dataset in found or shortest is longest is None:
            raise entry.error("dataset", "it stands twice or overrides nothing", "Name each dataset once.")
        for general in publication.values():
            low = general.shortest_months if shortest is None else shortest
            high = general.longest_months if longest is None else longest
            if high <= low:
                key = "shortest_months" if longest is None else "longest_months"
                raise entry.error(key, "some period would not be longer than its shortest", "Write both.")
        found[dataset] = (shortest, longest)
    return found


def _limits(entries: Iterator[Entry]) -> dict[tuple[Limited, str], Limit]:
    found: dict[tuple[Limited, str], Limit] = {}
    domains = {domain.value: domain for domain in Domain}
    for entry in entries:
        act = entry.known("act", _ACTS, "the acts with a time limit")
        domain = entry.word("domain", domains, "the domains") if act is Limited.OBJECTION else ""
        if (act, domain) in found:
            raise entry.error("act", "the limit stands twice", "Name each once.")
        found[act, domain] = Limit(entry.whole("days"), entry.known("unit", _UNITS, "the units"))
        if not found[act, domain].days:
            raise entry.error("days", "nothing can be done in no days", "Write 1 or more.")
    return found


def _complete_limits(found: Mapping[tuple[Limited, str], Limit]) -> None:
    domains = {domain.value: domain for domain in Domain}
    wanted = [(act, "") for act in Limited if act is not Limited.OBJECTION]
    _complete("limit", found, [*wanted, *((Limited.OBJECTION, name) for name in domains)])
    accept, decide = found[Limited.REPAIR_ACCEPT, ""], found[Limited.REPAIR_DECIDE, ""]
    if accept.unit is not decide.unit or accept.days > decide.days:
        raise PolicyError(
            f"{FILE}: a repair would have to be decided before it is accepted.",
            hint="Write both limits in one unit, the decision not shorter than the acceptance.",
        )


def _retention(entries: Iterator[Entry]) -> int:
    years = 0
    for entry in entries:
        if years:
            raise entry.error("years", "the period stands twice", "Write it once.")
        years = entry.whole("years")
        if not years:
            raise entry.error("years", "nothing is kept for no years", "Write 1 or more.")
    _complete("retention", {"adverse records": 1} if years else {}, ["adverse records"])
    return years


def _ended_by(entries: Iterator[Entry], catalog: Catalog) -> dict[str, str]:
    found: dict[str, str] = {}
    for entry in entries:
        dataset = _negative(entry, catalog)
        if dataset in found:
            raise entry.error("dataset", "it stands twice", "Name each dataset once.")
        dates = {f.name: f for f in catalog.datasets[dataset].fields if f.type is FieldType.DATE}
        found[dataset] = entry.word("field", dates, "the dates of this dataset")
    return found


def _calendar(entries: Iterator[Entry]) -> WorkingCalendar:
    holidays: set[date] = set()
    workdays: set[date] = set()
    years: set[int] = set()
    for entry in entries:
        year = entry.whole("year")
        if year in years:
            raise entry.error("year", "the year stands twice", "Name each once.")
        years.add(year)
        for item in entry.tables("holidays"):
            day, last = _day(item, "from", year), _day(item, "to", year)
            if last < day:
                raise item.error("to", "the holiday ends before it begins", "Correct it.")
            item.close()
            while day <= last:
                holidays.add(day)
                day += _DAY
        for item in entry.tables("workdays"):
            day = _day(item, "on", year)
            if day.weekday() < 5 or day in holidays:
                raise item.error("on", "it is a holiday or a weekday anyway", "Name a Saturday or Sunday.")
            workdays.add(day)
            item.close()
    return WorkingCalendar(frozenset(holidays), frozenset(workdays))


def _day(entry: Entry, key: str, year: int) -> date:
    try:
        day = date.fromisoformat(entry.text(key))
    except ValueError:
        day = date.min
    if day.year != year:
        raise entry.error(key, "it is no day of this year", "Write YYYY-MM-DD.")
    return day


def _negative(entry: Entry, catalog: Catalog) -> str:
    known = {d.id: d for d in catalog if d.nature is Nature.NEGATIVE}
    return entry.known("dataset", known, "the datasets of negative records").id


def _complete(key: str, found: Mapping[Any, object], wanted: Iterable[Any]) -> None:
    for name in wanted:
        if name not in found:
            words = name if isinstance(name, str) else " ".join(part for part in name if part)
            raise PolicyError(f"{FILE} has no [[{key}]] for {words}.", hint="Add one.")
